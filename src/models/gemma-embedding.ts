/**
 * @file EmbeddingGemma (Schechter Vera et al. 2025): Gemma 3's block as an encoder with symmetric windows, and the two
 * linear layers of its sentence-transformers modules over the pooled vector.
 */
import type { Linear } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { buildGemma } from './gemma.ts';
import { readSlidingWindow } from './sliding-window.ts';
import type { WeightLoader } from './weights.ts';

export const gemmaEmbedding: Architecture = {
  id: 'gemma-embedding',
  build: (loader) =>
    buildGemma(loader, {
      causal: false,
      local: readSlidingWindow(loader, 'symmetric', { period: 6, dense: 'last' }),
      qkNorms: true,
      dense: () => declareDense(loader),
    }),
};

/** `dense_2` and `dense_3`, if the file has them: together they map `nEmbd` to `nEmbd`. */
function declareDense(loader: WeightLoader): Linear[] {
  const { hparams, keys } = loader;
  const { nEmbd } = hparams;
  const mustBe = (key: string, value: number) => {
    if (value !== 0 && value !== nEmbd) throw keys.error(key, `is ${value}, but the width of the model is ${nEmbd}`);
  };
  mustBe('dense_2_feat_in', keys.u32('dense_2_feat_in', 0));
  mustBe('dense_3_feat_out', keys.u32('dense_3_feat_out', 0));
  const inner2 = keys.u32('dense_2_feat_out', 0);
  const inner3 = keys.u32('dense_3_feat_in', 0);
  const dense2 = loader.optional('dense_2', (name) => loader.linear(name, nEmbd, inner2, 'none'));
  const dense3 = loader.optional('dense_3', (name) => loader.linear(name, inner3, nEmbd, 'none'));
  if (inner3 !== (dense2 === undefined ? nEmbd : inner2) && dense3 !== undefined) {
    throw keys.error('dense_3_feat_in', `is ${inner3}, which does not match the output before dense_3`);
  }
  if (dense2 !== undefined && dense3 === undefined && inner2 !== nEmbd) {
    throw keys.error('dense_2_feat_out', `is ${inner2}, but without dense_3 it must be ${nEmbd}`);
  }
  return [dense2, dense3].filter((layer) => layer !== undefined);
}
