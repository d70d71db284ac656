/**
 * @file An order in which similar texts are neighbours: the leaves of a tree that joins the two most similar clusters first (average
 * linkage, by chains of nearest neighbours).
 */
import { dot } from './vectors.ts';

/**
 * The indices of unit vectors, sorted by clusters. Takes memory for a number for each pair.
 * @param vectors of one length
 */
export function clusterOrder(vectors: readonly Float32Array[]): number[] {
  const n = vectors.length;
  if (n === 0) return [];
  const similar = similarities(vectors);
  const at = (a: number, b: number) => (a > b ? (a * (a - 1)) / 2 + b : (b * (b - 1)) / 2 + a);
  // A cluster has the number of one of its texts.
  const leaves: (number[] | undefined)[] = vectors.map((_, i) => [i]);
  const chain: number[] = [];
  for (let nClusters = n; nClusters > 1; ) {
    if (chain.length === 0) chain.push(leaves.findIndex((cluster) => cluster !== undefined));
    const top = chain[chain.length - 1];
    const before = chain[chain.length - 2];
    // The cluster before wins a tie, so the chain ends.
    let nearest = before ?? -1;
    let best = before === undefined ? Number.NEGATIVE_INFINITY : similar[at(top, before)];
    for (let other = 0; other < n; other++) {
      if (other === top || leaves[other] === undefined) continue;
      const value = similar[at(top, other)];
      if (value > best) [nearest, best] = [other, value];
    }
    if (nearest !== before) {
      chain.push(nearest);
      continue;
    }
    chain.length -= 2;
    const [a, b] = [leaves[top]!, leaves[nearest]!];
    for (let other = 0; other < n; other++) {
      if (other === top || other === nearest || leaves[other] === undefined) continue;
      const sum = a.length * similar[at(top, other)] + b.length * similar[at(nearest, other)];
      similar[at(top, other)] = sum / (a.length + b.length);
    }
    leaves[top] = joined(a, b, vectors);
    leaves[nearest] = undefined;
    nClusters--;
  }
  return leaves.find((cluster) => cluster !== undefined)!;
}

/** Similarities of all pairs, of the second text with the first, of the third with the first two, and so on. */
function similarities(vectors: readonly Float32Array[]): Float32Array {
  const n = vectors.length;
  const values = new Float32Array((n * (n - 1)) / 2);
  let next = 0;
  for (let i = 1; i < n; i++) for (let j = 0; j < i; j++) values[next++] = dot(vectors[i], vectors[j]);
  return values;
}

/** Two rows of leaves as one, turned so that the two ends that meet are the most similar ones. */
function joined(a: number[], b: number[], vectors: readonly Float32Array[]): number[] {
  const meet = (x: number, y: number) => dot(vectors[x], vectors[y]);
  const ways: [number, () => number[]][] = [
    [meet(a[a.length - 1], b[0]), () => [...a, ...b]],
    [meet(a[a.length - 1], b[b.length - 1]), () => [...a, ...b.reverse()]],
    [meet(a[0], b[0]), () => [...a.reverse(), ...b]],
    [meet(a[0], b[b.length - 1]), () => [...b, ...a]],
  ];
  return ways.reduce((best, way) => (way[0] > best[0] ? way : best))[1]();
}
