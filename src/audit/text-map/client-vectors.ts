/**
 * @file Similarities of texts, computed in the page. The page holds the source of this one function, so it uses nothing from outside of it.
 */
import type { TextMapData } from './data.ts';

/** The vectors of a page. */
export function vectorTools({ vectors, scales, dimensions }: TextMapData) {
  const n = scales.length;
  const bytes = Uint8Array.from(atob(vectors), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const values = Float32Array.from({ length: n * dimensions }, (_, i) => {
    return view.getInt16(2 * i, true) * scales[Math.floor(i / dimensions)];
  });
  const vectorOf = (i: number) => values.subarray(i * dimensions, (i + 1) * dimensions);
  function dot(a: Float32Array, b: Float32Array): number {
    let sum = 0;
    for (let j = 0; j < dimensions; j++) sum += a[j] * b[j];
    return sum;
  }

  /** The mean vectors of `cells` equal parts of `size` texts, from `start` on in an order. */
  function means(order: readonly number[], start: number, size: number, cells: number): Float32Array[] {
    return Array.from({ length: cells }, (_, cell) => {
      const [from, to] = [cell, cell + 1].map((end) => start + Math.floor((end * size) / cells));
      const mean = new Float32Array(dimensions);
      for (let at = from; at < to; at++) {
        const vector = vectorOf(order[at]);
        for (let j = 0; j < dimensions; j++) mean[j] += vector[j] / (to - from);
      }
      return mean;
    });
  }

  return {
    /** The cosine of two texts. */
    similarity: (a: number, b: number) => dot(vectorOf(a), vectorOf(b)),
    /** The cosines of a text with all. */
    similaritiesOf: (a: number) => Array.from({ length: n }, (_, b) => dot(vectorOf(a), vectorOf(b))),
    /** `cells` by `cells` similarities of `size` texts in an order; where a cell has several pairs, their mean. */
    heat(order: readonly number[], top: number, left: number, size: number, cells: number): Float32Array {
      const rows = means(order, top, size, cells);
      const cols = top === left ? rows : means(order, left, size, cells);
      return Float32Array.from({ length: cells * cells }, (_, i) => dot(rows[Math.floor(i / cells)], cols[i % cells]));
    },
  };
}
