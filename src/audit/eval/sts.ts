/**
 * @file Semantic textual similarity: compares the order of text pairs by cosine with their order by human scores.
 */

import { dot } from '../../layout/vectors.ts';
import { DataError } from './data-error.ts';
import type { EmbedTexts } from './embed-texts.ts';
import { pearson, spearman } from './metrics.ts';
import { separatedRows } from './separated.ts';

/** One judged pair. */
export interface ScoredPair {
  readonly first: string;
  readonly second: string;
  readonly score: number;
}

/** The result of `evaluateSts`. */
export interface StsResult {
  readonly task: 'sts';
  readonly nPairs: number;
  /** Rank correlation of the cosines with the scores, from -1 to 1. */
  readonly spearman: number;
  readonly pearson: number;
  /** Number of texts that were truncated to the context. */
  readonly nTruncated: number;
}

/** Names of columns, in data sets of the hub and elsewhere. */
const columns = {
  first: ['sentence1', 'text1', 'sentence_a', 'first'],
  second: ['sentence2', 'text2', 'sentence_b', 'second'],
  score: ['score', 'similarity_score', 'label', 'similarity'],
} as const;

/** Columns of STSBenchmark's files: genre, file, year, id, score, text, text. */
const stsBenchmark = { score: 4, first: 5, second: 6 } as const;

/**
 * The pairs of a file: JSON lines with `sentence1`, `sentence2` and `score`; or CSV or tab-separated text whose first line names these
 * columns, with three columns of which one has only numbers, or with the columns of STSBenchmark's files.
 * @throws DataError for other content
 */
export function readPairs(text: string): ScoredPair[] {
  const pairs = /^\s*\{/.test(text) ? jsonPairs(text) : separatedPairs(separatedRows(text));
  if (pairs.length < 2) throw new DataError(`it has ${pairs.length} pairs: a correlation needs more`);
  return pairs;
}

function jsonPairs(text: string): ScoredPair[] {
  const lines = text.split('\n').map((line, i) => ({ line, number: i + 1 }));
  return lines
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, number }) => {
      let value: Record<string, unknown> | null;
      try {
        value = JSON.parse(line);
      } catch (cause) {
        throw new DataError(`line ${number} is not JSON: ${(cause as Error).message}`, { cause });
      }
      const find = (names: readonly string[]) =>
        names.map((name) => value?.[name]).find((found) => found !== undefined);
      return checkPair(find(columns.first), find(columns.second), find(columns.score), `line ${number}`);
    });
}

function separatedPairs(rows: readonly (readonly string[])[]): ScoredPair[] {
  const [head = []] = rows;
  const named = (names: readonly string[]) => head.findIndex((cell) => names.includes(cell.trim().toLowerCase()));
  const byName = { first: named(columns.first), second: named(columns.second), score: named(columns.score) };
  const hasHead = Object.values(byName).every((at) => at >= 0);
  const place = hasHead ? byName : head.length >= 7 ? stsBenchmark : threeColumns(rows);
  return rows
    .map((row, i) => ({ row, what: `row ${i + 1}` }))
    .slice(hasHead ? 1 : 0)
    .map(({ row, what }) => checkPair(row[place.first], row[place.second], row[place.score], what));
}

function threeColumns(rows: readonly (readonly string[])[]): Record<keyof ScoredPair, number> {
  const widths = new Set(rows.map((row) => row.length));
  const score = [2, 0, 1].find((at) => rows.every((row) => isNumber(row[at])));
  if (widths.size !== 1 || !widths.has(3) || score === undefined) {
    throw new DataError(
      'it has neither columns sentence1, sentence2 and score, nor three columns of which one is a number',
    );
  }
  const [first, second] = [0, 1, 2].filter((at) => at !== score);
  return { first, second, score };
}

function checkPair(first: unknown, second: unknown, score: unknown, what: string): ScoredPair {
  const isScore = Number.isFinite(score) || (typeof score === 'string' && isNumber(score));
  if (typeof first !== 'string' || typeof second !== 'string' || !isScore) {
    throw new DataError(`${what} needs two texts and a number`);
  }
  return { first, second, score: Number(score) };
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== '' && Number.isFinite(Number(text));
}

/** Embeds each text once and correlates the cosines of the pairs with their scores. */
export async function evaluateSts(pairs: readonly ScoredPair[], embed: EmbedTexts): Promise<StsResult> {
  const texts = [...new Set(pairs.flatMap(({ first, second }) => [first, second]))];
  const { vectors, nTruncated } = await embed(texts, 'query');
  const byText = new Map(texts.map((text, i) => [text, vectors[i]]));
  const cosines = pairs.map(({ first, second }) => dot(byText.get(first)!, byText.get(second)!));
  const scores = pairs.map(({ score }) => score);
  return {
    task: 'sts',
    nPairs: pairs.length,
    spearman: spearman(cosines, scores),
    pearson: pearson(cosines, scores),
    nTruncated,
  };
}
