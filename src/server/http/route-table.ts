/**
 * @file The table of routes: which handler answers a method and a path.
 */
import type { Exchange, ExchangeHandler } from './exchange.ts';

interface Route {
  /** The path as it was given, for metrics and the log. */
  readonly path: string;
  readonly handler: ExchangeHandler;
}

/** Routes by method and path. */
export class RouteTable {
  readonly #prefix: string;
  readonly #exact = new Map<string, Route>();
  readonly #patterns: (Route & { readonly method: string; readonly pattern: RegExp })[] = [];

  /** @param prefix comes before the path of every route */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * Adds a route. A route that was added earlier comes first.
   * @param path `:name` stands for one segment, `:name+` at the end for one or more
   */
  add(method: string, path: string, handler: ExchangeHandler): void {
    const full = this.#prefix + path;
    if (path.includes('/:')) this.#patterns.push({ method, path, handler, pattern: patternOf(this.#prefix, path) });
    else if (!this.#exact.has(`${method} ${full}`)) this.#exact.set(`${method} ${full}`, { path, handler });
  }

  /** The handler of a request, or `undefined`; notes in the exchange which route it is. HEAD has the routes of GET. */
  find(exchange: Exchange): ExchangeHandler | undefined {
    const method = exchange.request.method === 'HEAD' ? 'GET' : exchange.request.method;
    const route = this.#exact.get(`${method} ${exchange.path}`) ?? this.#match(method, exchange);
    exchange.route = route?.path;
    return route?.handler;
  }

  #match(method: string, exchange: Exchange): Route | undefined {
    for (const route of this.#patterns) {
      const match = route.method === method ? route.pattern.exec(exchange.path) : null;
      if (match === null) continue;
      exchange.params = match.groups ?? {};
      return route;
    }
    return undefined;
  }
}

function patternOf(prefix: string, path: string): RegExp {
  const literal = prefix.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`^${literal}${path.replace(/:(\w+)\+$/, '(?<$1>.+)').replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
}
