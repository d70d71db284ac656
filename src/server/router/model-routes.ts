/**
 * @file Routes about the models of a server: lists, loading and unloading, adding and removing, and events.
 */
import { HttpError } from '../errors.ts';
import type { Application } from '../http/application.ts';
import type { Exchange, ExchangeHandler } from '../http/exchange.ts';
import type { ServerRequest } from '../http/messages.ts';
import { parseFields } from '../json/fields.ts';
import { notFound } from '../middleware/errors.ts';
import { readBytes } from '../middleware/read-bytes.ts';
import type { ModelChooser } from './choose.ts';
import { type Downloads, requireName } from './downloads.ts';
import { downloadEntry, type LoadedEngine, modelEntry } from './model-entries.ts';
import type { ModelEvents } from './model-events.ts';
import type { ModelPool } from './model-pool.ts';

/** Most bytes of a body that names a model. */
const MAX_BODY = 2 ** 16;

/** What the routes work on. */
interface Models<R extends LoadedEngine> {
  readonly pool: ModelPool<R>;
  readonly chooser: ModelChooser<R>;
  readonly events: ModelEvents;
  /** `undefined` where no models can be added. */
  readonly downloads: Downloads | undefined;
}

/** Adds the routes. */
export function addModelRoutes<R extends LoadedEngine>(
  app: Application,
  { pool, chooser, events, downloads }: Models<R>,
): void {
  const done = (exchange: Exchange) => exchange.answer('{"success":true}');

  const list: ExchangeHandler = (exchange) => {
    const data = [...pool.entries.map(modelEntry), ...(downloads?.ids ?? []).map(downloadEntry)];
    return exchange.answer(JSON.stringify({ data: data.sort((a, b) => (a.id < b.id ? -1 : 1)), object: 'list' }));
  };
  for (const path of ['/models', '/v1/models']) app.on('GET', path, list);
  app.on('GET', '/v1/models/:id+', (exchange) => {
    const id = exchange.param('id') ?? '';
    const entry = chooser.find(id);
    if (entry === undefined) throw new HttpError('not_found_error', `The model '${id}' does not exist`);
    return exchange.answer(JSON.stringify(modelEntry(entry)));
  });

  app.on('GET', '/models/sse', (exchange) => {
    const { request, headers } = exchange;
    headers.set('Content-Type', 'text/event-stream');
    headers.set('Cache-Control', 'no-cache');
    return exchange.answer(request.method === 'HEAD' ? null : events.stream());
  });

  app.on('POST', '/models/load', async (exchange) => {
    const name = await modelName(exchange.request);
    if (downloads?.has(name)) throw new HttpError('invalid_request_error', 'model is already running');
    const entry = chooser.find(name);
    if (entry === undefined) return notFound(exchange);
    pool.load(entry);
    return done(exchange);
  });
  app.on('POST', '/models/unload', async (exchange) => {
    const entry = chooser.find(await modelName(exchange.request));
    if (entry === undefined) throw new HttpError('invalid_request_error', 'model is not found');
    pool.unload(entry);
    return done(exchange);
  });

  if (downloads === undefined) return;
  app.on('POST', '/models', async (exchange) => {
    const isKnown = (id: string) => chooser.find(id) !== undefined;
    downloads.start(await modelName(exchange.request), isKnown, (model) => {
      if (!isKnown(model.id)) chooser.add(pool.add(model));
    });
    return done(exchange);
  });
  app.on('DELETE', '/models', async (exchange) => {
    const id = requireName(exchange.query('model'));
    if (downloads.has(id)) {
      await downloads.stop(id);
      return done(exchange);
    }
    const entry = pool.entries.find(({ model }) => model.id === id);
    if (entry === undefined) throw new HttpError('server_error', `model name=${id} is not found`);
    if (entry.model.source !== 'cache') {
      throw new HttpError('server_error', `model name=${id} is not removable (not from cache)`);
    }
    chooser.remove(entry);
    await pool.remove(entry);
    await downloads.remove(id);
    events.send(id, 'model_remove');
    return done(exchange);
  });
}

/** The field `model` of a body. @throws HttpError if it is not valid JSON */
async function modelName(request: ServerRequest): Promise<unknown> {
  const bytes = await readBytes(request, MAX_BODY, () => {});
  return (await parseFields(bytes, request.header('content-type') ?? '')).model;
}
