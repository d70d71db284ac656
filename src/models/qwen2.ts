/**
 * @file Qwen2 as an embedder: gte-Qwen2, Stella, jina-code-embeddings. LLaMA's block with RoPE on halves and, usually,
 * biases on queries, keys and values.
 */
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';

export const qwen2: Architecture = {
  id: 'qwen2',
  build: (loader) => buildDecoder(loader, { rope: 'neox' }),
};
