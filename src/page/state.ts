/**
 * @file What all views share: the model, the texts, their vectors, and what is going on.
 */
import { effect, signal } from '@preact/signals';
import { unit } from '../layout/vectors.ts';
import { Turn } from '../turn.ts';
import type { Dataset } from './dataset.ts';
import { layout } from './maths/layout.ts';
import { PART_ROWS, partOf } from './maths/rows.ts';
import type { ApiRequest, PageModel } from './model/page-model.ts';
import { t } from './words/words.ts';

/** The model in use. */
export const model = signal<PageModel | undefined>(undefined);

/** A second model beside it, to compare a reranker with an embedding model. */
export const secondModel = signal<PageModel | undefined>(undefined);

/** The texts that are looked at. */
export const dataset = signal<Dataset>({ texts: [], columns: {}, name: undefined });

/** Texts with their vectors; the two always belong together. */
export interface Embedded {
  readonly texts: readonly string[];
  /** The vectors, of length 1, row-major. */
  readonly matrix: Float32Array;
  /** The same, one by one. */
  readonly vectors: readonly Float32Array[];
}

/** The vectors of the texts; `undefined` until they are computed. */
export const embedded = signal<Embedded | undefined>(undefined);

/** One sentence about what is going on or what failed; empty for nothing. */
export const status = signal<{ readonly text: string; readonly isProblem?: boolean }>({ text: '' });

/** The request behind what is on screen. */
export const lastRequest = signal<ApiRequest | undefined>(undefined);

/** Says what failed. An abort is not a failure. */
export function report(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  const why = error instanceof Error ? error.message : String(error);
  status.value = { text: t('failed', { why }), isProblem: true };
}

/** Milliseconds without a change before texts are embedded or ranked. */
export const PAUSE = 250;
/** Texts of an example request. */
const SHOWN = 8;

/** Vectors of texts that were embedded before, by model. */
const known = new WeakMap<PageModel, Map<string, Float32Array>>();

/**
 * The vectors of texts, of length 1. Those that the model has computed before are not computed again.
 * @throws what the model throws, the signal's reason
 */
export async function vectorsOf(
  by: PageModel,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<readonly Float32Array[]> {
  const vectors = known.get(by) ?? new Map<string, Float32Array>();
  known.set(by, vectors);
  const missing = [...new Set(texts)].filter((text) => !vectors.has(text));
  const onProgress = (done: number) => {
    if (!signal.aborted) status.value = { text: t('embedding', { done, total: missing.length }) };
  };
  if (missing.length > 0) {
    onProgress(0);
    const fresh = await by.embed(missing, { signal, onProgress });
    const turn = new Turn();
    for (const [i, text] of missing.entries()) {
      vectors.set(text, unit(fresh[i]));
      if (turn.isOver) await turn.pass();
    }
  }
  signal.throwIfAborted();
  return texts.map((text) => vectors.get(text)!);
}

async function embedTexts(by: PageModel, of: Dataset, signal: AbortSignal): Promise<void> {
  const { texts } = of;
  await show(of, await vectorsOf(by, texts, signal), signal);
  if (signal.aborted) return;
  lastRequest.value = { path: 'v1/embeddings', body: { model: by.name, input: texts.slice(0, SHOWN) } };
}

/** Gives the vectors to the views, and in parts to the worker that computes with them. */
async function show(of: Dataset, units: readonly Float32Array[], signal: AbortSignal): Promise<void> {
  const { texts } = of;
  const size = units[0].length;
  const matrix = new Float32Array(units.length * size);
  const vectors: Float32Array[] = [];
  await layout.call('clear', undefined);
  for (let from = 0; from < units.length && !signal.aborted; from += PART_ROWS) {
    const part = partOf(of, units, from, from + PART_ROWS);
    matrix.set(part.matrix!, from * size);
    for (const _ of part.texts) vectors.push(matrix.subarray(vectors.length * size, (vectors.length + 1) * size));
    await layout.call('append', part, { transfer: [part.matrix!.buffer] });
  }
  if (signal.aborted) return;
  embedded.value = { texts, matrix, vectors };
  status.value = { text: t('embedded', { count: texts.length, dimensions: size }) };
}

/** The vector of a search, of length 1. */
export async function embedQuery(text: string): Promise<Float32Array> {
  const [vector] = await model.value!.embed([text]);
  lastRequest.value = { path: 'v1/embeddings', body: { model: model.value!.name, input: [text] } };
  return unit(vector);
}

effect(() => {
  const by = model.value;
  const of = dataset.value;
  const { texts, vectors } = of;
  embedded.value = undefined;
  if (texts.length === 0) return;
  const stop = new AbortController();
  if (vectors !== undefined) {
    show(of, vectors, stop.signal).catch(report);
    return () => stop.abort();
  }
  if (by === undefined || by.isReranker) return;
  const timer = setTimeout(() => embedTexts(by, of, stop.signal).catch(report), PAUSE);
  return () => {
    clearTimeout(timer);
    stop.abort();
  };
});
