/**
 * @file Names of clusters: the words that their texts have and others lack.
 */

/** Texts that are read for the names. */
const SAMPLE = 20_000;

/** One name for each cluster, of up to two words; empty for one without words. */
export function clusterWords(texts: readonly string[], clusters: Uint8Array, k: number): string[] {
  const counts = Array.from({ length: k }, () => new Map<string, number>());
  const total = new Map<string, number>();
  const step = Math.max(1, texts.length / SAMPLE);
  for (let at = 0; at < texts.length; at += step) {
    const i = Math.floor(at);
    const words = new Set(
      texts[i]
        .slice(0, 1000)
        .toLowerCase()
        .match(/[\p{L}\p{M}]{4,}/gu) ?? [],
    );
    for (const word of words) {
      counts[clusters[i]].set(word, (counts[clusters[i]].get(word) ?? 0) + 1);
      total.set(word, (total.get(word) ?? 0) + 1);
    }
  }
  return counts.map((count) => {
    // How often it is here, times how much of all of it is here.
    const worth = (word: string, n: number) => (n * n) / total.get(word)!;
    const best = [...count].sort(([a, n], [b, m]) => worth(b, m) - worth(a, n) || (a < b ? -1 : 1));
    return best
      .slice(0, 2)
      .map(([word]) => word)
      .join(', ');
  });
}
