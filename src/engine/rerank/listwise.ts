/**
 * @file Listwise reranking (jina-reranker-v3): the query and the documents are one text, and a score is the cosine of two projected states in
 * it, that of the token behind the document and that of the one behind the query. A list that is too long is split into blocks.
 */
import type { ListwiseSettings } from '../../models/index.ts';
import { Turn } from '../../turn.ts';
import type { Embedder } from '../embedder.ts';
import { ContextSizeError, InputError } from '../errors.ts';
import { checkWellFormed } from '../inputs/well-formed.ts';
import type { RankOptions } from '../types.ts';

/** The part of a model that ranking needs. */
type ListRanker = Pick<Embedder, 'tokenizer' | 'embed'> & { readonly info: Pick<Embedder['info'], 'name' | 'nCtx'> };

/** What a list gives, in the order of the documents. */
interface RankedList {
  /** Cosines. */
  readonly scores: number[];
  /** The tokens of each document in its block. The first one counts those before it, too, and the last one those behind it. */
  readonly nTokens: number[];
  readonly truncated: boolean[];
}

/** A query or a document, cut to its longest length. */
interface Side {
  readonly text: string;
  readonly nTokens: number;
  readonly isCut: boolean;
}

/** Documents that are one text with the query. */
interface Block {
  readonly ids: number[];
  /** Positions of the tokens behind the documents, and of the one behind the query. */
  readonly documents: number[];
  readonly query: number;
}

/**
 * Scores the documents of a list.
 * @throws InputError for an input that is no text, or too long unless `truncate`; ContextSizeError if a document does not fit into the context
 *   alone; the signal's reason
 */
export async function rankList(
  model: ListRanker,
  settings: ListwiseSettings,
  query: unknown,
  documents: readonly unknown[],
  { truncate = false, onProgress, ...run }: Pick<RankOptions, 'truncate' | 'lora' | 'client' | 'onProgress' | 'signal'>,
): Promise<RankedList> {
  const turn = new Turn();
  const side = (input: unknown, what: string, most: number, index?: number): Side => {
    if (typeof input === 'string') return cut(model, settings, input, what, most, truncate, index);
    throw new InputError('shape', `${what} is not a string: ${model.info.name} ranks texts`, index);
  };
  const asked = side(query, 'the query', settings.maxQueryTokens);
  const sides: Side[] = [];
  for (const [index, document] of documents.entries()) {
    sides.push(side(document, `document ${index}`, settings.maxDocumentTokens, index));
    if (!turn.isOver) continue;
    await turn.pass();
    run.signal?.throwIfAborted();
  }
  const groups = split(model, settings, asked, sides);
  const blocks = groups.map(({ from, to }) => layOut(model, settings, asked, sides.slice(from, to), from));
  const total = blocks.reduce((sum, { ids }) => sum + ids.length, 0);
  const rows: Rows[] = [];
  let before = 0;
  for (const block of blocks) {
    const { multi = [] } = await model.embed([block.ids], {
      ...run,
      output: ['multi'],
      normalize: -1,
      onProgress: onProgress && (({ done }) => onProgress({ stage: 'embed', done: before + done, total })),
    });
    before += block.ids.length;
    const { values, dimensions } = multi[0];
    const row = (at: number) => values.slice(at * dimensions, (at + 1) * dimensions);
    rows.push({ query: row(block.query), documents: block.documents.map(row) });
  }
  const mean = meanQuery(rows);
  return {
    scores: rows.flatMap((block) => block.documents.map((document) => cosine(document, mean))),
    nTokens: blocks.flatMap(tokensOf),
    truncated: sides.map(({ isCut }) => isCut || asked.isCut),
  };
}

/** A text without the tokens that mark the ends of queries and documents, and not longer than the model takes. */
function cut(
  { tokenizer }: ListRanker,
  { queryToken, documentToken }: ListwiseSettings,
  given: string,
  what: string,
  most: number,
  truncate: boolean,
  index?: number,
): Side {
  checkWellFormed(given, what, index);
  const marks = [queryToken, documentToken].map((id) => tokenizer.vocab.text(id));
  const plain = (text: string) => marks.reduce((rest, mark) => rest.replaceAll(mark, ''), text);
  const ids = tokenizer.encode(given, { addSpecial: false });
  const isCut = ids.length > most;
  if (!isCut) return { text: plain(given), nTokens: ids.length, isCut };
  if (truncate) return { text: plain(tokenizer.decodePieces(ids.slice(0, most))), nTokens: most, isCut };
  const problem = `has ${ids.length} tokens, but the model takes ${most}: shorten it or allow truncation`;
  throw new InputError('length', `${what} ${problem}`, index);
}

/**
 * Blocks as the original makes them: one ends when it is full, or when its rest of the context could be too short for another document. Ours
 * also end before a document that would make the text longer than the context.
 */
function split(
  { tokenizer, info }: ListRanker,
  settings: ListwiseSettings,
  query: Side,
  documents: readonly Side[],
): { from: number; to: number }[] {
  const count = (text: string) => tokenizer.encode(text, { addSpecial: false }).length;
  const { begin, document, end, maxDocuments, maxDocumentTokens } = settings;
  const around = count(fill(begin, { query: query.text, count: maxDocuments }) + fill(end, { query: query.text }));
  const each = count(fill(document, { index: maxDocuments, document: '' }));
  const blocks: { from: number; to: number }[] = [];
  let from = 0;
  let nTokens = 0;
  for (const [i, { nTokens: n }] of documents.entries()) {
    if (i > from && around + nTokens + n + (i - from + 1) * each > info.nCtx) {
      blocks.push({ from, to: i });
      from = i;
      nTokens = 0;
    }
    nTokens += n;
    if (i - from + 1 < maxDocuments && info.nCtx - 2 * query.nTokens - nTokens > maxDocumentTokens) continue;
    blocks.push({ from, to: i + 1 });
    from = i + 1;
    nTokens = 0;
  }
  if (from < documents.length) blocks.push({ from, to: documents.length });
  return blocks;
}

/** The text of a block. @param first the index of its first document @throws ContextSizeError if it is longer than the context */
function layOut(
  { tokenizer, info }: ListRanker,
  { begin, document, end, queryToken, documentToken }: ListwiseSettings,
  query: Side,
  documents: readonly Side[],
  first: number,
): Block {
  const list = documents.map(({ text }, index) => fill(document, { index, document: text }));
  const start = fill(begin, { query: query.text, count: documents.length });
  const ids = tokenizer.encode([start, ...list, fill(end, { query: query.text })].join(''), { addSpecial: false });
  if (ids.length > info.nCtx) {
    throw new ContextSizeError(
      first,
      ids.length,
      info.nCtx,
      'shorten the document or the query, or load a longer context',
    );
  }
  const find = (token: number) => Array.from(ids.keys()).filter((at) => ids[at] === token);
  const found = { documents: find(documentToken), queries: find(queryToken) };
  if (found.documents.length !== documents.length || found.queries.length !== 1) {
    const problem = `has ${found.documents.length} tokens behind documents and ${found.queries.length} behind the query`;
    throw new InputError('option', `${info.name}: the layout of a list of ${documents.length} ${problem}`);
  }
  return { ids, documents: found.documents, query: found.queries[0] };
}

/** Fills in a layout once, so that text of a query or a document never becomes a placeholder. */
function fill(layout: string, values: Readonly<Record<string, string | number>>): string {
  return layout.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}

function tokensOf({ ids, documents }: Block): number[] {
  return documents.map((at, i) => {
    const from = i === 0 ? 0 : documents[i - 1] + 1;
    return (i === documents.length - 1 ? ids.length : at + 1) - from;
  });
}

/** The projected states of a block. */
interface Rows {
  readonly query: Float32Array;
  readonly documents: readonly Float32Array[];
}

/** The query of a list: the mean over its blocks, each with the weight of its best document. */
function meanQuery(blocks: readonly Rows[]): Float64Array {
  const best = blocks.map(({ query, documents }) => Math.max(...documents.map((one) => (1 + cosine(one, query)) / 2)));
  const total = best.reduce((sum, weight) => sum + weight, 0);
  const mean = new Float64Array(blocks[0]?.query.length ?? 0);
  for (const [b, { query }] of blocks.entries()) {
    const weight = total > 0 ? best[b] / total : 1 / blocks.length;
    for (let i = 0; i < mean.length; i++) mean[i] += weight * query[i];
  }
  return mean;
}

/** 0 for a vector without length. */
function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
