/**
 * @file The RoPE parameters of a file (base, scaling, YaRN) and their conversion to options of `Ops.rope`.
 */
import { printable } from '../gguf/errors.ts';
import type { RopeOptions, Weight } from '../tensor/ops.ts';
import { ModelError } from './errors.ts';
import type { Keys } from './keys.ts';

/** The RoPE parameters of the file. */
export interface RopeParameters {
  /** Rotated dimensions of a head. */
  readonly nRot: number;
  readonly freqBase: number;
  /** 1 / scaling factor. */
  readonly freqScale: number;
  readonly yarn?: RopeOptions['yarn'];
  /** `longrope`: whether the context is longer than the original one, so that the long factors apply. */
  readonly extended: boolean;
}

const scalingTypes = ['none', 'linear', 'yarn', 'longrope'];

/**
 * Reads `rope.*`.
 * @param nEmbdHeadK default of `rope.dimension_count`
 * @throws ModelError for more dimensions than a head has, an odd number of dimensions, or an unknown kind of scaling
 */
export function readRope(keys: Keys, nEmbdHeadK: number, nCtxTrain: number): RopeParameters {
  const nRot = keys.u32('rope.dimension_count', nEmbdHeadK);
  if (nRot > nEmbdHeadK) {
    throw keys.error('rope.dimension_count', `is ${nRot}, but a head has ${nEmbdHeadK} dimensions`);
  }
  if (nRot % 2 !== 0 && nRot !== nEmbdHeadK) {
    throw keys.error('rope.dimension_count', `is ${nRot}, but dimensions are rotated in pairs`);
  }
  const type = keys.string('rope.scaling.type', 'linear');
  if (!scalingTypes.includes(type)) {
    throw keys.error('rope.scaling.type', `is ${printable(type)}; supported are ${scalingTypes.join(', ')}`);
  }
  const factor = keys.f32('rope.scaling.factor', keys.f32('rope.scale_linear', 0));
  const freqScale = type === 'none' || factor === 0 ? 1 : 1 / factor;
  const nCtxOrig = keys.u32('rope.scaling.original_context_length', nCtxTrain);
  const base = { nRot, freqBase: keys.positiveF32('rope.freq_base', 10000), freqScale, extended: nCtxTrain > nCtxOrig };
  const attnFactor = keys.f32('rope.scaling.attn_factor', 1);
  if (type === 'yarn') {
    // The kernel multiplies by 1 + 0.1 ln(1 / freqScale); the product must be YaRN's mscale, which is 1 below factor 1.
    const mscale = Math.max(1, 1 + 0.1 * Math.log(1 / freqScale));
    const attn = (mscale / (1 + 0.1 * Math.log(1 / freqScale))) * attnFactor;
    return { ...base, yarn: { extFactor: 1, attnFactor: attn, betaFast: 32, betaSlow: 1, nCtxOrig } };
  }
  if (attnFactor === 1) return base;
  return { ...base, yarn: { extFactor: 0, attnFactor, betaFast: 32, betaSlow: 1, nCtxOrig } };
}

/**
 * The options of `Ops.rope`, except the number of heads.
 * @throws ModelError for an odd number of rotated dimensions
 */
export function ropeOptions(
  { nRot, freqBase, freqScale, yarn }: RopeParameters,
  kind: 'norm' | 'neox',
  freqFactors: Weight | undefined,
): Omit<RopeOptions, 'nHead'> {
  if (nRot % 2 !== 0) throw new ModelError(`rope.dimension_count is ${nRot}, but dimensions are rotated in pairs`);
  return { nRot, kind, freqBase, freqScale, freqFactors, yarn };
}
