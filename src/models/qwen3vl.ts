/**
 * @file The text half of Qwen3-VL (Bai et al. 2025), Qwen3-VL-Embedding and -Reranker: Qwen3 with interleaved M-RoPE.
 */
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import { readSections } from './mrope.ts';
import { declareYesNo } from './qwen3.ts';

export const qwen3vl: Architecture = {
  id: 'qwen3vl',
  build: (loader) =>
    buildDecoder(loader, {
      rope: 'neox',
      coordinates: readSections(loader, 'interleaved'),
      qkNorms: true,
      classifier: () => declareYesNo(loader),
    }),
};
