/**
 * @file The pre-norm block of a vision transformer (Dosovitskiy et al. 2020), and other parts that towers share.
 */
import type { SpanKind } from '../../tensor/batch.ts';
import type { Linear, NormWeights, Ops, RopeCoordinates, Tensor, Weight } from '../../tensor/ops.ts';
import { gatedMlp, mlp } from '../feed-forward.ts';
import { declareQkv, type QkvWeights, selfAttention } from '../self-attention.ts';
import type { VisionParameters } from './parameters.ts';
import type { TowerLoader } from './tower.ts';

/** The weights of one block. */
export interface VisionLayer {
  readonly ln1: NormWeights;
  readonly qkv: QkvWeights;
  readonly attnOut: Linear;
  readonly ln2: NormWeights;
  /** The gate, for a gated feed-forward layer. */
  readonly gate?: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

/** The kind of a tower's norms. */
export type NormKind = 'layer' | 'rms';

/** A norm of the whole width `n`: a layer norm has a bias. */
export function declareNorm(loader: TowerLoader, name: string, n: number, kind: NormKind): NormWeights {
  return kind === 'layer' ? loader.layerNorm(name, n) : loader.norm(name, n);
}

/**
 * Declares all blocks, gated where the file has gates.
 * @param mayBeSwapped old files may have the matrices of the feed-forward layers exchanged; their shapes tell
 */
export function declareLayers(loader: TowerLoader, kind: NormKind, mayBeSwapped = true): VisionLayer[] {
  const { nEmbd, nHead, nEmbdHeadV } = loader.hparams;
  return loader.layers((blk, il) => {
    const swapped = mayBeSwapped && loader.dimension(`${blk}.ffn_down`, 0) === nEmbd;
    const [up, down] = swapped ? [`${blk}.ffn_down`, `${blk}.ffn_up`] : [`${blk}.ffn_up`, `${blk}.ffn_down`];
    const nFf = loader.dimension(up, 1) ?? loader.keys.u32('feed_forward_length');
    return {
      ln1: declareNorm(loader, `${blk}.ln1`, nEmbd, kind),
      qkv: declareQkv(loader, blk, il),
      attnOut: loader.linear(`${blk}.attn_out`, nEmbdHeadV * nHead[il], nEmbd),
      ln2: declareNorm(loader, `${blk}.ln2`, nEmbd, kind),
      gate: loader.optional(`${blk}.ffn_gate`, (name) => loader.linear(name, nEmbd, nFf)),
      up: loader.linear(up, nEmbd, nFf),
      down: loader.linear(down, nFf, nEmbd),
    };
  }, 'v.blk');
}

/** `h = x + attention(norm1 x)`, then `h + feedForward(norm2 h)`: `[T, nEmbd]` → `[T, nEmbd]`. */
export function visionBlock(
  ops: Ops,
  x: Tensor,
  w: VisionLayer,
  parameters: VisionParameters,
  il: number,
  { kind, within = 'image', coordinates }: { kind: NormKind; within?: SpanKind; coordinates?: RopeCoordinates },
): Tensor {
  const { eps, activation } = parameters;
  const rope = coordinates && ({ kind: 'neox', coordinates } as const);
  const heads = selfAttention(ops, ops.norm(x, w.ln1, { kind, eps }), w.qkv, parameters, il, { within, rope });
  const h = ops.linear(heads, w.attnOut, { residual: x });
  const normed = ops.norm(h, w.ln2, { kind, eps });
  const { gate } = w;
  return gate === undefined ? mlp(ops, normed, w, activation, h) : gatedMlp(ops, normed, { ...w, gate }, activation, h);
}

/** `v.pre_ln`, a norm before the first block, if the file has it. */
export function declarePreNorm(loader: TowerLoader, kind: NormKind): NormWeights | undefined {
  return loader.optional('v.pre_ln', (name) => declareNorm(loader, name, loader.hparams.nEmbd, kind));
}

/** The kernels of the patch embedding: one kernel, or one for each of two frames. */
export interface PatchEmbedding {
  readonly kernels: readonly Weight[];
  readonly bias?: Weight;
}

/** @param nFrames a still image counts as this many frames */
export function declarePatchEmbedding(
  loader: TowerLoader,
  nFrames: 1 | 2,
  bias: 'required' | 'optional' | 'none',
): PatchEmbedding {
  const { patchSize, nEmbd } = loader.hparams;
  const names = ['v.patch_embd.weight', 'v.patch_embd.weight.1'].slice(0, nFrames);
  return {
    kernels: names.map((name) => loader.kernel(name, patchSize, patchSize, 3, nEmbd)),
    bias: loader.bias('v.patch_embd', nEmbd, bias),
  };
}

/** The products of the patches with the kernel of each frame, summed: `[T, nEmbd]`. */
export function embedPatches(ops: Ops, { kernels, bias }: PatchEmbedding): Tensor {
  const pixels = ops.given(0, kernels[0].shape[0]); // [T, 3 · patchSize²]
  const first = ops.linear(pixels, { weight: kernels[0], bias });
  return kernels.length === 1 ? first : ops.linear(pixels, { weight: kernels[1] }, { residual: first });
}
