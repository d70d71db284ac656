/**
 * @file UMAP in a worker of the page: from the principal axes on, in steps that the page shows as they come.
 */
import { UMAP } from 'umap-js';
import { answerCalls } from '../calls.ts';
import { nearestK } from './nearest-k.ts';

/** What is on its way: first neighbours, then positions. */
export type UmapNote =
  | { readonly kind: 'neighbours'; readonly done: number }
  | { readonly kind: 'positions'; readonly positions: Float32Array; readonly epoch: number; readonly epochs: number };

/** Milliseconds between two notes of positions. */
const FRAME = 50;
const NEIGHBOURS = 15;

const methods = {
  /**
   * The positions, x and y in turn.
   * @param matrix unit vectors, row-major
   * @param start where the points lie at first
   */
  async run(
    { matrix, size, start }: { matrix: Float32Array; size: number; start: Float32Array },
    note: (note: UmapNote) => void,
  ): Promise<Float32Array> {
    const n = start.length / 2;
    const nNeighbors = Math.min(NEIGHBOURS, n - 1);
    let state = 1;
    const random = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const umap = new UMAP({ nComponents: 2, nNeighbors, minDist: 0.1, random });
    const near = nearestK(matrix, size, nNeighbors, (done) => note({ kind: 'neighbours', done }));
    umap.setPrecomputedKNN(near.indices, near.distances);
    const epochs = umap.initializeFit(Array.from({ length: n }, (_, i) => [i]));
    const points = umap.getEmbedding();
    const spread = start.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    for (const [i, point] of points.entries()) {
      // A little noise parts texts that are equal.
      for (const axis of [0, 1]) point[axis] = (10 * start[2 * i + axis]) / spread + 1e-3 * random();
    }
    const positions = () => Float32Array.from({ length: 2 * n }, (_, i) => points[i >> 1][i & 1]);
    let shown = performance.now();
    for (let epoch = 0; epoch < epochs; epoch++) {
      umap.step();
      if (performance.now() - shown < FRAME) continue;
      shown = performance.now();
      note({ kind: 'positions', positions: positions(), epoch, epochs });
    }
    return positions();
  },
};

/** The methods of the worker. */
export type UmapMethods = typeof methods;

answerCalls(methods);
