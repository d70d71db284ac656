/**
 * @file Refuses requests until the model is loaded.
 */
import type { MiddlewareHandler } from 'hono';
import type { Env } from '../context.ts';
import type { Engine } from '../engine.ts';
import { type ModelState, type ServerState, withModel } from '../state.ts';
import { refuse } from './errors.ts';

/** Gives handlers the state with the model. Until the model is loaded, answers 503 `Loading model`. */
export function requireModel(state: ServerState, engine: Engine | Promise<Engine>): MiddlewareHandler<Env> {
  let loaded: ModelState | undefined;
  const use = (model: Engine) => {
    loaded = withModel(state, model);
  };
  if (engine instanceof Promise) engine.then(use, () => {});
  else use(engine);
  return async (c, next) => {
    if (loaded === undefined) return refuse(c, 'unavailable_error', 'Loading model');
    c.set('state', loaded);
    await next();
  };
}
