/**
 * @file The function that an evaluation needs from a model, and the cosine.
 */

/** Embeds texts to vectors of length 1. `kind` is the kind of the texts, because some models need a different prefix for each kind. */
export type EmbedTexts = (
  texts: readonly string[],
  kind: 'query' | 'document',
) => Promise<{ readonly vectors: readonly Float32Array[]; readonly nTruncated: number }>;

/** The cosine of two vectors of length 1. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
