/**
 * @file The keys of rerankers whose class or name says how they rank: which tokens they compare, how a pair is laid out.
 */
import type { GgufWriter } from '../gguf/index.ts';
import { findRanker, layoutMetadata, tokenMetadata } from '../tokenizer/index.ts';
import type { Config } from './checkout/config.ts';
import type { ModelClass } from './model-class.ts';

/** `pooling_type` of a reranker. */
const RANK_POOLING = 4;

/** Sets the keys of the model if its class, or one of its names, is that of a reranker. */
export function setRanker(writer: GgufWriter, config: Config, modelClass: ModelClass, names: readonly string[]): void {
  const { architecture } = modelClass;
  const texts = modelClass.rerankKeys?.(config) ?? keysByName(architecture, names);
  if (texts === undefined) return;
  writer.set(`${architecture}.pooling_type`, { type: 'uint32', value: RANK_POOLING });
  for (const [key, value] of Object.entries(texts)) writer.set(key, { type: 'string', value });
}

/** Of a language model, whose class does not say that it ranks. */
function keysByName(architecture: string, names: readonly string[]): Record<string, string> | undefined {
  const ranker = findRanker(architecture, names);
  return ranker && { ...tokenMetadata(ranker.tokens), ...layoutMetadata(ranker.layout) };
}
