/**
 * @file Arithmetic on the vectors of all texts, in a worker of the page: similarities, order, neighbours, principal axes.
 */
import { clusterOrder } from '../../layout/cluster-order.ts';
import { principalAxes } from '../../layout/principal-axes.ts';
import { dot } from '../../layout/vectors.ts';
import { answerCalls } from '../calls.ts';
import { type Dataset, readDataset } from '../dataset.ts';
import { clusterWords } from './cluster-words.ts';
import { clusterCount, kMeans } from './k-means.ts';
import { smallest } from './nearest-k.ts';
import { sampleOf } from './sample.ts';

let units: readonly Float32Array[] = [];

/** Texts that the axes are found from; the others are only projected. */
const AXES_SAMPLE = 3000;

/** A text and how similar it is. */
export interface Neighbour {
  readonly index: number;
  readonly similarity: number;
}

/** The `count` most similar texts, best first. */
function mostSimilar(to: Float32Array, count: number, without = -1): Neighbour[] {
  const distances = Float64Array.from(units, (vector) => -dot(vector, to));
  const nearest = smallest(distances, count + (without < 0 ? 0 : 1)).filter((index) => index !== without);
  return nearest.slice(0, count).map((index) => ({ index, similarity: -distances[index] }));
}

const methods = {
  /** Takes the vectors of length 1, row-major. */
  use({ matrix, size }: { matrix: Float32Array; size: number }): void {
    units = Array.from({ length: matrix.length / size }, (_, i) => matrix.subarray(i * size, (i + 1) * size));
  },
  /** Reads a file of texts. */
  async read({ file }: { file: File }): Promise<Dataset> {
    return readDataset(file.name, await file.text());
  },
  /** Where the texts lie along the first two principal axes, x and y in turn, and the part of the variance of each. */
  axes(): { positions: Float32Array; variance: readonly number[] } {
    const { directions, variance } = principalAxes(sampleOf(units, AXES_SAMPLE), 2);
    const axes = directions.map((direction) => Float32Array.from(direction));
    const positions = Float32Array.from({ length: 2 * units.length }, (_, i) => dot(units[i >> 1], axes[i & 1]));
    return { positions, variance };
  },
  /** The cluster of each text, and names for them. */
  clusters({ texts }: { texts: readonly string[] }): { names: string[]; of: Uint8Array } {
    const k = clusterCount(units.length);
    const of = kMeans(units, k);
    return { names: clusterWords(texts, of, k), of };
  },
  /** The texts that are most similar to a vector. */
  nearTo({ vector, count }: { vector: Float32Array; count: number }): Neighbour[] {
    return mostSimilar(vector, count);
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
