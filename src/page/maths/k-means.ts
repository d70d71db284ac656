/**
 * @file Clusters of unit vectors by spherical k-means.
 */
import { dot, unit } from '../../layout/vectors.ts';
import { sampleOf } from './sample.ts';

/** Vectors that the centres are found from; the others are only assigned. */
const SAMPLE = 3000;
const ROUNDS = 20;

/** About how many clusters `n` texts have. */
export const clusterCount = (n: number) => Math.max(1, Math.min(10, Math.round(Math.sqrt(n / 2))));

/**
 * The cluster of each vector, from 0 to `k` − 1. The same vectors give the same clusters.
 * @param vectors of length 1
 */
export function kMeans(vectors: readonly Float32Array[], k: number): Uint8Array {
  const sample = sampleOf(vectors, SAMPLE);
  let centres = farApart(sample, k);
  for (let round = 0; round < ROUNDS; round++) {
    const sums = centres.map((centre) => new Float32Array(centre.length));
    for (const vector of sample) {
      const sum = sums[nearest(vector, centres)];
      for (let j = 0; j < sum.length; j++) sum[j] += vector[j];
    }
    const next = sums.map(unit);
    const isStill = next.every((centre, i) => dot(centre, centres[i]) > 0.99999);
    // A centre that lost all its vectors stays where it was.
    centres = next.map((centre, i) => (centre.some((value) => value !== 0) ? centre : centres[i]));
    if (isStill) break;
  }
  return Uint8Array.from(vectors, (vector) => nearest(vector, centres));
}

/** Each next one is the vector that is least similar to those before. */
function farApart(vectors: readonly Float32Array[], k: number): Float32Array[] {
  const centres = [vectors[0]];
  const similar = vectors.map((vector) => dot(vector, centres[0]));
  while (centres.length < Math.min(k, vectors.length)) {
    const next = vectors[similar.reduce((least, value, i) => (value < similar[least] ? i : least), 0)];
    centres.push(next);
    for (const [i, vector] of vectors.entries()) similar[i] = Math.max(similar[i], dot(vector, next));
  }
  return centres;
}

function nearest(vector: Float32Array, centres: readonly Float32Array[]): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (const [i, centre] of centres.entries()) {
    const value = dot(vector, centre);
    if (value > most) [best, most] = [i, value];
  }
  return best;
}
