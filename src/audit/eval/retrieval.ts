/**
 * @file Retrieval: queries, documents, and judgements of which documents answer which query, in the format of BEIR.
 */

import { dot } from '../../layout/vectors.ts';
import { DataError } from './data-error.ts';
import type { EmbedTexts } from './embed-texts.ts';
import { mean, ndcg, type Relevance, recall } from './metrics.ts';

/** A text with its id. */
export interface IdentifiedText {
  readonly id: string;
  readonly text: string;
}

/** A data set. */
export interface RetrievalData {
  readonly queries: readonly IdentifiedText[];
  /** By query. The evaluation ignores queries without judgements. */
  readonly judgements: ReadonlyMap<string, Relevance>;
  /** In groups; read once. */
  readonly documents: AsyncIterable<readonly IdentifiedText[]>;
}

/** The result of `evaluateRetrieval`: means over the judged queries. */
export interface RetrievalResult {
  readonly task: 'retrieval';
  readonly nQueries: number;
  readonly nDocuments: number;
  readonly 'ndcg@10': number;
  readonly 'recall@10': number;
  readonly 'recall@100': number;
  /** Number of texts that were truncated to the context. */
  readonly nTruncated: number;
}

/** Number of documents kept for each query. */
const DEPTH = 100;

/**
 * A line of `corpus.jsonl` or `queries.jsonl`: `_id`, `text`, and for documents an optional `title`, which precedes the text.
 * @throws DataError naming `what`
 */
export function readIdentifiedText(line: string, what: string): IdentifiedText {
  let value: { _id?: unknown; title?: unknown; text?: unknown } | null;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new DataError(`${what} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const { _id: id, title = '', text } = value ?? {};
  if (typeof id !== 'string' || typeof text !== 'string' || typeof title !== 'string') {
    throw new DataError(`${what} must have the texts _id and text`);
  }
  return { id, text: `${title} ${text}`.trim() };
}

/**
 * The judgements of a file with the columns query, document and score, separated by tabs; its first line may name them.
 * @throws DataError for other lines
 */
export function readJudgements(text: string): Map<string, Map<string, number>> {
  const judgements = new Map<string, Map<string, number>>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || (i === 0 && /\tscore$/.test(line))) continue;
    const [query, document, score, ...others] = line.split('\t');
    if (score === undefined || others.length > 0 || !/^\s*[+-]?\d+(\.0*)?\s*$/.test(score)) {
      throw new DataError(`line ${i + 1} of the judgements is not query, document and score`);
    }
    const documents = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, documents.set(document, Number(score)));
  }
  return judgements;
}

/**
 * Embeds the judged queries and all documents, and ranks the documents of each query by cosine. As in BEIR's evaluation, a document with
 * the id of the query does not count as an answer.
 * @throws DataError when no query is judged, or two queries or two documents have the same id: they would count twice
 */
export async function evaluateRetrieval(data: RetrievalData, embed: EmbedTexts): Promise<RetrievalResult> {
  const queries = data.queries.filter(({ id }) => data.judgements.has(id));
  if (queries.length === 0) throw new DataError('none of the queries has judgements');
  checkNew(new Set(), queries, 'queries');
  const asked = await embed(
    queries.map(({ text }) => text),
    'query',
  );
  const rankings = queries.map(() => new Ranking());
  let { nTruncated } = asked;
  let nDocuments = 0;
  const seen = new Set<string>();
  for await (const documents of data.documents) {
    checkNew(seen, documents, 'documents');
    const found = await embed(
      documents.map(({ text }) => text),
      'document',
    );
    nTruncated += found.nTruncated;
    nDocuments += documents.length;
    for (const [q, query] of queries.entries()) {
      for (const [d, { id }] of documents.entries()) {
        if (id !== query.id) rankings[q].add(id, dot(asked.vectors[q], found.vectors[d]));
      }
    }
  }
  const average = (measure: typeof ndcg, k: number) =>
    mean(queries.map(({ id }, q) => measure(rankings[q].ids(), data.judgements.get(id)!, k)));
  return {
    task: 'retrieval',
    nQueries: queries.length,
    nDocuments,
    'ndcg@10': average(ndcg, 10),
    'recall@10': average(recall, 10),
    'recall@100': average(recall, 100),
    nTruncated,
  };
}

/** Adds the ids of `texts` to `seen`. @throws DataError for one that is there */
function checkNew(seen: Set<string>, texts: readonly IdentifiedText[], what: string): void {
  for (const { id } of texts) {
    if (seen.has(id)) throw new DataError(`two ${what} have the _id ${JSON.stringify(id)}: remove one`);
    seen.add(id);
  }
}

/** The best documents of one query. */
class Ranking {
  #best: { readonly id: string; readonly score: number }[] = [];
  /** The score that a document must exceed to be kept. */
  #least = Number.NEGATIVE_INFINITY;

  add(id: string, score: number): void {
    if (!(score > this.#least)) return;
    this.#best.push({ id, score });
    // Occasional sorting costs less than a heap.
    if (this.#best.length >= 4 * DEPTH) this.#cut();
  }

  /** Best first; of equal ones the earlier document. */
  ids(): string[] {
    this.#cut();
    return this.#best.map(({ id }) => id);
  }

  #cut(): void {
    this.#best = this.#best.sort((a, b) => b.score - a.score).slice(0, DEPTH);
    if (this.#best.length === DEPTH) this.#least = this.#best[DEPTH - 1].score;
  }
}
