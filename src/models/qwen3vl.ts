/**
 * @file The text half of Qwen3-VL (Bai et al. 2025), Qwen3-VL-Embedding and -Reranker: Qwen3 with interleaved M-RoPE; its first layers add
 * to their results the outputs of layers of the vision tower (DeepStack, Meng et al. 2024).
 */
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import { readSections } from './mrope.ts';
import { declareYesNo } from './qwen3.ts';
import type { WeightLoader } from './weights.ts';

export const qwen3vl: Architecture = {
  id: 'qwen3vl',
  build: (loader) =>
    buildDecoder(loader, {
      rope: 'neox',
      coordinates: readSections(loader, 'interleaved'),
      nDeepstack: readDeepstack(loader),
      qkNorms: true,
      classifier: () => declareYesNo(loader),
    }),
};

/** @throws ModelError for more layers than the model has */
function readDeepstack({ keys, hparams: { nLayer } }: WeightLoader): number {
  const n = keys.u32('n_deepstack_layers', 0);
  if (n > nLayer) throw keys.error('n_deepstack_layers', `is ${n}, but the model has ${nLayer} layers`);
  return n;
}
