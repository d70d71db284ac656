/**
 * @file Gemma 2 (Gemma Team 2024): causal, a window in every other layer, a soft cap on the scores.
 */
import type { Architecture } from './architecture.ts';
import { buildGemma } from './gemma.ts';
import { readSlidingWindow } from './sliding-window.ts';

/** Layers of the 27B model, which scales queries as if its heads divided `nEmbd` evenly. */
const nLayer27B = 46;

export const gemma2: Architecture = {
  id: 'gemma2',
  build(loader) {
    const { hparams, keys } = loader;
    const { nLayer, nEmbd, nHead, causal } = hparams;
    const pattern = { period: 2, dense: 'last', size: 4096, sameRope: true } as const;
    return buildGemma(loader, {
      causal,
      local: readSlidingWindow(loader, 'standard', pattern),
      qkNorms: false,
      scale: nLayer === nLayer27B ? 1 / Math.sqrt(nEmbd / nHead[0]) : undefined,
      softcap: keys.f32('attn_logit_softcapping', 50) || undefined,
    });
  },
};
