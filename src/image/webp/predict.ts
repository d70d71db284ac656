/**
 * @file Predicts blocks from the samples above and to the left of them.
 */
import { clamp } from './coefficients.ts';

/** Modes of whole blocks; the first four are modes of 4x4 blocks, too. */
export const mode = { DC: 0, TM: 1, V: 2, H: 3 } as const;

/** Samples of one colour component with a border: 127 above, 129 to the left. */
export interface SamplePlane {
  readonly samples: Uint8Array;
  readonly stride: number;
}

/** @param width a multiple of the block size, like `height` */
export function newPlane(width: number, height: number): SamplePlane {
  // One sample to the left; four to the right of the first row, which the last block reads.
  const stride = width + 5;
  const samples = new Uint8Array(stride * (height + 1));
  samples.fill(127, 0, stride);
  for (let y = 1; y <= height; y++) samples[y * stride] = 129;
  return { samples, stride };
}

/** Index of a sample. */
export function indexOf({ stride }: SamplePlane, x: number, y: number): number {
  return (y + 1) * stride + x + 1;
}

/**
 * Predicts a square of 8 or 16 samples.
 * @param hasTop whether there are blocks above; `hasLeft` likewise: DC ignores samples of the border
 */
export function predictSquare(
  { samples, stride }: SamplePlane,
  at: number,
  size: number,
  kind: number,
  hasTop: boolean,
  hasLeft: boolean,
): void {
  if (kind === mode.TM) {
    predictGradient(samples, at, stride, size);
    return;
  }
  if (kind === mode.DC) {
    let sum = 0;
    let n = 0;
    for (let i = 0; i < size; i++) {
      if (hasTop) sum += samples[at - stride + i];
      if (hasLeft) sum += samples[at + i * stride - 1];
    }
    if (hasTop) n += size;
    if (hasLeft) n += size;
    const value = n === 0 ? 128 : Math.floor((sum + n / 2) / n);
    for (let y = 0; y < size; y++) samples.fill(value, at + y * stride, at + y * stride + size);
    return;
  }
  for (let y = 0, row = at; y < size; y++, row += stride) {
    if (kind === mode.V) samples.copyWithin(row, at - stride, at - stride + size);
    else samples.fill(samples[row - 1], row, row + size);
  }
}

/** Left plus above minus the corner. */
function predictGradient(samples: Uint8Array, at: number, stride: number, size: number): void {
  const corner = samples[at - stride - 1];
  for (let y = 0, row = at; y < size; y++, row += stride) {
    const offset = samples[row - 1] - corner;
    for (let x = 0; x < size; x++) samples[row + x] = clamp(samples[at - stride + x] + offset);
  }
}

/**
 * The predictions of 4x4 blocks along a diagonal: for each sample, row by row, the mean of neighbours that it equals. A number n is the
 * mean of edge samples n-1, n and n+1 (weights 1, 2, 1); n + 16 is the mean of edge samples n and n+1. The edge runs from the bottom left
 * (0, which occurs twice) up to the corner (5) and to the right above (13, twice).
 */
const diagonals: readonly (readonly number[])[] = [
  // RD: down to the right
  [5, 6, 7, 8, 4, 5, 6, 7, 3, 4, 5, 6, 2, 3, 4, 5],
  // VR: down, a little to the right
  [21, 22, 23, 24, 5, 6, 7, 8, 4, 21, 22, 23, 3, 5, 6, 7],
  // LD: down to the left
  [7, 8, 9, 10, 8, 9, 10, 11, 9, 10, 11, 12, 10, 11, 12, 13],
  // VL: down, a little to the left
  [22, 23, 24, 25, 7, 8, 9, 10, 23, 24, 25, 11, 8, 9, 10, 12],
  // HD: to the right, a little down
  [20, 5, 6, 7, 19, 4, 20, 5, 18, 3, 19, 4, 17, 2, 18, 3],
  // HU: to the right, a little up
  [19, 3, 18, 2, 18, 2, 17, 1, 17, 1, 0, 0, 0, 0, 0, 0],
];

const edge = new Uint8Array(15);

/** Predicts 4x4 samples. @param right index of the four samples above and to the right */
export function predictBlock({ samples, stride }: SamplePlane, at: number, kind: number, right: number): void {
  if (kind === mode.TM) {
    predictGradient(samples, at, stride, 4);
    return;
  }
  // l[0] to l[3], from the bottom up, are edge[1] to edge[4]; the corner is edge[5]; the samples above are edge[6] to edge[13].
  for (let i = 0; i < 4; i++) {
    edge[4 - i] = samples[at + i * stride - 1];
    edge[6 + i] = samples[at - stride + i];
    edge[10 + i] = samples[right + i];
  }
  edge[0] = edge[1];
  edge[5] = samples[at - stride - 1];
  edge[14] = edge[13];
  if (kind === mode.DC) {
    let sum = 4;
    for (let i = 0; i < 4; i++) sum += edge[1 + i] + edge[6 + i];
    for (let y = 0; y < 4; y++) samples.fill(sum >> 3, at + y * stride, at + y * stride + 4);
    return;
  }
  for (let y = 0, i = 0; y < 4; y++) {
    for (let x = 0; x < 4; x++, i++) {
      let mean: number;
      if (kind === mode.V) mean = 6 + x;
      else if (kind === mode.H) mean = 4 - y;
      else mean = diagonals[kind - 4][i];
      samples[at + y * stride + x] = meanOf(mean);
    }
  }
}

function meanOf(mean: number): number {
  if (mean >= 16) return (edge[mean - 16] + edge[mean - 15] + 1) >> 1;
  return mean === 0 ? edge[0] : (edge[mean - 1] + 2 * edge[mean] + edge[mean + 1] + 2) >> 2;
}
