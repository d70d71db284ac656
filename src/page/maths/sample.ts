/**
 * @file A part of many things, evenly spread.
 */

/** `most` of `all`, or all of them if there are fewer. */
export function sampleOf<T>(all: readonly T[], most: number): T[] {
  const step = Math.max(1, all.length / most);
  return Array.from({ length: Math.min(all.length, most) }, (_, i) => all[Math.floor(i * step)]);
}
