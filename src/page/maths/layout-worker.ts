/**
 * @file Arithmetic on the vectors of all texts, in a worker of the page: similarities, order, neighbours, principal axes.
 */
import { clusterOrder } from '../../layout/cluster-order.ts';
import { dot } from '../../layout/vectors.ts';
import { answerCalls } from '../calls.ts';

let units: readonly Float32Array[] = [];

/** A text and how similar it is. */
export interface Neighbour {
  readonly index: number;
  readonly similarity: number;
}

/** The `count` most similar texts, best first. */
function mostSimilar(to: Float32Array, count: number, without = -1): Neighbour[] {
  const all = Float64Array.from(units, (vector) => dot(vector, to));
  const best: Neighbour[] = [];
  for (let index = 0; index < all.length; index++) {
    const similarity = all[index];
    if (index === without || (best.length === count && similarity <= best[count - 1].similarity)) continue;
    const at = best.findIndex((one) => one.similarity < similarity);
    best.splice(at < 0 ? best.length : at, 0, { index, similarity });
    if (best.length > count) best.pop();
  }
  return best;
}

const methods = {
  /** Takes the vectors of length 1. */
  use({ vectors }: { vectors: readonly Float32Array[] }): void {
    units = vectors;
  },
  /** The cosines of the first `count` texts with each other, row-major, and their order by clusters. */
  similarities({ count }: { count: number }): { values: Float32Array; order: number[] } {
    const first = units.slice(0, count);
    const n = first.length;
    const values = new Float32Array(n * n);
    for (let a = 0; a < n; a++) {
      for (let b = 0; b <= a; b++) values[a * n + b] = values[b * n + a] = dot(first[a], first[b]);
    }
    return { values, order: clusterOrder(first) };
  },
  /** The texts that are most similar to one of them. */
  neighbours({ index, count }: { index: number; count: number }): Neighbour[] {
    return index < units.length ? mostSimilar(units[index], count, index) : [];
  },
};

/** The methods of the worker. */
export type LayoutMethods = typeof methods;

answerCalls(methods);
