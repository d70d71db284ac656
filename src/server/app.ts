/**
 * @file The HTTP application: routes over one model, as a function from `Request` to `Response`.
 */
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { allowOrigin, isAllowed, preflight } from './access.ts';
import { nativeEmbeddings, openAiEmbeddings } from './embeddings.ts';
import type { Engine } from './engine.ts';
import { type ErrorType, HttpError, handlerErrorBody, layerErrorBody, toHttpError } from './errors.ts';
import { readFields } from './json-body.ts';
import { modelList } from './models.ts';
import type { AppOptions } from './options.ts';
import { rerank } from './rerank.ts';
import { type Handler, makeService, type Service } from './service.ts';
import { changeProps, generationPaths, props, slots, unsupported } from './status.ts';
import { detokenize, tokenize } from './tokens.ts';

/** A server without sockets. */
export interface App {
  fetch(request: Request): Promise<Response>;
}

/**
 * The application.
 * @param engine the model, or the promise of it: until it is there every request is answered with 503 `Loading model`
 */
export function createApp(engine: Engine | Promise<Engine>, options: AppOptions = {}): App {
  const { prefix = '', apiKeys = [], cors = {} } = options;
  let service: Service | undefined;
  let nActive = 0;
  const start = (loaded: Engine) => {
    service = makeService(loaded, options);
  };
  if (engine instanceof Promise) engine.then(start, () => {});
  else start(engine);

  const app = new Hono();
  app.use(async (c, next) => {
    c.header('Server', 'llama.cpp');
    allowOrigin(c, cors);
    c.header('Content-Type', 'application/json; charset=utf-8');
    if (c.req.method === 'OPTIONS') return preflight(c, cors);
    if (service === undefined) return refuse(c, 'unavailable_error', 'Loading model');
    if (!isAllowed(apiKeys, c.req.path, c.req.raw.headers)) return refuse(c, 'authentication_error', 'Invalid API Key');
    if (c.req.method === 'HEAD') c.header('Accept-Ranges', 'bytes');
    await next();
  });
  app.notFound((c) => refuse(c, 'not_found_error', 'File Not Found'));
  app.onError((error, c) => {
    const answer = toHttpError(error);
    if (answer.status === 500 && !c.req.raw.signal.aborted) options.onError?.(error);
    for (const [name, value] of Object.entries(answer.headers)) c.header(name, value);
    return c.body(handlerErrorBody(answer), answer.status as ContentfulStatusCode);
  });

  const answer = (handler: Handler) => async (c: Context) => {
    const request = c.req.raw;
    const body = await handler({
      service: service!,
      fields: () => readFields(request, service!.options.bodyLimit),
      query: (name) => c.req.query(name),
      param: (name) => c.req.param(name),
      signal: request.signal,
    });
    return c.body(body);
  };
  /** A handler that counts as work while it runs. */
  const working =
    (handler: Handler): Handler =>
    async (call) => {
      nActive++;
      try {
        return await handler(call);
      } finally {
        nActive--;
      }
    };
  const get = (paths: readonly string[], handler: Handler) => {
    for (const path of paths) app.get(prefix + path, answer(handler));
  };
  const post = (paths: readonly string[], handler: Handler) => {
    for (const path of paths) app.post(prefix + path, answer(handler));
  };
  get(['/health', '/v1/health'], () => '{"status":"ok"}');
  get(['/models', '/v1/models'], modelList);
  get(['/props'], props);
  post(['/props'], changeProps);
  get(['/slots'], (call) => slots(call, nActive));
  post(['/slots/:id'], unsupported('This server does not support slots action. Start it with `--slot-save-path`'));
  get(['/lora-adapters'], () => '[]');
  post(['/lora-adapters'], unsupported('This server does not support LoRA adapters: merge the adapter into the model'));
  post(['/v1/embeddings'], working(openAiEmbeddings));
  post(['/embeddings', '/embedding'], working(nativeEmbeddings));
  post(['/rerank', '/reranking', '/v1/rerank', '/v1/reranking'], working(rerank));
  post(['/tokenize'], tokenize);
  post(['/detokenize'], detokenize);
  post(generationPaths, unsupported('This server does not generate text: it embeds and ranks'));
  get(['/metrics'], unsupported('This server does not support metrics endpoint. Start it with `--metrics`'));
  return { fetch: async (request) => app.fetch(request) };
}

/** An answer from before any handler. */
function refuse(c: Context, type: ErrorType, message: string): Response {
  const error = new HttpError(type, message);
  return c.body(layerErrorBody(error), error.status as ContentfulStatusCode);
}
