/**
 * @file LLaMA and Mistral as embedders: e5-mistral, SFR, Linq, models like NV-Embed. RoPE on adjacent pairs, with the
 * frequency factors of Llama 3.1 or longrope if the file has them. Mistral's sliding window is ignored, as in llama.cpp.
 */
import type { Weight } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import type { WeightLoader } from './weights.ts';

export const llama: Architecture = {
  id: 'llama',
  build: (loader) => buildDecoder(loader, { rope: 'norm', freqFactors: declareFreqFactors(loader) }),
};

/**
 * `rope_freqs`, or one of longrope's two tables: the long one if the model's context is longer than the original one.
 * @throws ModelError if RoPE rotates only a part of a head
 */
export function declareFreqFactors(loader: WeightLoader): Weight | undefined {
  const { rope, nEmbdHeadK } = loader.hparams;
  if (rope.nRot !== nEmbdHeadK) {
    throw loader.keys.error('rope.dimension_count', `is ${rope.nRot}, but must be the head size ${nEmbdHeadK}`);
  }
  const declare = (name: string) => loader.vector(name, rope.nRot / 2);
  const long = loader.optional('rope_factors_long', declare);
  const short = loader.optional('rope_factors_short', declare);
  return loader.optional('rope_freqs', declare) ?? (rope.extended ? long : short);
}
