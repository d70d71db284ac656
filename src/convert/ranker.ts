/**
 * @file Rerankers that are language models, by their names: the file says which tokens they compare and how a pair is laid out.
 */
import type { GgufWriter } from '../gguf/index.ts';
import { findRanker, layoutMetadata, tokenMetadata } from '../tokenizer/index.ts';

/** `pooling_type` of a reranker. */
const RANK_POOLING = 4;

/** Sets the keys of the model if one of its names is that of a reranker. */
export function setRanker(writer: GgufWriter, architecture: string, names: readonly string[]): void {
  const ranker = findRanker(architecture, names);
  if (ranker === undefined) return;
  writer.set(`${architecture}.pooling_type`, { type: 'uint32', value: RANK_POOLING });
  const texts = { ...tokenMetadata(ranker.tokens), ...layoutMetadata(ranker.layout) };
  for (const [key, value] of Object.entries(texts)) writer.set(key, { type: 'string', value });
}
