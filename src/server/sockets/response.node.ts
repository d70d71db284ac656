/**
 * @file How answers leave: header names in their usual spelling, as llama-server sends them (they have no case by the
 * standard, but some clients compare them as they come, and `Headers` gives them in lower case), and bodies in pieces, so
 * that it can be seen whether the client reads.
 */
import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';

const spellings = new Map([
  ['etag', 'ETag'],
  ['www-authenticate', 'WWW-Authenticate'],
]);

/** A name with capitals at the beginnings of its words. */
function usualSpelling(name: string): string {
  let usual = spellings.get(name);
  if (usual === undefined) {
    usual = name.replace(/(?<![^-])[a-z]/g, (letter) => letter.toUpperCase());
    spellings.set(name, usual);
  }
  return usual;
}

type Sent = OutgoingHttpHeaders | OutgoingHttpHeader[] | string | undefined;

/** Most bytes that leave at a time. */
const PIECE = 2 ** 18;

/** A response that tells how much of its body has not left yet, and since when. */
export class TrackedResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** When the last piece left, or the answer was complete; `undefined` until then. */
  stuckSince: number | undefined;
  /** Bytes of the body that wait. */
  waiting = 0;

  override writeHead(status: number, ...[reason, headers]: [reason?: Sent, headers?: Sent]): this {
    const spell = (given: Sent) =>
      typeof given !== 'object' || Array.isArray(given)
        ? given
        : Object.fromEntries(Object.entries(given).map(([name, value]) => [usualSpelling(name), value]));
    return Reflect.apply(super.writeHead, this, [status, spell(reason), spell(headers)]);
  }

  override end(...[body, ...more]: [body?: unknown, ...more: unknown[]]): this {
    this.stuckSince = performance.now();
    if (typeof body === 'string' && body.length > PIECE) return this.#send(Buffer.from(body), 0);
    if (body instanceof Uint8Array && body.length > PIECE) return this.#send(body, 0);
    return Reflect.apply(super.end, this, [body, ...more]);
  }

  #send(body: Uint8Array, from: number): this {
    const to = from + PIECE;
    this.waiting = body.length - from;
    if (to >= body.length) return super.end(body.subarray(from));
    this.write(body.subarray(from, to), (error) => {
      if (error || this.destroyed) return;
      this.stuckSince = performance.now();
      this.#send(body, to);
    });
    return this;
  }
}
