/**
 * @file What can be configured about the server.
 */
import type { ScoreScale } from '../engine/index.ts';
import type { CorsOptions } from './middleware/cors.ts';

/** A request that has been answered; nothing of what it said. */
export interface AnsweredRequest {
  readonly client: string | undefined;
  readonly method: string;
  /** Path of the route, `none` for a path without one. */
  readonly route: string;
  readonly status: number;
  /** Tokens of its inputs; 0 where nothing was computed. */
  readonly nTokens: number;
  readonly milliseconds: number;
}

/** How the model is to be served. All have defaults. */
export interface ServeOptions {
  /** Names of the model; the alphabetically first is the name in answers. Default: the name of the file. */
  readonly aliases?: readonly string[];
  readonly tags?: readonly string[];
  /** `embd_normalize` when a request has none. Default 2. */
  readonly normalize?: number;
  /** Scale of the scores of /rerank. Default `raw`, as llama-server gives them. */
  readonly rankScores?: ScoreScale;
  /** Texts to put before inputs, by the name that a request gives as `prompt_name`. Default none. */
  readonly prompts?: Readonly<Record<string, string>>;
  /** The prompt of requests that name none. Default: no prompt. */
  readonly defaultPromptName?: string;
  /** Most bytes in a body. Default 100 MiB. */
  readonly bodyLimit?: number;
  /** Most requests under way; more get 503 with `Retry-After`. 0: any number. Default 1024. */
  readonly maxQueue?: number;
  /** Most bytes in the bodies and answers of all requests under way; one alone may need more. Default 512 MiB. */
  readonly maxQueueBytes?: number;
  /** Vectors to keep for inputs that come again. Default 0: none. */
  readonly cacheSize?: number;
  /** Put before every path. */
  readonly prefix?: string;
  /** One of these must come with a request; none: no key is needed. */
  readonly apiKeys?: readonly string[];
  readonly cors?: CorsOptions;
  /** Whether GET /slots answers. Default true. */
  readonly slots?: boolean;
  /** Slots that /slots and /props report. Default 4. */
  readonly nSlots?: number;
  /** Whether POST /props answers. Default false. */
  readonly props?: boolean;
  /** Whether GET /metrics answers. Default false. */
  readonly metrics?: boolean;
  /** Hears of every failure that is not the client's mistake. */
  readonly onError?: (error: unknown) => void;
  /** Hears of every request when it is answered, for a log. */
  readonly onRequest?: (request: AnsweredRequest) => void;
  /** Hears, once, of a client that does what it should not do and probably does not know: one sentence for a log. */
  readonly onWarning?: (message: string) => void;
}
