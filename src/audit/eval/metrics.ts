/**
 * @file The measures of `eval`, as scipy and trec_eval define them.
 */

/** Spearman's rank correlation: Pearson's correlation of the ranks. Equal values share the mean of their ranks. NaN for constant values. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  return pearson(ranks(a), ranks(b));
}

/** Pearson's correlation; NaN if one side is constant. */
export function pearson(a: readonly number[], b: readonly number[]): number {
  // The mean of a constant is rounded, and what is left of its differences would correlate.
  if ([a, b].some((values) => values.every((value) => value === values[0]))) return Number.NaN;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] - meanA, b[i] - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

/** The mean; NaN for an empty list. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i] - values[j]);
  const result = new Array<number>(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let i = from; i < to; i++) result[order[i]] = (from + to - 1) / 2;
    from = to;
  }
  return result;
}

/** The relevance of documents to one query; 0 or absent for irrelevant ones. */
export type Relevance = ReadonlyMap<string, number>;

/**
 * Normalised discounted cumulative gain of the first `k` (Järvelin & Kekäläinen 2002): gains are the judgements, discounts
 * log₂(rank + 1). 0 for a query without relevant documents.
 * @param ranking ids, best first
 */
export function ndcg(ranking: readonly string[], relevant: Relevance, k: number): number {
  const gains = ranking.map((id) => Math.max(0, relevant.get(id) ?? 0));
  const ideal = [...relevant.values()].filter((gain) => gain > 0).sort((a, b) => b - a);
  return ideal.length === 0 ? 0 : discounted(gains, k) / discounted(ideal, k);
}

function discounted(gains: readonly number[], k: number): number {
  return gains.slice(0, k).reduce((sum, gain, i) => sum + gain / Math.log2(i + 2), 0);
}

/** The fraction of the relevant documents that are among the first `k`. 0 for a query without relevant documents. */
export function recall(ranking: readonly string[], relevant: Relevance, k: number): number {
  const wanted = [...relevant].filter(([, gain]) => gain > 0).map(([id]) => id);
  const found = new Set(ranking.slice(0, k));
  return wanted.length === 0 ? 0 : wanted.filter((id) => found.has(id)).length / wanted.length;
}
