/**
 * @file What is known of the speed of a model: counters since its start. Rates are differences of two readings.
 */
import { parseMetrics } from './prometheus.ts';

/** Upper bounds of the buckets of batch sizes, in tokens; a last bucket has no bound. */
const TOKEN_BOUNDS = [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];

/** How many batches had how many tokens. */
interface BatchSizes {
  readonly bounds: readonly number[];
  /** One more than bounds. */
  readonly counts: readonly number[];
}

/** Requests of one route of a server. */
export interface RouteNumbers {
  readonly route: string;
  readonly count: number;
  /** Of all requests since the start, together. */
  readonly seconds: number;
}

/** What only a server counts. */
interface RequestNumbers {
  readonly active: number;
  readonly refused: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly routes: readonly RouteNumbers[];
}

/** Counters since the start, and the length of the queue. */
export interface SpeedNumbers {
  readonly tokens: number;
  /** Seconds in which the tokens were computed. */
  readonly seconds: number;
  readonly batches: BatchSizes;
  readonly waitingInputs: number;
  /** `undefined` where only the inputs are counted. */
  readonly waitingTokens: number | undefined;
  /** `undefined` for an engine without a server. */
  readonly requests: RequestNumbers | undefined;
}

/** The numbers in an answer of `/metrics`. Those of several models have a label: then only `model` counts. */
export function numbersOf(text: string, model: string): SpeedNumbers {
  const samples = parseMetrics(text).filter(({ labels }) => labels.model === undefined || labels.model === model);
  const all = (name: string) => samples.filter((sample) => sample.name === name);
  const value = (name: string) => all(name).reduce((sum, sample) => sum + sample.value, 0);
  const buckets = all('gguf_embed_batch_tokens_bucket').map(({ labels, value }) => ({
    bound: Number(labels.le.replace('+Inf', 'Infinity')),
    below: value,
  }));
  const total = (route: string) =>
    all('gguf_embed_request_seconds_sum').find(({ labels }) => labels.route === route)?.value ?? 0;
  return {
    tokens: value('llamacpp:prompt_tokens_total'),
    seconds: value('llamacpp:prompt_seconds_total'),
    batches: {
      bounds: buckets.map(({ bound }) => bound).filter(Number.isFinite),
      counts: buckets.map(({ below }, i) => below - (buckets[i - 1]?.below ?? 0)),
    },
    waitingInputs: value('gguf_embed_queue_inputs'),
    waitingTokens: value('gguf_embed_queue_tokens'),
    requests: {
      active: value('llamacpp:requests_processing'),
      refused: value('gguf_embed_rejected_total'),
      cacheHits: value('gguf_embed_cache_hits_total'),
      cacheMisses: value('gguf_embed_cache_misses_total'),
      routes: all('gguf_embed_request_seconds_count').map(({ labels: { route }, value: count }) => ({
        route,
        count,
        seconds: total(route),
      })),
    },
  };
}

/** The counters of an engine in the page, where nothing else counts. */
export class EngineCounters {
  readonly #counts = new Array<number>(TOKEN_BOUNDS.length + 1).fill(0);
  #tokens = 0;
  #seconds = 0;

  /** A batch was computed. */
  add(nTokens: number, seconds: number): void {
    this.#tokens += nTokens;
    this.#seconds += seconds;
    const at = TOKEN_BOUNDS.findIndex((bound) => nTokens <= bound);
    this.#counts[at < 0 ? TOKEN_BOUNDS.length : at]++;
  }

  /** The numbers at this time; who asks the engine knows what waits. */
  read(): SpeedNumbers {
    return {
      tokens: this.#tokens,
      seconds: this.#seconds,
      batches: { bounds: TOKEN_BOUNDS, counts: [...this.#counts] },
      waitingInputs: 0,
      waitingTokens: undefined,
      requests: undefined,
    };
  }
}

/** Tokens a second between two readings: of the clock, and of the time in which the model computed. */
export function rates(
  before: { readonly at: number; readonly numbers: SpeedNumbers },
  after: { readonly at: number; readonly numbers: SpeedNumbers },
): { clock: number; computing: number } {
  const tokens = after.numbers.tokens - before.numbers.tokens;
  const seconds = after.numbers.seconds - before.numbers.seconds;
  const passed = (after.at - before.at) / 1000;
  // A server that was started anew counts from 0 again.
  if (tokens < 0 || passed <= 0) return { clock: 0, computing: 0 };
  return { clock: tokens / passed, computing: seconds > 0 ? tokens / seconds : 0 };
}
