/**
 * @file The function that an evaluation needs from a model.
 */

/** Embeds texts to vectors of length 1. `kind` is the kind of the texts, because some models need a different prefix for each kind. */
export type EmbedTexts = (
  texts: readonly string[],
  kind: 'query' | 'document',
) => Promise<{ readonly vectors: readonly Float32Array[]; readonly nTruncated: number }>;
