/**
 * @file The principal axes of a set of vectors: the directions along which they differ most. Exact to float64: restarted Lanczos iterations
 * until the residual vanishes, one axis after the other.
 */
import { dot } from './vectors.ts';

/** Where the vectors lie along their principal axes. */
export interface Projection {
  /** `[n, k]`, row-major: the centred vectors along the axes. */
  readonly coordinates: Float64Array;
  /** The part of the variance that each axis has; at most 1 together. */
  readonly variance: readonly number[];
  /** The axes, of length 1; zeros for one without variance. */
  readonly directions: readonly Float64Array[];
}

/** Steps between restarts. */
const STEPS = 24;
const MAX_RESTARTS = 200;
/** The iterations end when the residual is below this part of the eigenvalue. */
const TOLERANCE = 1e-12;

/**
 * Projects vectors on their first `k` principal axes. The sign of an axis is the one that makes its largest coordinate positive.
 * @param vectors of one length
 */
export function principalAxes(vectors: readonly Float32Array[], k: number): Projection {
  const n = vectors.length;
  const size = vectors[0]?.length ?? 0;
  const rows = centred(vectors, size);
  const total = sumOfSquares(rows);
  const coordinates = new Float64Array(n * k);
  const variance: number[] = [];
  const directions: Float64Array[] = [];
  for (let axis = 0; axis < k; axis++) {
    const direction = total === 0 ? undefined : strongest(rows, n, size, total, axis + 1);
    if (direction === undefined) {
      variance.push(0);
      directions.push(new Float64Array(size));
      continue;
    }
    const along = times(rows, direction, n, size);
    const sign = along.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0) < 0 ? -1 : 1;
    for (let i = 0; i < n; i++) {
      coordinates[i * k + axis] = sign * along[i];
      for (let j = 0; j < size; j++) rows[i * size + j] -= along[i] * direction[j];
    }
    variance.push(sumOfSquares(along) / total);
    directions.push(direction.map((value) => sign * value));
  }
  return { coordinates, variance, directions };
}

function centred(vectors: readonly Float32Array[], size: number): Float64Array {
  const mean = new Float64Array(size);
  // Sums of float32 are exact here, so that equal vectors have no variance.
  for (const vector of vectors) for (let j = 0; j < size; j++) mean[j] += vector[j];
  const rows = new Float64Array(vectors.length * size);
  for (const [i, vector] of vectors.entries()) {
    for (let j = 0; j < size; j++) rows[i * size + j] = vector[j] - mean[j] / vectors.length;
  }
  return rows;
}

/** The unit vector along which `rows` `[n, size]` vary most; none if nothing is left of the variance but rounding. */
function strongest(rows: Float64Array, n: number, size: number, total: number, seed: number): Float64Array | undefined {
  let start = new Float64Array(size);
  // Weights without a pattern, so that no direction is missed by symmetry; others for each axis, so that none is missed with the one before.
  let state = seed;
  for (let i = 0; i < n; i++) {
    state = (state * 48271) % 2147483647;
    for (let j = 0; j < size; j++) start[j] += (state / 2147483647 - 0.5) * rows[i * size + j];
  }
  for (let restart = 0; restart < MAX_RESTARTS; restart++) {
    const norm = Math.sqrt(sumOfSquares(start));
    if (!(norm > 1e-14 * Math.sqrt(total))) return undefined;
    const basis = [start.map((value) => value / norm)];
    const matrix: number[][] = Array.from({ length: STEPS }, () => new Array(STEPS).fill(0));
    let residual = 0;
    for (let step = 0; step < STEPS; step++) {
      const next = gram(rows, basis[step], n, size);
      matrix[step][step] = dot(next, basis[step]);
      // Twice, because the first pass leaves rounding of the size of what it removes.
      for (const vector of [...basis, ...basis]) subtract(next, dot(next, vector), vector);
      residual = Math.sqrt(sumOfSquares(next));
      if (step + 1 === STEPS || residual <= 1e-15 * total) break;
      matrix[step][step + 1] = residual;
      matrix[step + 1][step] = residual;
      basis.push(next.map((value) => value / residual));
    }
    const { value, vector } = largestEigenpair(matrix.slice(0, basis.length).map((row) => row.slice(0, basis.length)));
    start = new Float64Array(size);
    for (const [i, weight] of vector.entries()) subtract(start, -weight, basis[i]);
    if (residual * Math.abs(vector[basis.length - 1]) <= TOLERANCE * value) break;
  }
  const norm = Math.sqrt(sumOfSquares(start));
  return start.map((value) => value / norm);
}

/** The largest eigenvalue of a small symmetric matrix, by Jacobi's rotations. */
function largestEigenpair(a: number[][]): { readonly value: number; readonly vector: number[] } {
  const n = a.length;
  const vectors = a.map((_, i) => a.map((_, j) => Number(i === j)));
  const scale = Math.max(...a.flat().map(Math.abs));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        off = Math.max(off, Math.abs(a[p][q]));
        if (a[p][q] === 0) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        for (let i = 0; i < n; i++) {
          const [x, y] = [a[i][p], a[i][q]];
          [a[i][p], a[i][q]] = [c * (x - t * y), c * (t * x + y)];
        }
        for (let i = 0; i < n; i++) {
          const [x, y] = [a[p][i], a[q][i]];
          [a[p][i], a[q][i]] = [c * (x - t * y), c * (t * x + y)];
          const [v, w] = [vectors[i][p], vectors[i][q]];
          [vectors[i][p], vectors[i][q]] = [c * (v - t * w), c * (t * v + w)];
        }
      }
    }
    if (off <= 1e-17 * scale) break;
  }
  const best = a.reduce((most, row, i) => (row[i] > a[most][most] ? i : most), 0);
  return { value: a[best][best], vector: vectors.map((row) => row[best]) };
}

/** `rowsᵀ · (rows · x)`. */
function gram(rows: Float64Array, x: Float64Array, n: number, size: number): Float64Array {
  const along = times(rows, x, n, size);
  const result = new Float64Array(size);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < size; j++) result[j] += along[i] * rows[i * size + j];
  }
  return result;
}

function times(rows: Float64Array, x: Float64Array, n: number, size: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => dot(rows.subarray(i * size, (i + 1) * size), x));
}

function subtract(from: Float64Array, factor: number, vector: Float64Array): void {
  for (let i = 0; i < from.length; i++) from[i] -= factor * vector[i];
}

function sumOfSquares(values: Float64Array): number {
  return dot(values, values);
}
