/**
 * @file The HTTP application: routes over one model, as a function from `Request` to `Response`.
 */
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { BatchReport } from '../engine/index.ts';
import type { Engine } from './engine.ts';
import {
  type ErrorType,
  HttpError,
  handlerErrorBody,
  INVALID_TOKENS,
  layerErrorBody,
  OWN_TOKENS_WARNING,
  toHttpError,
} from './errors.ts';
import type { Visit } from './middleware/admission.ts';
import { parseFields, readBytes } from './middleware/body.ts';
import { allowOrigin, isAllowed, preflight } from './middleware/cors.ts';
import { workHandlers } from './routes/body-routes.ts';
import { modelList } from './routes/models.ts';
import { openApi } from './routes/openapi.ts';
import { changeProps, generationPaths, health, metrics, props, slots, unsupported } from './routes/status.ts';
import {
  type AppOptions,
  type Asked,
  type Body,
  type Handler,
  makeHouse,
  makeService,
  type Service,
  type WorkPath,
} from './state.ts';

/** Bytes of a body from which on a request is large: less is handled in a few milliseconds. */
const LARGE = 1 << 16;

/** Most values in one answer: 256 MiB of float32, and three times as much as JSON. */
const MAX_VALUES = 1 << 26;
/** Bytes that a value takes while an answer is made: float32 and its decimals. */
const BYTES_PER_VALUE = 16;

/** What the one who owns the sockets knows about a request. */
export interface Caller {
  /** Who asks, an address for instance. */
  readonly client?: string;
}

/** A server without sockets. */
export interface App {
  fetch(request: Request, caller?: Caller): Promise<Response>;
  /** To be given to `Embedder.load`, so that batches are counted. */
  readonly onBatch: (batch: BatchReport) => void;
}

interface Env {
  Bindings: Caller;
  Variables: { route: string; nTokens: number; isAnswered: boolean };
}
type AppContext = Context<Env>;

/**
 * The application.
 * @param engine the model, or the promise of it: until it is there every request is answered with 503 `Loading model`
 */
export function createApp(engine: Engine | Promise<Engine>, options: AppOptions = {}): App {
  const house = makeHouse(options);
  const { prefix, apiKeys, cors, bodyLimit } = house.options;
  const { large } = options;
  let service: Service | undefined;
  const moveIn = (loaded: Engine) => {
    service = makeService(loaded, house);
  };
  if (engine instanceof Promise) engine.then(moveIn, () => {});
  else moveIn(engine);

  let hasWarned = false;
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    const started = performance.now();
    await next();
    const milliseconds = performance.now() - started;
    const route = c.get('route') ?? 'none';
    if (c.get('isAnswered')) house.metrics.request(route, c.res.status, milliseconds / 1000);
    options.onRequest?.({
      client: c.env?.client,
      method: c.req.method,
      route,
      status: c.res.status,
      nTokens: c.get('nTokens') ?? 0,
      milliseconds,
    });
  });
  app.use(async (c, next) => {
    c.header('Server', 'llama.cpp');
    allowOrigin(c, cors);
    c.header('Content-Type', 'application/json; charset=utf-8');
    if (c.req.method === 'OPTIONS') return preflight(c, cors);
    if (service === undefined) return refuse(c, 'unavailable_error', 'Loading model');
    if (!isAllowed(apiKeys, prefix, c.req.path, c.req.raw.headers))
      return refuse(c, 'authentication_error', 'Invalid API Key');
    if (c.req.method === 'HEAD') c.header('Accept-Ranges', 'bytes');
    c.set('isAnswered', true);
    await next();
  });
  app.notFound((c) => refuse(c, 'not_found_error', 'File Not Found'));
  app.onError((error, c) => {
    const answer = toHttpError(error);
    // A refused body aborts the signal, too.
    if (answer.status === 500 && c.req.raw.signal.aborted) house.metrics.abandoned++;
    else if (answer.status === 500) options.onError?.(error);
    if (answer.message.startsWith(INVALID_TOKENS) && !hasWarned) {
      hasWarned = true;
      options.onWarning?.(OWN_TOKENS_WARNING);
    }
    for (const [name, value] of Object.entries(answer.headers)) c.header(name, value);
    return c.body(handlerErrorBody(answer), answer.status as ContentfulStatusCode);
  });

  const answer = (path: string, handler: (asked: Asked, request: Request) => Body | Promise<Body>) => {
    return async (c: AppContext) => {
      c.set('route', path);
      const request = c.req.raw;
      const asked: Asked = {
        service: service!,
        client: c.env?.client,
        query: (name) => c.req.query(name),
        header: (name, value) => c.header(name, value),
        countTokens(nTokens) {
          house.metrics.inputs(nTokens);
          c.set(
            'nTokens',
            nTokens.reduce((sum, n) => sum + n, c.get('nTokens') ?? 0),
          );
        },
        signal: request.signal,
      };
      try {
        return c.body(await handler(asked, request));
      } catch (error) {
        // The reason of an abort may be anything, and only an Error reaches `onError`.
        throw error instanceof Error ? error : new Error(String(error));
      }
    };
  };
  const get = (paths: readonly string[], handler: Handler<Asked>) => {
    for (const path of paths) app.get(prefix + path, answer(path, handler));
  };
  const post = (paths: readonly string[], handler: Handler<Asked>) => {
    for (const path of paths) app.post(prefix + path, answer(path, handler));
  };
  /** A handler with work to do: what comes in is bounded, and what is large is handled elsewhere. */
  const work = (path: WorkPath) => async (asked: Asked, request: Request) => {
    const visit = enter(asked.service, Number(request.headers.get('content-length') ?? 0));
    try {
      const bytes = await readBytes(request, bodyLimit, visit.add);
      visit.start();
      const type = request.headers.get('content-type') ?? '';
      const reserve = (nValues: number) => {
        if (nValues > MAX_VALUES) throw tooManyValues(nValues);
        visit.add(nValues * BYTES_PER_VALUE);
      };
      if (large !== undefined && bytes.length > LARGE)
        return await large.handle({ ...asked, reserve, path, bytes, type });
      return await workHandlers[path]({ ...asked, reserve, fields: () => parseFields(bytes, type) });
    } finally {
      visit.leave();
    }
  };

  get(['/health', '/v1/health'], health);
  get(['/models', '/v1/models'], modelList);
  get(['/props'], props);
  post(['/props'], changeProps);
  get(['/slots'], slots);
  post(['/slots/:id'], unsupported('This server does not support slots action. Start it with `--slot-save-path`'));
  get(['/metrics'], metrics);
  get(['/openapi.json'], openApi);
  get(['/lora-adapters'], () => '[]');
  post(['/lora-adapters'], unsupported('This server does not support LoRA adapters: merge the adapter into the model'));
  for (const path of Object.keys(workHandlers) as WorkPath[]) app.post(prefix + path, answer(path, work(path)));
  post(generationPaths, unsupported('This server does not generate text: it embeds and ranks'));
  return {
    fetch: async (request, caller) => app.fetch(request, caller ?? {}),
    onBatch: (batch) => house.metrics.batch(batch),
  };
}

/** @throws HttpError (503) when too much is under way */
function enter({ gate, metrics, engine }: Service, bytes: number): Visit {
  const { tokensPerSecond } = metrics;
  return gate.enter(bytes, tokensPerSecond > 0 ? engine.nWaitingTokens / tokensPerSecond : 1);
}

function tooManyValues(nValues: number): HttpError {
  return new HttpError(
    'invalid_request_error',
    `the answer would have ${nValues} values, more than ${MAX_VALUES}: ask for fewer inputs at a time, or fewer dimensions`,
  );
}

/** An answer from before any handler. */
function refuse(c: AppContext, type: ErrorType, message: string): Response {
  const error = new HttpError(type, message);
  return c.body(layerErrorBody(error), error.status as ContentfulStatusCode);
}
