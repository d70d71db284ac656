/**
 * @file Counts in words.
 */

/** `1 text`, `2 texts`. @param many the plural, unless it is the singular with an s */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
