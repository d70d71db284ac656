/**
 * @file The options of the server.
 */
import type { Prompt, ScoreScale } from '../engine/index.ts';

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

/** An answered request. It holds nothing of the request's content. */
export interface AnsweredRequest {
  readonly client: string | undefined;
  readonly method: string;
  /** Path of the route; `none` for a path without a route. */
  readonly route: string;
  readonly status: number;
  /** Number of tokens of its inputs; 0 if nothing was computed. */
  readonly nTokens: number;
  readonly milliseconds: number;
}

/** Settings of the server. Every option has a default. */
export interface ServeOptions {
  /** Names of the model. Answers have the alphabetically first one. Default: the file name. */
  readonly aliases?: readonly string[];
  readonly tags?: readonly string[];
  /** `embd_normalize` for requests that do not set it. Default 2. */
  readonly normalize?: number;
  /** Scale of the scores of /rerank. Default `raw`, as in llama-server. */
  readonly rankScores?: ScoreScale;
  /** Prompts by name: a request with that `prompt_name` gets the prompt around its inputs. They add to the model's known prompts. */
  readonly prompts?: Readonly<Record<string, Prompt>>;
  /** The prompt for requests without `prompt_name`. Default: no prompt. */
  readonly defaultPromptName?: string;
  /** The marker of an image in a `prompt_string` with `multimodal_data`. Default: a random one at each start. */
  readonly mediaMarker?: string;
  /** Hosts that images may be fetched from, with the port unless it is the default one. Default: none. */
  readonly imageUrls?: readonly string[];
  /** Most bytes in a body. Default 100 MiB. */
  readonly bodyLimit?: number;
  /** Maximum number of requests in progress; further ones get 503 with `Retry-After`. 0: no limit. Default 1024. */
  readonly maxQueue?: number;
  /** Maximum number of bytes in the bodies and answers of all requests in progress. A single request may exceed it. Default 512 MiB. */
  readonly maxQueueBytes?: number;
  /** Maximum number of vectors to keep for repeated inputs. Default 0: none. */
  readonly cacheSize?: number;
  /** Maximum number of bytes of kept vectors and their keys. Default 256 MiB. */
  readonly cacheBytes?: number;
  /** Prefix of every path. */
  readonly prefix?: string;
  /** Accepted API keys; requests must send one. Default: no key is needed. */
  readonly apiKeys?: readonly string[];
  readonly cors?: CorsOptions;
  /** Whether GET /slots answers. Default true. */
  readonly slots?: boolean;
  /** Number of slots that /slots and /props report. Default 4. */
  readonly nSlots?: number;
  /** Seed that /props reports; it has no effect. Default: none. */
  readonly seed?: number;
  /** Whether POST /props answers. Default false. */
  readonly props?: boolean;
  /** Whether GET /metrics answers. Default false. */
  readonly metrics?: boolean;
  /** What GET /props says about the web page. Default false. */
  readonly ui?: boolean;
  /** Called for every failure that is not the client's mistake. */
  readonly onError?: (error: unknown) => void;
  /** Called for every answered request, for a log. */
  readonly onRequest?: (request: AnsweredRequest) => void;
  /** Called once with a sentence for a log when a client probably makes a mistake without noticing. */
  readonly onWarning?: (message: string) => void;
}
