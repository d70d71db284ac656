/**
 * @file The nearest neighbours of all vectors, exactly.
 */

/** Neighbours of each vector, itself first. */
export interface NearestK {
  readonly indices: number[][];
  /** 1 − cosine. */
  readonly distances: number[][];
}

/**
 * @param matrix unit vectors, row-major
 * @param onProgress called with the rows that are done
 */
export function nearestK(matrix: Float32Array, size: number, k: number, onProgress: (done: number) => void): NearestK {
  const n = matrix.length / size;
  const indices: number[][] = [];
  const distances: number[][] = [];
  const row = new Float32Array(n);
  for (let a = 0; a < n; a++) {
    const from = a * size;
    for (let b = 0; b < n; b++) {
      let sum = 0;
      for (let j = 0, at = b * size; j < size; j++, at++) sum += matrix[from + j] * matrix[at];
      row[b] = a === b ? -1 : Math.max(0, 1 - sum);
    }
    const best = smallest(row, Math.min(k, n));
    indices.push(best);
    distances.push(best.map((b) => Math.max(0, row[b])));
    if (a % 64 === 63) onProgress(a + 1);
  }
  return { indices, distances };
}

/** The places of the `k` smallest values, in order. */
export function smallest(values: Float32Array | Float64Array, k: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < values.length; i++) {
    if (best.length === k && values[i] >= values[best[k - 1]]) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]] > values[i]) at--;
    best.splice(at, 0, i);
    if (best.length > k) best.pop();
  }
  return best;
}
