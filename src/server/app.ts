/**
 * @file The HTTP application over one model: the middleware and the table of routes.
 */
import type { BatchReport } from '../engine/index.ts';
import { onExchange } from './context.ts';
import type { Engine } from './engine.ts';
import { type Fetch, fetchWith } from './http/fetch.ts';
import type { RequestHandler } from './http/messages.ts';
import { withBody } from './middleware/body.ts';
import { requireModel } from './middleware/model.ts';
import type { ServeOptions } from './options.ts';
import type { BodyPath, Handler, LargeRequestHandler, RequestContext } from './request.ts';
import { bodyRoutes } from './routes/body-routes.ts';
import { health } from './routes/health.ts';
import { changeLoraAdapters, loraAdapters } from './routes/lora-adapters.ts';
import { metrics } from './routes/metrics.ts';
import { modelById, modelList } from './routes/models.ts';
import { ollamaTags, ollamaVersion } from './routes/ollama.ts';
import { openApi } from './routes/openapi.ts';
import { changeProps, props } from './routes/props.ts';
import { slots } from './routes/slots.ts';
import { teiInfo } from './routes/tei.ts';
import { generationPaths, unsupported } from './routes/unsupported.ts';
import { type Pages, serverApplication } from './server-application.ts';
import { createState, type SharedState } from './state.ts';

/** Routes whose handlers need no body. `bodyRoutes` has the others. */
const routes: readonly (readonly ['GET' | 'POST', readonly string[], Handler<RequestContext>])[] = [
  ['GET', ['/health', '/v1/health'], health],
  ['GET', ['/models', '/v1/models'], modelList],
  ['GET', ['/v1/models/:id+'], modelById],
  ['GET', ['/info'], teiInfo],
  ['GET', ['/api/tags'], ollamaTags],
  ['GET', ['/api/version'], ollamaVersion],
  ['GET', ['/props'], props],
  ['POST', ['/props'], changeProps],
  ['GET', ['/slots'], slots],
  ['POST', ['/slots/:id'], unsupported('This server does not support slots action. Start it with `--slot-save-path`')],
  ['GET', ['/metrics'], metrics],
  ['GET', ['/openapi.json'], openApi],
  ['GET', ['/lora-adapters'], loraAdapters],
  ['POST', generationPaths, unsupported('This server does not generate text: it embeds and ranks')],
];

/** Options of `createApp`. Every option has a default. */
export interface AppOptions extends ServeOptions, Pages {
  /** Handles requests with large bodies. Default: the thread that serves HTTP handles them. */
  readonly large?: LargeRequestHandler;
  /** What it shares with other applications. Default: nothing. */
  readonly shared?: SharedState;
}

/** A server without sockets. */
export interface App {
  readonly handle: RequestHandler;
  /** The same for runtimes and frameworks with the Web's `Request` and `Response`. */
  readonly fetch: Fetch;
  /** Pass it to `Embedder.load`, so that the server counts batches. */
  readonly onBatch: (batch: BatchReport) => void;
  /** Announces a stop: from now on GET /health answers 503, so that balancers send requests elsewhere. All others are answered. */
  drain(): void;
}

/**
 * Makes the application.
 * @param engine the model or a promise of it. Until the promise resolves, every request gets 503 `Loading model`
 */
export function createApp(
  engine: Engine | Promise<Engine>,
  { large, shared, page, apiDocs, ...options }: AppOptions = {},
): App {
  const state = createState(options, shared);
  const { counters, readiness } = state;
  const app = serverApplication(state, { ...options, page, apiDocs }, [requireModel(state, engine)]);
  for (const [method, paths, handler] of routes) {
    for (const path of paths) app.on(method, path, onExchange(handler));
  }
  for (const [path, handler] of Object.entries(bodyRoutes)) {
    app.on('POST', path, onExchange(withBody(path as BodyPath, handler, large)));
  }
  app.on('POST', '/lora-adapters', onExchange(changeLoraAdapters));
  const handle: RequestHandler = (request) => app.handle(request);
  return {
    handle,
    fetch: fetchWith(handle),
    onBatch: (batch) => counters.batch(batch),
    drain() {
      readiness.isDraining = true;
    },
  };
}
