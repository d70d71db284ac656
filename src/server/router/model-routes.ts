/**
 * @file Routes about the models of a server: lists, loading and unloading, adding and removing, and events.
 */
import type { Context, Hono } from 'hono';
import type { Env } from '../context.ts';
import { HttpError } from '../errors.ts';
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

/** Adds the routes below `prefix`. */
export function addModelRoutes<R extends LoadedEngine>(
  app: Hono<Env>,
  prefix: string,
  { pool, chooser, events, downloads }: Models<R>,
): void {
  const on = (method: string, path: string, answer: (c: Context<Env>) => Response | Promise<Response>) =>
    app.on(method, prefix + path, async (c) => {
      c.set('route', path);
      return answer(c);
    });
  const done = (c: Context<Env>) => c.body('{"success":true}');

  const list = (c: Context<Env>) => {
    const data = [...pool.entries.map(modelEntry), ...(downloads?.ids ?? []).map(downloadEntry)];
    return c.body(JSON.stringify({ data: data.sort((a, b) => (a.id < b.id ? -1 : 1)), object: 'list' }));
  };
  for (const path of ['/models', '/v1/models']) on('GET', path, list);
  on('GET', '/v1/models/:id{.+}', (c) => {
    const id = c.req.param('id') ?? '';
    const entry = chooser.find(id);
    if (entry === undefined) throw new HttpError('not_found_error', `The model '${id}' does not exist`);
    return c.body(JSON.stringify(modelEntry(entry)));
  });

  on('GET', '/models/sse', (c) => {
    c.header('Content-Type', 'text/event-stream');
    c.header('Cache-Control', 'no-cache');
    return c.req.method === 'HEAD' ? c.body(null) : c.body(events.stream());
  });

  on('POST', '/models/load', async (c) => {
    const name = await modelName(c);
    if (downloads?.has(name)) throw new HttpError('invalid_request_error', 'model is already running');
    const entry = chooser.find(name);
    if (entry === undefined) return notFound(c);
    pool.load(entry);
    return done(c);
  });
  on('POST', '/models/unload', async (c) => {
    const entry = chooser.find(await modelName(c));
    if (entry === undefined) throw new HttpError('invalid_request_error', 'model is not found');
    pool.unload(entry);
    return done(c);
  });

  if (downloads === undefined) return;
  on('POST', '/models', async (c) => {
    const isKnown = (id: string) => chooser.find(id) !== undefined;
    downloads.start(await modelName(c), isKnown, (model) => {
      if (!isKnown(model.id)) chooser.add(pool.add(model));
    });
    return done(c);
  });
  on('DELETE', '/models', async (c) => {
    const id = requireName(c.req.query('model'));
    if (downloads.has(id)) {
      await downloads.stop(id);
      return done(c);
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
    return done(c);
  });
}

/** The field `model` of a body; `undefined` for a body that is no object. */
async function modelName(c: Context<Env>): Promise<unknown> {
  const { raw } = c.req;
  const bytes = await readBytes(raw, MAX_BODY, () => {});
  const fields = await parseFields(bytes, raw.headers.get('content-type') ?? '').catch(() => undefined);
  return fields?.model;
}
