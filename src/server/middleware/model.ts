/**
 * @file Refuses requests until the model is loaded.
 */
import type { Engine } from '../engine.ts';
import type { Middleware } from '../http/exchange.ts';
import { type ModelState, type ServerState, withModel } from '../state.ts';
import { refuse } from './errors.ts';

/** Gives handlers the state with the model. Until the model is loaded, answers 503 `Loading model`. */
export function requireModel(state: ServerState, engine: Engine | Promise<Engine>): Middleware {
  let loaded: ModelState | undefined;
  const use = (model: Engine) => {
    loaded = withModel(state, model);
  };
  if (engine instanceof Promise) engine.then(use, () => {});
  else use(engine);
  return (exchange) => {
    exchange.state = loaded;
    return loaded === undefined ? refuse(exchange, 'unavailable_error', 'Loading model') : undefined;
  };
}
