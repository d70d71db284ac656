/** @file How ranks divide things: columns, blocks of keys, rows of weights. */

/** The part [begin, end) of `n` things that belongs to a rank. */
export function evenPart(n: number, rank: number, nRanks: number): [begin: number, end: number] {
  return [Math.floor((n * rank) / nRanks), Math.floor((n * (rank + 1)) / nRanks)];
}
