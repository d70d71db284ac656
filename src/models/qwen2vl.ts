/**
 * @file The text half of Qwen2-VL (Wang et al. 2024) and Qwen2.5-VL (Bai et al. 2025): Qwen2 with M-RoPE. GME, jina-embeddings-v4,
 * nomic-embed-multimodal, ColQwen2.5.
 */
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import { readSections } from './mrope.ts';

export const qwen2vl: Architecture = {
  id: 'qwen2vl',
  build: (loader) => buildDecoder(loader, { rope: 'neox', coordinates: readSections(loader, 'sections') }),
};
