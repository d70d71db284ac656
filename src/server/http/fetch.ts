/**
 * @file The server as a function from the Web's `Request` to `Response`, for runtimes and frameworks that have these.
 */
import type { Answer, RequestHandler, ServerRequest } from './messages.ts';

/** What the owner of the sockets knows about a request. */
export interface Caller {
  /** Address of the client. */
  readonly client?: string;
}

/** A handler of the Web's requests. */
export type Fetch = (request: Request, caller?: Caller) => Promise<Response>;

/** Makes a function that answers the Web's requests. */
export function fetchWith(handle: RequestHandler): Fetch {
  return async (request, { client } = {}) => toResponse(await handle(fromRequest(request, client)));
}

function fromRequest(request: Request, client: string | undefined): ServerRequest {
  const { method, url, headers, signal } = request;
  return {
    method,
    target: url.slice(url.indexOf('/', url.indexOf('://') + 3)),
    client,
    signal,
    header: (name) => headers.get(name) ?? undefined,
    async read(onChunk) {
      if (request.body === null) return;
      for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) await onChunk(chunk);
    },
  };
}

function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body, {
    status,
    headers: headers.entries().map(([name, value]): [string, string] => [name, value]),
  });
}
