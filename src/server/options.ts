/**
 * @file The options of the server.
 */
import type { ScoreScale } from '../engine/index.ts';

/** CORS settings. */
export interface CorsOptions {
  /** `*`, `localhost`, or origins separated by commas. Default `*`. */
  readonly origins?: string;
  /** Default `GET, POST, DELETE, OPTIONS`. */
  readonly methods?: string;
  /** Default `*`. */
  readonly headers?: string;
  /** Default true. */
  readonly credentials?: boolean;
}

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

/** How to serve the model. All options have defaults. */
export interface ServeOptions {
  /** Names of the model; the alphabetically first is the name in answers. Default: the name of the file. */
  readonly aliases?: readonly string[];
  readonly tags?: readonly string[];
  /** `embd_normalize` when a request has none. Default 2. */
  readonly normalize?: number;
  /** Scale of the scores of /rerank. Default `raw`, as llama-server gives them. */
  readonly rankScores?: ScoreScale;
  /** Texts to put before inputs, by the names that requests give as `prompt_name`, beside those that are known of the model. */
  readonly prompts?: Readonly<Record<string, string>>;
  /** The prompt of requests that name none. Default: no prompt. */
  readonly defaultPromptName?: string;
  /** What stands for an image in a `prompt_string` with `multimodal_data`. Default: another one for each start of the server. */
  readonly mediaMarker?: string;
  /** Hosts that images may be fetched from, with their ports where these are not the usual ones. Default: none. */
  readonly imageUrls?: readonly string[];
  /** Most bytes in a body. Default 100 MiB. */
  readonly bodyLimit?: number;
  /** Most requests in progress; more get 503 with `Retry-After`. 0: any number. Default 1024. */
  readonly maxQueue?: number;
  /** Most bytes in the bodies and answers of all requests in progress; a single request may need more. Default 512 MiB. */
  readonly maxQueueBytes?: number;
  /** Most vectors to keep for inputs that are sent again. Default 0: none. */
  readonly cacheSize?: number;
  /** Most bytes that kept vectors take, with their keys. Default 256 MiB. */
  readonly cacheBytes?: number;
  /** Put before every path. */
  readonly prefix?: string;
  /** Accepted API keys; requests must send one. Default: none is needed. */
  readonly apiKeys?: readonly string[];
  readonly cors?: CorsOptions;
  /** Whether GET /slots answers. Default true. */
  readonly slots?: boolean;
  /** Slots that /slots and /props report. Default 4. */
  readonly nSlots?: number;
  /** Seed that /props reports as given; nothing here is random. Default: none. */
  readonly seed?: number;
  /** Whether POST /props answers. Default false. */
  readonly props?: boolean;
  /** Whether GET /metrics answers. Default false. */
  readonly metrics?: boolean;
  /** Called with every failure that is not the client's mistake. */
  readonly onError?: (error: unknown) => void;
  /** Called with every answered request, for a log. */
  readonly onRequest?: (request: AnsweredRequest) => void;
  /** Called once with one sentence for a log, when a client probably makes a mistake that it does not see. */
  readonly onWarning?: (message: string) => void;
}
