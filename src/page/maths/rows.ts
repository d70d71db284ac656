/**
 * @file The texts, columns and vectors of the page, as its worker keeps them. They come in parts, so that no message holds the page up.
 */
import type { Dataset } from '../dataset.ts';

/** Texts with their columns and vectors, one after the other. */
export interface RowsPart {
  readonly texts: readonly string[];
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** The vectors of length 1, row-major; `undefined` if the file has none. */
  readonly matrix: Float32Array | undefined;
}

/** Rows of a message: half a megabyte of vectors, or a millisecond of copying. */
export const PART_ROWS = 500;

/** Collects parts. */
export class Rows {
  readonly texts: string[] = [];
  readonly columns: Record<string, string[]> = {};
  /** Of length 1. */
  readonly vectors: Float32Array[] = [];

  add({ texts, columns, matrix }: RowsPart): void {
    this.texts.push(...texts);
    for (const [name, cells] of Object.entries(columns)) {
      this.columns[name] ??= [];
      this.columns[name].push(...cells);
    }
    if (matrix === undefined) return;
    const size = matrix.length / texts.length;
    for (let i = 0; i < texts.length; i++) this.vectors.push(matrix.subarray(i * size, (i + 1) * size));
  }
}

/** The rows of a dataset from one index to another, which is excluded. */
export function partOf(
  { texts, columns }: Dataset,
  vectors: readonly Float32Array[] | undefined,
  from: number,
  to: number,
): RowsPart {
  const cells = Object.entries(columns).map(([name, values]) => [name, values.slice(from, to)] as const);
  return {
    texts: texts.slice(from, to),
    columns: Object.fromEntries(cells),
    matrix: vectors && joined(vectors.slice(from, to)),
  };
}

function joined(vectors: readonly Float32Array[]): Float32Array {
  const size = vectors[0].length;
  const matrix = new Float32Array(vectors.length * size);
  for (const [i, vector] of vectors.entries()) matrix.set(vector, i * size);
  return matrix;
}
