/**
 * @file Orders of documents by their scores, and how two of them compare.
 */

/** The documents by their scores, best first; equal ones in their own order. */
export function orderBy(scores: readonly number[]): number[] {
  return scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
}

/** The place of each document in the order, from 1. */
export function placesOf(scores: readonly number[]): number[] {
  const places: number[] = [];
  for (const [at, i] of orderBy(scores).entries()) places[i] = at + 1;
  return places;
}

/** The scores between 0 for the lowest and 1 for the highest; all 1 if they are equal. */
export function shares(scores: readonly number[]): number[] {
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  return scores.map((score) => (high > low ? (score - low) / (high - low) : 1));
}

/** Kendall's τ of the orders of two lists of scores: from −1 for opposite ones to 1 for the same. */
export function kendallTau(a: readonly number[], b: readonly number[]): number {
  const [one, other] = [placesOf(a), placesOf(b)];
  let sum = 0;
  for (let i = 0; i < one.length; i++)
    for (let j = 0; j < i; j++) sum += Math.sign(one[i] - one[j]) * Math.sign(other[i] - other[j]);
  return (2 * sum) / (one.length * (one.length - 1));
}
