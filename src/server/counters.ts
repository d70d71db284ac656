/**
 * @file The server's counters. GET /metrics reports them (`routes/metrics.ts`).
 */
import type { BatchReport } from '../engine/index.ts';

/** Upper bounds of the buckets, in seconds. */
const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Upper bounds of the buckets, in tokens of a batch. */
const TOKEN_BOUNDS = [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];

/** Counters since the start of the server. */
export class Counters {
  /** Number of requests by route and status. */
  readonly requests = new Map<string, number>();
  /** Durations of requests in seconds, by route. */
  readonly latency = new Map<string, Histogram>();
  /** Tokens in a batch. */
  readonly batchTokens = new Histogram(TOKEN_BOUNDS);
  /** Computed tokens, and the seconds that computing them took. */
  promptTokens = 0;
  promptSeconds = 0;
  /** Computed inputs. */
  batchInputs = 0;
  /** Images that the vision tower encoded, their tokens, and the seconds that it took. */
  images = 0;
  imageTokens = 0;
  towerSeconds = 0;
  /** Tokens of the longest input. */
  longest = 0;
  /** Tokens and seconds at the time of the previous scrape. */
  #scraped = { tokens: 0, seconds: 0 };
  cacheHits = 0;
  cacheMisses = 0;
  /** Requests refused because the queue was full. */
  rejected = 0;
  /** Requests whose clients disconnected. */
  abandoned = 0;

  /** A batch was computed, of tokens or of images. */
  batch({ nTokens, nInputs, nImages, seconds }: BatchReport): void {
    if (nImages > 0) {
      this.images += nImages;
      this.imageTokens += nTokens;
      this.towerSeconds += seconds;
      return;
    }
    this.promptTokens += nTokens;
    this.promptSeconds += seconds;
    this.batchInputs += nInputs;
    this.batchTokens.add(nTokens);
  }

  /** Records the lengths of answered inputs. */
  inputs(nTokens: readonly number[]): void {
    for (const n of nTokens) if (n > this.longest) this.longest = n;
  }

  /** Records an answered request. */
  request(route: string, status: number, seconds: number): void {
    const key = `route="${route}",status="${status}"`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
    let histogram = this.latency.get(route);
    if (histogram === undefined) this.latency.set(route, (histogram = new Histogram(LATENCY_BOUNDS)));
    histogram.add(seconds);
  }

  /** Tokens computed per second, over all batches; 0 before the first batch. */
  get tokensPerSecond(): number {
    return this.promptSeconds > 0 ? this.promptTokens / this.promptSeconds : 0;
  }

  /** Tokens computed per second since the previous call; 0 if none were computed. */
  takeTokensPerSecond(): number {
    const tokens = this.promptTokens - this.#scraped.tokens;
    const seconds = this.promptSeconds - this.#scraped.seconds;
    this.#scraped = { tokens: this.promptTokens, seconds: this.promptSeconds };
    return seconds > 0 ? tokens / seconds : 0;
  }
}

/** Counts values in buckets with upper bounds. */
export class Histogram {
  readonly bounds: readonly number[];
  /** Number of values in each bucket. The last bucket has no bound. */
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
