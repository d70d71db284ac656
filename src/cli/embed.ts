/**
 * @file The command `embed`.
 */
import type { Embedder, Embeddings, EmbedOptions, OpProfile } from '../engine/index.ts';
import { formatEmbeddings } from './embed-formats.ts';
import { readInput, requireModel } from './input.ts';
import { jsonLines } from './jsonl.ts';
import { loadEmbedder } from './load.ts';
import { lineCounter, log, showProgress } from './log.ts';
import type { OptionValues } from './option-table.ts';
import type { Parsed } from './parse-options.ts';
import { UsageError } from './usage-error.ts';
import { write } from './write.ts';

/** Groups of lines that are computed while the first of them is waited for; keeps the backend busy and memory flat. */
const GROUPS_AHEAD = 2;

/** Inputs below this many UTF-16 units are computed on this thread: starting workers would take longer. */
const SHORT_INPUT = 4096;

/** Prints the vectors of texts. */
export async function embed(parsed: Parsed): Promise<void> {
  const { values } = parsed;
  const path = requireModel(parsed);
  const input = values.jsonl ? undefined : await readInput(values);
  const short = input !== undefined && input.length < SHORT_INPUT;
  const embedder = await loadEmbedder(path, values, { worker: short ? false : undefined });
  try {
    if (values.profile && embedder.info.backend !== 'wasm')
      throw new UsageError(`--profile needs --backend wasm; this is ${embedder.info.backend}`);
    if (values.verbose) log(`${embedder.info.name}: ${embedder.info.backendDescription}`);
    const options: EmbedOptions = {
      // Scores are no vectors: normalised, a single one is always 1.
      normalize: embedder.info.pooling === 'rank' ? -1 : values.embdNormalize,
      dimensions: values.dimensions,
      truncate: values.truncate === 'no' ? false : values.truncate,
    };
    if (input === undefined) await embedLines(embedder, values, options);
    else {
      const texts = values.embdSeparator === '' ? [input] : input.split(values.embdSeparator);
      const result = await embedder.embed(texts, { ...options, onProgress: showProgress() });
      warnTruncated(result, 0);
      await write(formatEmbeddings(texts, result, embedder.info.labels, values));
    }
    if (values.profile) logProfile(await embedder.profile());
  } finally {
    await embedder.dispose();
  }
}

/** Lines in, lines out, in order: each group is written as soon as it and those before it are computed. */
async function embedLines(embedder: Embedder, values: OptionValues, options: EmbedOptions): Promise<void> {
  const ahead: Promise<void>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  const counter = lineCounter('embedded');
  let nRead = 0;
  const writeAfter = async (previous: Promise<unknown>, result: Promise<Embeddings>, first: number) => {
    const [embeddings] = await Promise.all([result, previous]);
    warnTruncated(embeddings, first);
    await write(embeddings.vectors.map((vector) => `${jsonVectors(vector, embeddings)}\n`).join(''));
    counter.add(embeddings.vectors.length);
  };
  for await (const texts of jsonLines(values)) {
    const written = writeAfter(last, embedder.embed(texts, options), nRead);
    // Whoever waits for it hears of a failure; until then it must not count as unhandled.
    written.catch(() => {});
    nRead += texts.length;
    last = written;
    ahead.push(written);
    if (ahead.length === GROUPS_AHEAD) await ahead.shift();
  }
  await last;
  counter.end();
}

function jsonVectors(vector: Float32Array, { dimensions, pooling }: Embeddings): string {
  if (pooling !== 'none') return `[${vector.join(',')}]`;
  const rows: string[] = [];
  for (let at = 0; at < vector.length; at += dimensions) {
    rows.push(`[${vector.subarray(at, at + dimensions).join(',')}]`);
  }
  return `[${rows.join(',')}]`;
}

function logProfile(rows: readonly OpProfile[]): void {
  for (const { op, calls, milliseconds, macs } of rows) {
    const rate = macs > 0 ? `  ${((2 * macs) / milliseconds / 1e6).toFixed(1).padStart(7)} GFLOP/s` : '';
    log(`${op.padEnd(12)}${milliseconds.toFixed(1).padStart(9)} ms  ${String(calls).padStart(6)} calls${rate}`);
  }
}

function warnTruncated({ truncated }: Embeddings, first: number): void {
  for (const [i, cut] of truncated.entries()) if (cut) log(`text ${first + i} was cut to the context`);
}
