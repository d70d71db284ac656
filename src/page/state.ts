/**
 * @file What all views share: the model, the texts, their vectors, and what is going on.
 */
import { computed, effect, signal } from '@preact/signals';
import { unit } from '../layout/vectors.ts';
import { Turn } from '../turn.ts';
import type { Dataset } from './dataset.ts';
import { layout } from './maths/layout.ts';
import { PART_ROWS, partOf } from './maths/rows.ts';
import type { ApiRequest, PageInput, PageModel } from './model/page-model.ts';
import { type Picture, pictures } from './pictures/pictures.ts';
import { t } from './words/words.ts';

/** The model in use. */
export const model = signal<PageModel | undefined>(undefined);

/** A second model beside it, to compare a reranker with an embedding model. */
export const secondModel = signal<PageModel | undefined>(undefined);

/** The texts that are looked at. */
export const dataset = signal<Dataset>({ texts: [], columns: {}, name: undefined });

/** What has vectors: the texts, and behind them the names of the pictures, if the model takes pictures. */
const items = computed<Dataset & { readonly pictures: ReadonlyMap<number, Picture> }>(() => {
  const of = dataset.value;
  const n = of.texts.length;
  if (!model.value?.takesImages || of.vectors !== undefined || pictures.value.length === 0)
    return { ...of, pictures: new Map() };
  const blank = pictures.value.map(() => '');
  return {
    name: of.name,
    texts: [...of.texts, ...pictures.value.map(({ name }) => name)],
    columns: Object.fromEntries(Object.entries(of.columns).map(([key, cells]) => [key, [...cells, ...blank]])),
    pictures: new Map(pictures.value.map((picture, i) => [n + i, picture])),
  };
});

/** Texts with their vectors; the two always belong together. */
export interface Embedded {
  /** The names of pictures are among them. */
  readonly texts: readonly string[];
  /** The pictures by the index of their name. */
  readonly pictures: ReadonlyMap<number, Picture>;
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

/** Vectors of inputs that were embedded before, by model. */
const known = new WeakMap<PageModel, Map<PageInput, Float32Array>>();

/**
 * The vectors of inputs, of length 1. Those that the model has computed before are not computed again.
 * @param show says how far it is, for people
 * @throws what the model throws, the signal's reason
 */
export async function vectorsOf(
  by: PageModel,
  inputs: readonly PageInput[],
  signal: AbortSignal,
  show: (text: string) => void,
): Promise<readonly Float32Array[]> {
  const vectors = known.get(by) ?? new Map<PageInput, Float32Array>();
  known.set(by, vectors);
  const missing = [...new Set(inputs)].filter((input) => !vectors.has(input));
  const onProgress = (done: number) => {
    if (!signal.aborted) show(t('embedding', { done, total: missing.length }));
  };
  if (missing.length > 0) {
    onProgress(0);
    const fresh = await by.embed(missing, { signal, onProgress });
    const turn = new Turn();
    for (const [i, input] of missing.entries()) {
      vectors.set(input, unit(fresh[i]));
      if (turn.isOver) await turn.pass();
    }
  }
  signal.throwIfAborted();
  return inputs.map((input) => vectors.get(input)!);
}

async function embedItems(by: PageModel, of: typeof items.value, signal: AbortSignal): Promise<void> {
  const { texts } = of;
  const inputs = texts.map((text, i) => of.pictures.get(i)?.file ?? text);
  const vectors = await vectorsOf(by, inputs, signal, (text) => {
    status.value = { text };
  });
  await show(of, vectors, signal);
  if (signal.aborted) return;
  const input = texts.map((text, i) => (of.pictures.has(i) ? pictureInput(of.pictures.get(i)!) : text));
  // Pictures come last, and one of them shows the form.
  const shown = input.slice(0, Math.min(SHOWN, Math.max(1, texts.length - of.pictures.size + 1)));
  lastRequest.value = { path: 'v1/embeddings', body: { model: by.name, input: shown } };
}

/** A picture in an example request: its bytes would fill the page. */
function pictureInput({ name, file }: Picture): unknown {
  return [{ type: 'image_url', image_url: { url: `data:${file.type};base64,BASE64 OF ${name}` } }];
}

/** Gives the vectors to the views, and in parts to the worker that computes with them. */
async function show(of: typeof items.value, units: readonly Float32Array[], signal: AbortSignal): Promise<void> {
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
  embedded.value = { texts, pictures: of.pictures, matrix, vectors };
  const count = texts.length - of.pictures.size;
  status.value = {
    text:
      of.pictures.size === 0
        ? t('embedded', { count, dimensions: size })
        : t('embeddedPictures', { count, pictures: of.pictures.size, dimensions: size }),
  };
}

/** The vector of a search, of length 1. */
export async function embedQuery(text: string): Promise<Float32Array> {
  const [vector] = await model.value!.embed([text]);
  lastRequest.value = { path: 'v1/embeddings', body: { model: model.value!.name, input: [text] } };
  return unit(vector);
}

effect(() => {
  const by = model.value;
  const of = items.value;
  const { texts, vectors } = of;
  embedded.value = undefined;
  if (texts.length === 0) return;
  const stop = new AbortController();
  if (vectors !== undefined) {
    show(of, vectors, stop.signal).catch(report);
    return () => stop.abort();
  }
  if (by === undefined || by.isReranker) return;
  const timer = setTimeout(() => embedItems(by, of, stop.signal).catch(report), PAUSE);
  return () => {
    clearTimeout(timer);
    stop.abort();
  };
});
