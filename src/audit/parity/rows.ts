/**
 * @file Compares the vectors of several programs with exact ones, as rows of a table.
 */

import { dot } from '../../layout/vectors.ts';
import { spearman } from '../eval/metrics.ts';

/** The answers of one program. */
export interface Answers {
  /** Of each text, of any length. */
  readonly vectors: readonly Float32Array[];
  /** Ids of each text without special tokens; absent if the program used our ids. */
  readonly tokens?: readonly (readonly number[])[];
}

/** How one program differs from the exact answers. */
export interface ParityRow {
  readonly program: string;
  readonly precision: string;
  readonly threads: number | undefined;
  /** Largest 1 − cosine of a text's vectors. */
  readonly distance: number;
  /** Largest difference of two values, both vectors scaled to length 1. */
  readonly largest: number;
  /** Spearman's correlation of the similarities of all pairs of texts; NaN for fewer than three texts. */
  readonly rankCorrelation: number;
  /** Number of texts whose tokens differ; `undefined` if the program used our ids. */
  readonly nOtherTokens: number | undefined;
  /** Whether all vectors have the same bits as in the program's first row. */
  readonly sameBits: boolean;
}

/** Who answered. */
export type Program = Pick<ParityRow, 'program' | 'precision' | 'threads'>;

/**
 * The row of one program.
 * @param exact the exact answers, which include tokens
 * @param first the first answers of the same program and precision
 */
export function parityRow(program: Program, answers: Answers, exact: Answers, first: Answers): ParityRow {
  const [a, b] = [exact.vectors.map(unit), answers.vectors.map(unit)];
  return {
    ...program,
    distance: Math.max(0, ...a.map((vector, i) => 1 - dot(vector, b[i]))),
    largest: Math.max(...a.map((vector, i) => largestDifference(vector, b[i]))),
    rankCorrelation: spearman(similarities(a), similarities(b)),
    nOtherTokens: answers.tokens?.filter((ids, i) => ids.join() !== exact.tokens?.[i].join()).length,
    sameBits: answers.vectors.every((vector, i) => vector.every((value, j) => Object.is(value, first.vectors[i][j]))),
  };
}

function unit(vector: Float32Array): Float64Array {
  const values = Float64Array.from(vector);
  const length = Math.sqrt(dot(values, values));
  return values.map((value) => value / length);
}

function largestDifference(a: Float64Array, b: Float64Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}

function similarities(vectors: readonly Float64Array[]): number[] {
  return vectors.flatMap((vector, i) => vectors.slice(0, i).map((other) => dot(vector, other)));
}

/** The rows as a table in Markdown. */
export function markdownTable(rows: readonly ParityRow[]): string {
  const head = [
    'program',
    'precision',
    'threads',
    '1 − cosine',
    'largest difference',
    'rank correlation',
    'other tokens',
  ];
  const cells = rows.map((row) => [
    row.program.replaceAll('|', '\\|'),
    row.precision,
    row.threads === undefined ? '' : `${row.threads}${row.sameBits ? '' : ', other bits'}`,
    digits(row.distance),
    digits(row.largest),
    Number.isNaN(row.rankCorrelation) ? '' : row.rankCorrelation.toFixed(6),
    row.nOtherTokens === undefined ? '' : String(row.nOtherTokens),
  ]);
  return [head, head.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |\n`).join('');
}

function digits(value: number): string {
  // A difference of doubles near 1 leaves this much rounding error.
  return Math.abs(value) < 1e-15 ? '0' : value.toExponential(1);
}
