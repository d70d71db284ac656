/**
 * @file Searches the step `d` (and offset `m`) of a block, so that integers times the step approximate the values best.
 *
 * Both searches minimise the sum of squared errors. For given integers the best step is a linear least-squares problem; for a given step
 * the best integers are the nearest ones. The searches therefore try a few steps near the one that spans the largest value, fit each, and
 * keep the best. Then they alternate until the integers no longer change.
 */

/** The number of times that fit and rounding alternate at the end. The integers rarely change after two rounds. */
const ROUNDS = 3;

/** The integer in `[lo, hi]` nearest to `t`; halves round up. The bounds must be within ±512. */
export function nearest(t: number, lo: number, hi: number): number {
  // Truncation is much faster than `Math.floor`; it needs a positive number.
  return t <= lo ? lo : t >= hi ? hi : ((t + 512.5) | 0) - 512;
}

/** The values of the current block, as doubles; at most 32. */
const v = new Float64Array(32);

/** The best step so far, and how much of the sum of squares it explains. */
let best = 0;
let gain = 0;

/**
 * Rounds the `n` values with the given inverse step and fits the step to the result. Returns true when this is better than the best so far.
 */
function tryStep(n: number, inverse: number, lo: number, hi: number): boolean {
  let xq = 0;
  let qq = 0;
  for (let i = 0; i < n; i++) {
    const q = nearest(v[i] * inverse, lo, hi);
    xq += v[i] * q;
    qq += q * q;
  }
  if (qq === 0 || xq * xq <= gain * qq) return false;
  gain = (xq * xq) / qq;
  best = xq / qq;
  return true;
}

/**
 * The step `d` for which `d·q`, with integers `q` in `[lo, hi]`, is nearest to the `n` values from `x[at]` on. It may be negative, because
 * the range reaches farther down than up. It is 0 when all values are 0.
 */
export function searchStep(x: Float32Array, at: number, n: number, lo: number, hi: number): number {
  let extreme = 0;
  for (let i = 0; i < n; i++) {
    v[i] = x[at + i];
    if (Math.abs(v[i]) > Math.abs(extreme)) extreme = v[i];
  }
  if (extreme === 0) return 0;
  best = 0;
  gain = 0;
  for (let side = 0; side < 2; side++) {
    const end = side === 0 ? lo : hi;
    const longer = Math.sign(end) / extreme;
    for (let tenth = -8; tenth <= 8; tenth += 2) tryStep(n, end / extreme + (longer * tenth) / 10, lo, hi);
  }
  for (let round = 0; round < ROUNDS && tryStep(n, 1 / best, lo, hi); round++);
  return best;
}

/** A step and an offset. */
export interface StepAndOffset {
  d: number;
  m: number;
}

/** The sum of the values, and the part of the best squared error so far that depends on step and offset. */
let sumX = 0;
let least = 0;

/** Like `tryStep`, for a step with an offset. Writes a better result to `out`. */
function tryStepAndOffset(
  n: number,
  inverse: number,
  offset: number,
  hi: number,
  belowZero: boolean,
  out: StepAndOffset,
): boolean {
  let sumQ = 0;
  let qq = 0;
  let xq = 0;
  for (let i = 0; i < n; i++) {
    const q = nearest((v[i] - offset) * inverse, 0, hi);
    sumQ += q;
    qq += q * q;
    xq += v[i] * q;
  }
  const determinant = n * qq - sumQ * sumQ;
  if (determinant <= 0) return false;
  let d = (n * xq - sumX * sumQ) / determinant;
  let m = (qq * sumX - sumQ * xq) / determinant;
  if (belowZero && m > 0) {
    m = 0;
    d = xq / qq;
  }
  const error = d * d * qq + n * m * m - 2 * (d * xq + m * sumX - d * m * sumQ);
  if (d <= 0 || error >= least) return false;
  least = error;
  out.d = d;
  out.m = m;
  return true;
}

/**
 * The step `d ≥ 0` and offset `m` for which `d·q + m`, with integers `q` in `[0, hi]`, is nearest to the `n` values from `x[at]` on. With
 * `belowZero` the offset is at most 0, as in the K types. Writes the result to `out`.
 */
export function searchStepAndOffset(
  x: Float32Array,
  at: number,
  n: number,
  hi: number,
  belowZero: boolean,
  out: StepAndOffset,
): void {
  let min = x[at];
  let max = x[at];
  sumX = 0;
  for (let i = 0; i < n; i++) {
    v[i] = x[at + i];
    if (v[i] < min) min = v[i];
    if (v[i] > max) max = v[i];
    sumX += v[i];
  }
  if (belowZero && min > 0) min = 0;
  out.m = min;
  out.d = (max - min) / hi;
  if (out.d === 0) return;
  least = Infinity;
  for (let tenth = -10; tenth <= 8; tenth += 2) {
    tryStepAndOffset(n, (hi + tenth / 10) / (max - min), min, hi, belowZero, out);
  }
  for (let round = 0; round < ROUNDS && tryStepAndOffset(n, 1 / out.d, out.m, hi, belowZero, out); round++);
}
