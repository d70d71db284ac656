/**
 * @file Rotary position embedding (Su et al. 2021), with linear scaling, frequency factors and YaRN (Peng et al. 2023), by a token's
 * position or by several of its coordinates (M-RoPE, Wang et al. 2024).
 */
import { coordinatesOf } from '../../tensor/batch-rows.ts';
import type { RopeOptions, StepNames, Tensor } from '../../tensor/ops.ts';
import { frequencies, pairTurns, rotations } from '../../tensor/positions.ts';
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
  const turnsOf = tokenTurns(fw, options);
  const y = fw.matrix(x.rows, x.cols);
  for (let t = 0; t < x.rows; t++) {
    const turns = turnsOf(t);
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

/** Cosine and sine of each pair of a token, in memory that is reused for the next token. */
function tokenTurns(fw: Forward, options: RopeOptions): (token: number) => Float32Array {
  const { nRot, freqFactors } = options;
  const factors = freqFactors === undefined ? undefined : fw.vector(freqFactors, nRot / 2);
  const turns = fw.scratch(nRot);
  if (options.coordinates === undefined) {
    return (token) => {
      rotations(fw.batch.positions[token], options, factors, turns);
      return turns;
    };
  }
  const pairs = pairTurns(options.coordinates, nRot / 2);
  const coordinates = coordinatesOf(fw.batch);
  const plain = frequencies(options);
  const ofCoordinate = Array.from({ length: 4 }, () => fw.scratch(plain.nRot));
  return (token) => {
    ofCoordinate.forEach((values, c) => {
      rotations(coordinates[4 * token + c], plain, factors, values);
    });
    pairs.forEach(({ coordinate, frequency }, i) => {
      turns[2 * i] = ofCoordinate[coordinate][2 * frequency];
      turns[2 * i + 1] = ofCoordinate[coordinate][2 * frequency + 1];
    });
    return turns;
  };
}
