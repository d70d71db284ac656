/**
 * @file The HTTP application over several models: chooses the model of a request, loads it if necessary, and passes the request
 * to the application over that model. Follows llama-server's router mode.
 */
import { type App, createApp } from '../app.ts';
import { HttpError } from '../errors.ts';
import type { Exchange, ExchangeHandler } from '../http/exchange.ts';
import { fetchWith } from '../http/fetch.ts';
import type { Answer, RequestHandler, ServerRequest } from '../http/messages.ts';
import { AdmissionControl } from '../middleware/admission.ts';
import { readBytes } from '../middleware/read-bytes.ts';
import type { ServeOptions } from '../options.ts';
import type { LargeRequestHandler } from '../request.ts';
import { bodyRoutes } from '../routes/body-routes.ts';
import { healthOf } from '../routes/health.ts';
import { requireMetrics } from '../routes/metrics.ts';
import { ollamaVersion } from '../routes/ollama.ts';
import { describeApi } from '../routes/openapi.ts';
import { generationPaths } from '../routes/unsupported.ts';
import { type Pages, serverApplication } from '../server-application.ts';
import { createState } from '../state.ts';
import { bodyModel } from './body-model.ts';
import { ModelChooser } from './choose.ts';
import { Downloads, type ModelStore } from './downloads.ts';
import { type ModelMetrics, mergeMetrics } from './merge-metrics.ts';
import { type LoadedEngine, ollamaEntries, statusEvent } from './model-entries.ts';
import { ModelEvents } from './model-events.ts';
import { ModelPool, type PoolLimits } from './model-pool.ts';
import { addModelRoutes } from './model-routes.ts';
import type { PoolEntry } from './pool-entry.ts';
import type { ServedModel } from './served-model.ts';

/** Handles the large requests of one model. */
interface LargeRequestWorker extends LargeRequestHandler {
  close(): Promise<void>;
}

/** Settings of a server of several models. */
export interface RouterOptions extends Omit<ServeOptions, 'aliases' | 'tags'>, PoolLimits, Pages {
  /** Whether a request loads its model. */
  readonly autoload: boolean;
  /** Creates the handler of large requests for each loaded model. Default: the thread that serves HTTP handles them. */
  readonly createLarge?: () => LargeRequestWorker;
  /** Where models are added from while the server runs. Default: none are. */
  readonly store?: ModelStore;
}

/** A server of several models, without sockets. */
export interface Router extends Pick<App, 'handle' | 'fetch' | 'drain'> {
  /** Loads the models that the server loads at the start. */
  loadAtStart(): Promise<void>;
  /** Ends the answers that last until the server stops: events about models. */
  endEvents(): void;
  /** Stops downloads, and unloads all models. */
  close(): Promise<void>;
}

interface RunningApp extends LoadedEngine {
  readonly app: App;
}

/**
 * The application.
 * @throws Error if two models have the same name
 */
export function createRouter(models: readonly ServedModel[], options: RouterOptions): Router {
  const { createLarge, autoload, onError, store, page: _, apiDocs: __, ...served } = options;
  const state = createState(served);
  const { settings, counters, readiness } = state;
  const { prefix } = settings;
  // Bodies count for all models together.
  const held = { bytes: 0 };
  const admission = new AdmissionControl(settings, () => counters.rejected++, held);
  const events = new ModelEvents();
  const report = (error: unknown) => onError?.(error);
  const pool = new ModelPool<RunningApp>(models, options, open, report, (entry, change) => {
    const { event, data } = statusEvent(entry, change);
    events.send(entry.model.id, event, data);
  });
  const chooser = new ModelChooser(pool);
  const downloads = store && new Downloads(store, events, report);

  async function open(entry: PoolEntry<RunningApp>, signal: AbortSignal): Promise<RunningApp> {
    const { model, counters } = entry;
    let progress = 0;
    const engine = await model.load({
      signal,
      onBatch: (batch) => counters.batch(batch),
      onProgress({ stage, done, total }) {
        const value = Math.floor((100 * done) / total) / 100;
        if (stage !== 'load' || value <= progress || value >= 1) return;
        progress = value;
        pool.progress(entry, value);
      },
    });
    const large = createLarge?.();
    const { id: name, tags } = model;
    const app = createApp(engine, {
      ...served,
      ...model.options,
      aliases: [name],
      tags,
      onError,
      large,
      shared: { counters, held },
    });
    const dispose = async () => {
      await large?.close();
      await engine.dispose();
    };
    return { engine, app, dispose };
  }

  /**
   * Passes a request to a model.
   * @param onForward called when the model is loaded
   */
  async function forward(
    exchange: Exchange,
    entry: PoolEntry<RunningApp>,
    request: ServerRequest,
    onForward = () => {},
  ): Promise<Answer> {
    const loads = exchange.query('autoload');
    if (loads === undefined ? !autoload : !['true', '1'].includes(loads)) {
      if (entry.status === 'loading') throw new HttpError('unavailable_error', 'Loading model');
      if (entry.status === 'unloaded') throw new HttpError('invalid_request_error', 'model is not loaded');
    }
    return pool.use(entry, request.signal, ({ app }) => {
      onForward();
      exchange.isForwarded = true;
      return app.handle(request);
    });
  }

  const choose = (name: unknown, path: string) => {
    if (downloads?.has(name)) throw new HttpError('invalid_request_error', `model name=${name} is not running`);
    return chooser.choose(name, path);
  };
  const pathOf = ({ path }: Exchange) => path.slice(prefix.length);

  /** Passes a request to the model that the query names. */
  const forwardGet: ExchangeHandler = async (exchange) =>
    forward(exchange, await choose(exchange.query('model'), pathOf(exchange)), exchange.request);

  /** Passes a request to the model that the body names. */
  const forwardPost: ExchangeHandler = async (exchange) => {
    const { request } = exchange;
    const admitted = admission.admit(Number(request.header('content-length') ?? 0), 1);
    let isAdmitted = true;
    // The application over the model admits the request again.
    const end = () => {
      if (isAdmitted) admitted.end();
      isAdmitted = false;
    };
    try {
      const bytes = await readBytes(request, settings.bodyLimit, admitted.add);
      admitted.start();
      const name = await bodyModel(bytes, request.header('content-type') ?? '');
      const entry = await choose(name, pathOf(exchange));
      pool.countUse(entry);
      return await forward(exchange, entry, withBytes(request, bytes), end);
    } finally {
      end();
    }
  };

  const app = serverApplication(state, options);
  const get = (path: string, handler: ExchangeHandler) => app.on('GET', path, handler);
  for (const path of ['/health', '/v1/health']) get(path, (exchange) => exchange.answer(healthOf(readiness)));
  addModelRoutes(app, { pool, chooser, events, downloads });
  get('/props', (exchange) => (exchange.query('model') ? forwardGet(exchange) : exchange.answer(routerProps(options))));
  get('/metrics', async (exchange) => {
    if (exchange.query('model')) return forwardGet(exchange);
    requireMetrics(settings);
    exchange.headers.set('Content-Type', 'text/plain; version=0.0.4');
    return exchange.answer(await routerMetrics(pool.entries, exchange.request));
  });
  for (const path of ['/slots', '/lora-adapters', '/info']) get(path, forwardGet);
  get('/api/tags', (exchange) => exchange.answer(ollamaEntries(pool.entries)));
  get('/api/version', (exchange) => exchange.answer(ollamaVersion()));
  get('/openapi.json', async (exchange) => exchange.answer(await describeApi(settings)));
  for (const path of [...Object.keys(bodyRoutes), '/props', '/slots/:id', '/lora-adapters', ...generationPaths]) {
    app.on('POST', path, forwardPost);
  }
  const handle: RequestHandler = (request) => app.handle(request);
  return {
    handle,
    fetch: fetchWith(handle),
    drain() {
      readiness.isDraining = true;
    },
    loadAtStart: () => pool.loadAtStart(),
    endEvents: () => events.close(),
    async close() {
      events.close();
      await downloads?.close();
      await pool.close();
    },
  };
}

/** The same request with a body that was read and decompressed. */
function withBytes(request: ServerRequest, bytes: Uint8Array): ServerRequest {
  const { method, target, client, signal } = request;
  const changed = new Map<string, string | undefined>([
    ['content-encoding', undefined],
    ['transfer-encoding', undefined],
    ['content-length', String(bytes.length)],
  ]);
  return {
    method,
    target,
    client,
    signal,
    header: (name) => (changed.has(name) ? changed.get(name) : request.header(name)),
    read: async (onChunk) => onChunk(bytes),
  };
}

/** The body of GET /props without a model. */
function routerProps({ maxModels, autoload }: RouterOptions): string {
  return JSON.stringify({
    role: 'router',
    max_instances: maxModels,
    models_autoload: autoload,
    model_alias: 'gguf-embed',
    model_path: 'none',
    default_generation_settings: { params: null, n_ctx: 0 },
    ui_settings: {},
    build_info: 'gguf-embed',
    cors_proxy_enabled: false,
  });
}

/** The metrics of all loaded models, and for each model whether it is loaded. */
async function routerMetrics(entries: readonly PoolEntry<RunningApp>[], request: ServerRequest): Promise<string> {
  const models: ModelMetrics[] = [];
  for (const { model, running } of entries) {
    const isLoaded = `# HELP gguf_embed_model_loaded Whether the model is in memory.
# TYPE gguf_embed_model_loaded gauge
gguf_embed_model_loaded ${running === undefined ? 0 : 1}
`;
    const text = running === undefined ? '' : String((await running.app.handle(request)).body);
    models.push({ id: model.id, text: isLoaded + text });
  }
  return mergeMetrics(models);
}
