/**
 * @file Rotary position embedding (Su et al. 2021), with linear scaling, frequency factors and YaRN (Peng et al. 2023).
 */
import type { RopeOptions, StepNames, Tensor } from '../../tensor/ops.ts';
import { rotations } from '../../tensor/positions.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

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
  const turns = fw.scratch(nRot);
  const y = fw.matrix(x.rows, x.cols);
  for (let t = 0; t < x.rows; t++) {
    rotations(fw.batch.positions[t], options, factors, turns);
    for (let h = 0; h < nHead; h++) {
      const from = x.slice(t, h * headSize, headSize);
      const to = y.slice(t, h * headSize, headSize);
      to.set(from);
      for (let i = 0; i < half; i++) {
        const a = kind === 'norm' ? 2 * i : i;
        const b = kind === 'norm' ? 2 * i + 1 : i + half;
        const [xa, xb, c, s] = [from[a], from[b], turns[2 * i], turns[2 * i + 1]];
        to[a] = xa * c - xb * s;
        to[b] = xa * s + xb * c;
      }
    }
  }
  fw.report(options, 'out', y);
  return y;
}
