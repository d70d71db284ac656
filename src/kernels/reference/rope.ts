/**
 * @file Rotary position embedding (Su et al. 2021), with linear scaling, frequency factors and YaRN (Peng et al. 2023).
 */
import type { RopeOptions, StepNames, Tensor } from '../../tensor/ops.ts';
import { yarnRamp } from '../../tensor/positions.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

const f32 = Math.fround;

/** Rotates each head by its token's position. */
export function rope(fw: Forward, input: Tensor, options: RopeOptions & StepNames<never>): Matrix {
  const x = fw.own(input);
  const { nHead, nRot, kind } = options;
  const headSize = x.cols / nHead;
  if (!Number.isInteger(headSize) || nRot > headSize || nRot % 2 !== 0) {
    throw new Error(`rope: ${nRot} rotated dimensions in ${nHead} heads of ${headSize}`);
  }
  const half = nRot / 2;
  const factors = options.freqFactors === undefined ? undefined : fw.vector(options.freqFactors, half);
  const cos = fw.scratch(half);
  const sin = fw.scratch(half);
  const y = fw.matrix(x.rows, x.cols);
  for (let t = 0; t < x.rows; t++) {
    rotations(fw.batch.positions[t], options, factors, cos, sin);
    for (let h = 0; h < nHead; h++) {
      const from = x.slice(t, h * headSize, headSize);
      const to = y.slice(t, h * headSize, headSize);
      to.set(from);
      for (let i = 0; i < half; i++) {
        const a = kind === 'norm' ? 2 * i : i;
        const b = kind === 'norm' ? 2 * i + 1 : i + half;
        const [xa, xb, c, s] = [from[a], from[b], cos[i], sin[i]];
        to[a] = xa * c - xb * s;
        to[b] = xa * s + xb * c;
      }
    }
  }
  fw.report(options, 'out', y);
  return y;
}

/**
 * Cosines and sines for one position: pair `i` turns by `position · base^(−2i/nRot)`, where the power is a running
 * float32 product as in llama.cpp, not `pow` of each.
 */
function rotations(
  position: number,
  options: RopeOptions,
  factors: Float32Array | undefined,
  cos: Float32Array,
  sin: Float32Array,
): void {
  const { nRot, freqBase, freqScale = 1, yarn } = options;
  const step = f32(f32(freqBase) ** f32(-2 / nRot));
  let theta = position;
  let magnitude = yarn?.attnFactor ?? 1;
  if (yarn !== undefined && yarn.extFactor !== 0) magnitude *= 1 + 0.1 * Math.log(1 / freqScale);
  for (let i = 0; i < nRot / 2; i++) {
    const angle = factors === undefined ? theta : f32(theta / factors[i]);
    let turned = f32(freqScale * angle);
    if (yarn !== undefined && yarn.extFactor !== 0) {
      const mix = f32(yarnRamp(i, options, yarn) * yarn.extFactor);
      turned = f32(turned * (1 - mix) + angle * mix);
    }
    cos[i] = Math.cos(turned) * magnitude;
    sin[i] = Math.sin(turned) * magnitude;
    theta = f32(theta * step);
  }
}
