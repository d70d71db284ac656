/**
 * @file What an evaluation asks of a model, and a product that several need.
 */

/** Vectors of length 1 of texts. `kind` says what they are, because some models want a prefix before each kind. */
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
