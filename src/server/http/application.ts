/**
 * @file An HTTP application: middleware, then routes, and what happens around them for every request.
 */
import { notFound } from '../middleware/errors.ts';
import { Exchange, type ExchangeHandler, type Middleware } from './exchange.ts';
import type { Answer, ServerRequest } from './messages.ts';
import { RouteTable } from './route-table.ts';

/** What an application does besides its routes. */
export interface ApplicationOptions {
  /** Comes before the path of every route. */
  readonly prefix: string;
  /** Run in this order, until one of them answers. */
  readonly middleware: readonly Middleware[];
  /** Makes the answer to a request whose handler, or a middleware, throws. */
  readonly onError: (error: unknown, exchange: Exchange) => Answer;
  /** Called with every answer. */
  readonly onAnswer: (exchange: Exchange, status: number, milliseconds: number) => void;
}

/** Answers requests. */
export class Application {
  readonly #options: ApplicationOptions;
  readonly #routes: RouteTable;

  constructor(options: ApplicationOptions) {
    this.#options = options;
    this.#routes = new RouteTable(options.prefix);
  }

  /** Adds a route, as `RouteTable.add` does. */
  on(method: string, path: string, handler: ExchangeHandler): void {
    this.#routes.add(method, path, handler);
  }

  /** Answers a request. Errors become answers, too. */
  async handle(request: ServerRequest): Promise<Answer> {
    const { onError, onAnswer } = this.#options;
    const started = performance.now();
    const exchange = new Exchange(request);
    let answer: Answer;
    try {
      answer = await this.#answer(exchange);
    } catch (error) {
      answer = onError(error, exchange);
    }
    onAnswer(exchange, answer.status, performance.now() - started);
    return request.method === 'HEAD' ? { ...answer, body: null } : answer;
  }

  async #answer(exchange: Exchange): Promise<Answer> {
    for (const step of this.#options.middleware) {
      const answered = step(exchange);
      const answer = answered instanceof Promise ? await answered : answered;
      if (answer !== undefined) return answer;
    }
    return (this.#routes.find(exchange) ?? notFound)(exchange);
  }
}
