/**
 * @file GTE's encoder of 2024 (Zhang et al. 2024: gte-multilingual, gte-base-en-v1.5, snowflake-arctic-embed-m-v2.0): post-norm with rotary
 * positions and a gated GELU. The gate is a matrix of its own, or the second half of a fused one.
 */
import type { Linear } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { gatedMlp } from './feed-forward.ts';
import { geluOf } from './gelu.ts';
import { nomicBertNames } from './names/bert.ts';
import { declareClassifier } from './pooling.ts';
import { buildPostNorm } from './post-norm.ts';

/** `[up, gate]` of a layer: two matrices, or one whose first rows are `up`. */
type UpAndGate = { readonly fused: Linear } | { readonly up: Linear; readonly gate: Linear };

export const gte: Architecture = {
  id: 'gguf-embed-gte',
  build(loader) {
    const { nEmbd, nFf } = loader.hparams;
    const gelu = geluOf(loader);
    const declareUp = (blk: string, il: number): UpAndGate =>
      loader.has(`${blk}.ffn_gate`)
        ? {
            up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il], 'none'),
            gate: loader.linear(`${blk}.ffn_gate`, nEmbd, nFf[il], 'none'),
          }
        : { fused: loader.linear(`${blk}.ffn_up`, nEmbd, 2 * nFf[il], 'none') };
    return buildPostNorm(loader, {
      attention: { rope: { kind: 'neox' } },
      declareFeedForward: (blk, il) => ({
        ...declareUp(blk, il),
        down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'required'),
      }),
      feedForward(ops, x, w) {
        if ('gate' in w) return gatedMlp(ops, x, w, gelu);
        const both = ops.linear(x, w.fused); // [T, nEmbd] → [T, 2 nFf]
        const half = both.cols / 2;
        const hidden = ops.glu(ops.columns(both, half, half), ops.columns(both, 0, half), gelu); // [T, nFf]
        return ops.linear(hidden, w.down); // [T, nFf] → [T, nEmbd]
      },
      classifier: () => declareClassifier(loader),
      names: nomicBertNames,
    });
  },
};
