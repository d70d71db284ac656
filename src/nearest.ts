/**
 * @file The known words that are nearest to a mistyped one.
 */

/** The nearest of `known` by edit distance, or `undefined` if none is near enough. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  return allNear(word, known)[0];
}

/** Those of `known` that are near enough to be meant, the nearest first. */
export function allNear(word: string, known: Iterable<string>): string[] {
  const limit = Math.max(2, Math.ceil(word.length / 3));
  const found: { readonly candidate: string; readonly distance: number }[] = [];
  for (const candidate of new Set(known)) {
    const distance = editDistance(word, candidate);
    if (distance <= limit) found.push({ candidate, distance });
  }
  return found.sort((a, b) => a.distance - b.distance).map(({ candidate }) => candidate);
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j] + 1, row[j - 1] + 1));
    }
    previous = row;
  }
  return previous[b.length];
}
