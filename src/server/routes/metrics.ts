/**
 * @file GET /metrics in Prometheus' text format: llama-server's metrics first, then ours.
 */
import type { Histogram } from '../counters.ts';
import { HttpError } from '../errors.ts';
import type { RequestContext } from '../request.ts';
import type { ModelState, Settings } from '../state.ts';

/** Time at which this module was loaded, which is when the process began to serve. */
const startedAt = Math.floor(Date.now() / 1000);

/** GET /metrics. */
export function metrics({ state, header }: RequestContext): string {
  requireMetrics(state.settings);
  header('Content-Type', 'text/plain; version=0.0.4');
  header('Process-Start-Time-Unix', String(startedAt));
  return scrape(state);
}

/** @throws HttpError (501) unless the server was started with metrics */
export function requireMetrics({ metrics: isOn }: Settings): void {
  if (isOn) return;
  throw new HttpError(
    'not_supported_error',
    'This server does not support metrics endpoint. Start it with `--metrics`',
  );
}

/** The text of the answer. Averages are since the previous call. */
function scrape({ engine, cache, counters, admission }: ModelState): string {
  const nBatches = counters.batchTokens.count;
  const waiting = engine.nWaiting;
  const lines: string[] = [];
  const add = (type: 'counter' | 'gauge', name: string, help: string, value: number) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, `${name} ${value}`);
  };
  const theirs = (type: 'counter' | 'gauge', name: string, help: string, value: number) =>
    add(type, `llamacpp:${name}`, help, value);
  theirs('counter', 'prompt_tokens_total', 'Tokens computed.', counters.promptTokens);
  theirs('counter', 'prompt_tokens_cached_total', 'Always 0: there is no prefix cache.', 0);
  theirs('counter', 'prompt_seconds_total', 'Seconds spent computing.', counters.promptSeconds);
  theirs('counter', 'tokens_predicted_total', 'Always 0: no text is generated.', 0);
  theirs('counter', 'tokens_predicted_seconds_total', 'Always 0: no text is generated.', 0);
  theirs('counter', 'n_decode_total', 'Batches computed.', nBatches);
  theirs('counter', 'n_tokens_max', 'Tokens of the longest input.', counters.longest);
  for (const name of ['draft_tokens', 'accepted_tokens', 'drafts']) {
    theirs('counter', `spec_decode_num_${name}_total`, 'Always 0: no text is generated.', 0);
  }
  theirs('gauge', 'prompt_tokens_seconds', 'Tokens per second since the last scrape.', counters.takeTokensPerSecond());
  theirs('gauge', 'predicted_tokens_seconds', 'Always 0: no text is generated.', 0);
  theirs('gauge', 'requests_processing', 'Requests in progress.', admission.nActive);
  theirs('gauge', 'requests_deferred', 'Inputs waiting.', waiting);
  theirs(
    'gauge',
    'n_busy_slots_per_decode',
    'Average number of inputs in a batch.',
    nBatches > 0 ? counters.batchInputs / nBatches : 0,
  );

  add('gauge', 'gguf_embed_queue_inputs', 'Inputs waiting to be computed.', waiting);
  add('gauge', 'gguf_embed_queue_tokens', 'Tokens of the waiting inputs.', engine.nWaitingTokens);
  add('counter', 'gguf_embed_rejected_total', 'Requests refused because the queue was full.', counters.rejected);
  add('counter', 'gguf_embed_abandoned_total', 'Requests whose client disconnected.', counters.abandoned);
  add('counter', 'gguf_embed_cache_hits_total', 'Vectors taken from the cache.', counters.cacheHits);
  add('counter', 'gguf_embed_cache_misses_total', 'Vectors not found in the cache.', counters.cacheMisses);
  add('gauge', 'gguf_embed_cache_entries', 'Vectors in the cache.', cache?.size ?? 0);
  add('gauge', 'gguf_embed_cache_bytes', 'Bytes of the vectors in the cache and of their keys.', cache?.bytes ?? 0);
  add('counter', 'gguf_embed_images_total', 'Images that the vision tower encoded.', counters.images);
  add('counter', 'gguf_embed_image_tokens_total', 'Tokens of those images.', counters.imageTokens);
  add('counter', 'gguf_embed_tower_seconds_total', 'Seconds of encoding images.', counters.towerSeconds);
  lines.push('# HELP gguf_embed_requests_total Requests answered.', '# TYPE gguf_embed_requests_total counter');
  for (const [labels, count] of counters.requests) lines.push(`gguf_embed_requests_total{${labels}} ${count}`);
  histogramLines(lines, 'gguf_embed_batch_tokens', 'Tokens in a batch.', [['', counters.batchTokens]]);
  histogramLines(
    lines,
    'gguf_embed_request_seconds',
    'Seconds from the headers of a request to its answer.',
    Array.from(counters.latency, ([route, histogram]) => [`route="${route}"`, histogram]),
  );
  return `${lines.join('\n')}\n`;
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
