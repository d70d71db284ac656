/**
 * @file Gemma 3 (Gemma Team 2025), text only: causal, norms of queries and keys, a window in five of six layers.
 */
import type { Architecture } from './architecture.ts';
import { buildGemma } from './gemma.ts';
import { readSlidingWindow } from './sliding-window.ts';

/** Layers of the 27B model, which scales queries as if its heads divided `nEmbd` evenly. */
const nLayer27B = 62;

export const gemma3: Architecture = {
  id: 'gemma3',
  build(loader) {
    const { nLayer, nEmbd, nHead, causal } = loader.hparams;
    return buildGemma(loader, {
      causal,
      local: readSlidingWindow(loader, 'standard', { period: 6, dense: 'last', size: 0 }),
      qkNorms: true,
      scale: nLayer === nLayer27B ? 1 / Math.sqrt(nEmbd / nHead[0]) : undefined,
    });
  },
};
