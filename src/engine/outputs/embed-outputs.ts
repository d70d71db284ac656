/**
 * @file What `embed` makes of its inputs: dense, sparse and token vectors, as the option `output` says.
 */

import { nothingButZeros, type Result } from '../../models/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import type { Job, Rows } from '../batching/queue.ts';
import { InputError } from '../errors.ts';
import type { Plan } from '../images/plan.ts';
import type { ModelInfo } from '../model-info.ts';
import type { Embeddings, EmbedOptions, SparseVector, TokenVectors } from '../types.ts';
import { finish } from './normalize.ts';
import { type OutputHeads, planPasses } from './passes.ts';
import { droppedTokens, sparseOfLogits, sparseOfQuery, sparseOfWeights } from './sparse.ts';

/** The model, and what computes the passes. */
interface OutputContext {
  readonly info: ModelInfo;
  readonly tokenizer: Tokenizer;
  readonly heads: OutputHeads;
  compute(plans: readonly Plan[], pooling: Job['pooling'], onTokens: Job['onTokens']): Promise<Rows[]>;
}

/** The options, with their defaults. */
type OutputOptions = Pick<EmbedOptions, 'inputType' | 'dimensions' | 'onSize' | 'onProgress' | 'observer'> &
  Required<Pick<EmbedOptions, 'output'>> & {
    /** Of dense vectors, and their width. */
    readonly pooling: Result;
    readonly width: number;
    /** Of dense vectors, and of those of tokens. */
    readonly normalize: number;
    readonly normalizeTokens: number;
  };

/** The kinds of vectors of each input. */
type Outputs = Pick<Embeddings, 'vectors' | 'sparse' | 'multi' | 'dimensions'>;

/** @throws InputError for an input with images, unless only dense vectors are wanted; ModelError for a dense vector that is nothing but zeros */
export async function embedOutputs(
  context: OutputContext,
  plans: readonly Plan[],
  options: OutputOptions,
): Promise<Outputs> {
  const { heads } = context;
  const { output, pooling, dimensions: wanted, onProgress } = options;
  const isLookup =
    output.includes('sparse') && options.inputType === 'query' && heads.sparse?.queryWeights !== undefined;
  const computed = isLookup ? output.filter((kind) => kind !== 'sparse') : output;
  const ids = output.every((kind) => kind === 'dense') ? [] : plans.map(textIds);
  const nTokens = plans.reduce((sum, plan) => sum + plan.nTokens, 0);
  options.onSize?.(countValues(context, plans.length, nTokens, options));
  const passes = planPasses(computed, pooling, heads);
  const done = passes.map(() => 0);
  const results = await Promise.all(
    passes.map((pass, i) => {
      const onTokens = (n: number) => {
        done[i] = n;
        const sum = done.reduce((a, b) => a + b, 0);
        onProgress?.({ stage: 'embed', done: sum, total: nTokens * passes.length });
      };
      return context.compute(plans, pass, onProgress && onTokens);
    }),
  );
  const dense = passes.indexOf(pooling);
  const logits = passes.indexOf('vocabulary');
  const byToken = passes.findIndex((_, i) => i !== dense && i !== logits);
  const tokens = byToken < 0 ? undefined : splitParts(context, passes[byToken], results[byToken]);
  const width = wanted ?? results[dense]?.[0]?.width ?? options.width;
  checkNotZero(context, plans, results[dense] ?? tokens?.hidden ?? [], options);
  return {
    dimensions: width,
    vectors: output.includes('dense') ? denseOf(dense < 0 ? undefined : results[dense], tokens, options, width) : [],
    ...(output.includes('sparse') && {
      sparse: sparseOf(context, ids, isLookup, logits < 0 ? undefined : results[logits], tokens?.weights),
    }),
    ...(output.includes('multi') && {
      multi: tokens!.multi!.map((rows, i) => multiOf(context, ids[i], rows, options)),
    }),
  };
}

/** The tokens of an input without images. */
function textIds({ chunks, index }: Plan): Int32Array {
  const [ids] = chunks;
  if (chunks.length === 1 && ids instanceof Int32Array) return ids;
  throw new InputError('image', `input ${index} has an image; only dense vectors are made of images`, index);
}

/** An upper bound of the values of all results. */
function countValues({ info, heads }: OutputContext, nInputs: number, nTokens: number, options: OutputOptions): number {
  const { output, pooling, dimensions, width } = options;
  let n = 0;
  if (output.includes('dense')) n += (pooling === 'none' ? nTokens : nInputs) * (dimensions ?? width);
  if (output.includes('multi')) n += nTokens * (dimensions ?? heads.multi?.dimensions ?? 0);
  if (output.includes('sparse')) n += heads.sparse?.kind === 'max_logits' ? nInputs * info.nVocab : 2 * nTokens;
  return n;
}

/** The parts of the rows of tokens, for each input. */
interface TokenParts {
  readonly hidden?: Rows[];
  readonly weights?: Rows[];
  readonly multi?: Rows[];
}

function splitParts({ info, heads }: OutputContext, result: string, rows: readonly Rows[]): TokenParts {
  const widths = { hidden: info.nEmbd, weights: 1, multi: heads.multi?.dimensions ?? 0 };
  const parts: { -readonly [Name in keyof TokenParts]: TokenParts[Name] } = {};
  let from = 0;
  for (const name of result.split('+') as (keyof typeof widths)[]) {
    const start = from;
    parts[name] = rows.map((one) => columnsOf(one, start, widths[name]));
    from += widths[name];
  }
  return parts;
}

function columnsOf({ values, width }: Rows, start: number, n: number): Rows {
  if (n === width) return { values, width };
  const out = new Float32Array((values.length / width) * n);
  for (let at = 0, from = start; at < out.length; at += n, from += width) out.set(values.subarray(from, from + n), at);
  return { values: out, width: n };
}

/**
 * Refuses vectors that are zeros because weights of the file are. Static vectors are zeros for texts without known words, a score may be 0,
 * and who traces an input wants to see its values.
 */
function checkNotZero(
  { info }: OutputContext,
  plans: readonly Plan[],
  rows: readonly Rows[],
  { pooling, observer }: OutputOptions,
): void {
  if (info.nLayer === 0 || pooling === 'rank' || observer !== undefined) return;
  const zero = rows.findIndex(({ values }) => values.length > 0 && values.every((value) => value === 0));
  if (zero >= 0) throw nothingButZeros(`the vector of input ${plans[zero].index}`);
}

function denseOf(
  pooled: readonly Rows[] | undefined,
  tokens: TokenParts | undefined,
  { pooling, normalize }: OutputOptions,
  dimensions: number,
): Float32Array[] {
  if (pooled !== undefined) return pooled.map(({ values, width }) => finish(values, width, dimensions, normalize));
  return tokens!.hidden!.map(({ values, width }) => {
    const from = pooling === 'cls' ? 0 : values.length - width;
    return finish(values.slice(from, from + width), width, dimensions, normalize);
  });
}

function sparseOf(
  { heads, tokenizer: { vocab } }: OutputContext,
  ids: readonly Int32Array[],
  isLookup: boolean,
  logits: readonly Rows[] | undefined,
  weights: readonly Rows[] | undefined,
): SparseVector[] {
  const settings = heads.sparse!;
  const dropped = droppedTokens(vocab, settings);
  return ids.map((tokens, i) => {
    if (isLookup) return sparseOfQuery(tokens, settings.queryWeights!, vocab, dropped);
    if (logits !== undefined) return sparseOfLogits(logits[i].values, settings, dropped);
    return sparseOfWeights(tokens, weights![i].values, dropped);
  });
}

function multiOf({ heads }: OutputContext, ids: Int32Array, rows: Rows, options: OutputOptions): TokenVectors {
  const { width } = rows;
  const { dimensions = width, normalizeTokens, inputType } = options;
  const { dropFirst, skipped } = heads.multi!;
  const isKept = (id: number, i: number) => !(dropFirst && i === 0) && (inputType === 'query' || !skipped.has(id));
  return { values: finish(rowsWhere(rows, ids, isKept), width, dimensions, normalizeTokens), dimensions };
}

/** The rows of the tokens that `isKept` accepts. */
function rowsWhere({ values, width }: Rows, ids: Int32Array, isKept: (id: number, i: number) => boolean): Float32Array {
  const kept = Array.from(ids.keys()).filter((i) => isKept(ids[i], i));
  if (kept.length === ids.length) return values;
  const out = new Float32Array(kept.length * width);
  for (const [to, from] of kept.entries()) out.set(values.subarray(from * width, (from + 1) * width), to * width);
  return out;
}
