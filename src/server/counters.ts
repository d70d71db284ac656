/**
 * @file Counters of the server and GET /metrics in Prometheus' text format: llama-server's names first, then our own.
 */
import type { BatchReport } from '../engine/index.ts';
import type { Engine } from './engine.ts';
import type { VectorCache } from './vectors/cache.ts';

/** Upper bounds of the buckets, in seconds. */
const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Upper bounds of the buckets, in tokens of a batch. */
const TOKEN_BOUNDS = [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];

/** What is counted. Changed where the state changes; read by `/metrics`. */
export class Metrics {
  /** Requests by route and status. */
  readonly #requests = new Map<string, number>();
  readonly #latency = new Map<string, Histogram>();
  readonly #batchTokens = new Histogram(TOKEN_BOUNDS);
  #promptTokens = 0;
  #promptSeconds = 0;
  #batchInputs = 0;
  #longest = 0;
  /** Tokens and seconds at the previous scrape. */
  #scraped = { tokens: 0, seconds: 0 };
  cacheHits = 0;
  cacheMisses = 0;
  /** Requests turned away because the queue was full. */
  rejected = 0;
  /** Requests that were given up because their client went away. */
  abandoned = 0;

  /** A batch was computed. */
  batch({ nTokens, nInputs, seconds }: BatchReport): void {
    this.#promptTokens += nTokens;
    this.#promptSeconds += seconds;
    this.#batchInputs += nInputs;
    this.#batchTokens.add(nTokens);
  }

  /** Inputs of these lengths were answered. */
  inputs(nTokens: readonly number[]): void {
    for (const n of nTokens) if (n > this.#longest) this.#longest = n;
  }

  /** A request was answered. */
  request(route: string, status: number, seconds: number): void {
    const key = `route="${route}",status="${status}"`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    let histogram = this.#latency.get(route);
    if (histogram === undefined) this.#latency.set(route, (histogram = new Histogram(LATENCY_BOUNDS)));
    histogram.add(seconds);
  }

  /** Tokens that are computed in a second, over all batches; 0 before the first. */
  get tokensPerSecond(): number {
    return this.#promptSeconds > 0 ? this.#promptTokens / this.#promptSeconds : 0;
  }

  /** The text of `/metrics`. Averages are since the previous call. */
  scrape({ engine, cache }: { engine: Engine; cache: VectorCache | undefined }, nActive: number): string {
    const nBatches = this.#batchTokens.count;
    const tokens = this.#promptTokens - this.#scraped.tokens;
    const seconds = this.#promptSeconds - this.#scraped.seconds;
    this.#scraped = { tokens: this.#promptTokens, seconds: this.#promptSeconds };
    const waiting = engine.nWaiting;
    const lines: string[] = [];
    const add = (type: 'counter' | 'gauge', name: string, help: string, value: number) => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name} ${value}`);
    };
    const theirs = (type: 'counter' | 'gauge', name: string, help: string, value: number) =>
      add(type, `llamacpp:${name}`, help, value);
    theirs('counter', 'prompt_tokens_total', 'Tokens computed.', this.#promptTokens);
    theirs('counter', 'prompt_tokens_cached_total', 'Always 0: there is no prefix cache.', 0);
    theirs('counter', 'prompt_seconds_total', 'Seconds of computing.', this.#promptSeconds);
    theirs('counter', 'tokens_predicted_total', 'Always 0: no text is generated.', 0);
    theirs('counter', 'tokens_predicted_seconds_total', 'Always 0: no text is generated.', 0);
    theirs('counter', 'n_decode_total', 'Batches computed.', nBatches);
    theirs('counter', 'n_tokens_max', 'Tokens of the longest input.', this.#longest);
    for (const name of ['draft_tokens', 'accepted_tokens', 'drafts']) {
      theirs('counter', `spec_decode_num_${name}_total`, 'Always 0: no text is generated.', 0);
    }
    theirs(
      'gauge',
      'prompt_tokens_seconds',
      'Tokens per second since the last scrape.',
      seconds > 0 ? tokens / seconds : 0,
    );
    theirs('gauge', 'predicted_tokens_seconds', 'Always 0: no text is generated.', 0);
    theirs('gauge', 'requests_processing', 'Requests under way.', nActive);
    theirs('gauge', 'requests_deferred', 'Inputs that wait.', waiting);
    theirs(
      'gauge',
      'n_busy_slots_per_decode',
      'Inputs in a batch on average.',
      nBatches > 0 ? this.#batchInputs / nBatches : 0,
    );

    add('gauge', 'gguf_embed_queue_inputs', 'Inputs that wait to be computed.', waiting);
    add('gauge', 'gguf_embed_queue_tokens', 'Tokens of the inputs that wait.', engine.nWaitingTokens);
    add('counter', 'gguf_embed_rejected_total', 'Requests turned away because the queue was full.', this.rejected);
    add('counter', 'gguf_embed_abandoned_total', 'Requests whose client went away.', this.abandoned);
    add('counter', 'gguf_embed_cache_hits_total', 'Vectors taken from the cache.', this.cacheHits);
    add('counter', 'gguf_embed_cache_misses_total', 'Vectors not found in the cache.', this.cacheMisses);
    add('gauge', 'gguf_embed_cache_entries', 'Vectors in the cache.', cache?.size ?? 0);
    lines.push('# HELP gguf_embed_requests_total Requests answered.', '# TYPE gguf_embed_requests_total counter');
    for (const [labels, count] of this.#requests) lines.push(`gguf_embed_requests_total{${labels}} ${count}`);
    histogramLines(lines, 'gguf_embed_batch_tokens', 'Tokens in a batch.', [['', this.#batchTokens]]);
    histogramLines(
      lines,
      'gguf_embed_request_seconds',
      'Seconds from the headers of a request to its answer.',
      Array.from(this.#latency, ([route, histogram]) => [`route="${route}"`, histogram]),
    );
    return `${lines.join('\n')}\n`;
  }
}

/** Counts values by upper bounds. */
class Histogram {
  readonly bounds: readonly number[];
  /** Values in each bucket, the last one without bound. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  add(value: number): void {
    const at = this.bounds.findIndex((bound) => value <= bound);
    this.counts[at < 0 ? this.bounds.length : at]++;
    this.sum += value;
    this.count++;
  }
}

function histogramLines(
  lines: string[],
  name: string,
  help: string,
  series: readonly (readonly [labels: string, histogram: Histogram])[],
): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
  for (const [labels, { bounds, counts, sum, count }] of series) {
    const prefix = labels === '' ? '' : `${labels},`;
    let below = 0;
    for (const [i, n] of counts.entries()) {
      below += n;
      lines.push(`${name}_bucket{${prefix}le="${bounds[i] ?? '+Inf'}"} ${below}`);
    }
    const braces = labels === '' ? '' : `{${labels}}`;
    lines.push(`${name}_sum${braces} ${sum}`, `${name}_count${braces} ${count}`);
  }
}
