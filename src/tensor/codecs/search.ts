/**
 * @file Scales for blocks of integers: which step `d` (and offset `m`) lets whole numbers times the step come nearest to the values.
 *
 * Both searches minimise the plain sum of squared errors. For given integers the best step is a linear least-squares problem; for a
 * given step the best integers are the nearest ones. So: try a few steps near the one that spans the largest value, fit each, keep the
 * best, and then alternate until the integers no longer change.
 */

/** How often fit and rounding alternate at the end; the integers rarely change after two rounds. */
const ROUNDS = 3;

/**
 * The step `d` for which `d·q`, `q` whole in `[lo, hi]`, is nearest to the `n` values from `x[at]` on. It may be negative, since the
 * range reaches farther down than up. 0 when all values are.
 */
export function searchStep(x: Float32Array, at: number, n: number, lo: number, hi: number): number {
  let extreme = 0;
  for (let i = at; i < at + n; i++) if (Math.abs(x[i]) > Math.abs(extreme)) extreme = x[i];
  if (extreme === 0) return 0;
  let best = 0;
  let gain = 0;
  /** Rounds with the given inverse step, fits the step; true when that is better than what was known. */
  const attempt = (inverse: number): boolean => {
    let xq = 0;
    let qq = 0;
    for (let i = at; i < at + n; i++) {
      const q = Math.max(lo, Math.min(hi, Math.floor(x[i] * inverse + 0.5)));
      xq += x[i] * q;
      qq += q * q;
    }
    if (qq === 0 || xq * xq <= gain * qq) return false;
    gain = (xq * xq) / qq;
    best = xq / qq;
    return true;
  };
  for (const end of [lo, hi]) {
    const stretch = end / extreme;
    for (let tenth = -8; tenth <= 8; tenth += 2) attempt(stretch * (1 + tenth / (10 * Math.abs(end))));
  }
  for (let round = 0; round < ROUNDS && best !== 0 && attempt(1 / best); round++);
  return best;
}

/** A step and an offset. */
export interface StepAndOffset {
  d: number;
  m: number;
}

/**
 * The step `d ≥ 0` and offset `m` for which `d·q + m`, `q` whole in `[0, hi]`, is nearest to the `n` values from `x[at]` on.
 * With `belowZero` the offset is at most 0, as the K types have it. Writes the result to `out`.
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
  let sumX = 0;
  for (let i = at; i < at + n; i++) {
    min = Math.min(min, x[i]);
    max = Math.max(max, x[i]);
    sumX += x[i];
  }
  if (belowZero) min = Math.min(min, 0);
  out.d = 0;
  out.m = min;
  if (max <= min) return;
  // The part of the squared error that depends on d and m; with d = 0 and m = min it is not negative.
  let least = Infinity;
  const attempt = (inverse: number, offset: number): boolean => {
    let sumQ = 0;
    let qq = 0;
    let xq = 0;
    for (let i = at; i < at + n; i++) {
      const q = Math.max(0, Math.min(hi, Math.floor((x[i] - offset) * inverse + 0.5)));
      sumQ += q;
      qq += q * q;
      xq += x[i] * q;
    }
    const determinant = n * qq - sumQ * sumQ;
    if (qq === 0) return false;
    let d = determinant > 0 ? (n * xq - sumX * sumQ) / determinant : 0;
    let m = determinant > 0 ? (qq * sumX - sumQ * xq) / determinant : sumX / n;
    if (belowZero && m > 0) {
      m = 0;
      d = xq / qq;
    }
    if (!(d > 0)) return false;
    const error = d * d * qq + n * m * m - 2 * (d * xq + m * sumX - d * m * sumQ);
    if (error >= least) return false;
    least = error;
    out.d = d;
    out.m = m;
    return true;
  };
  for (let tenth = -10; tenth <= 8; tenth += 2) attempt((hi + tenth / 10) / (max - min), min);
  for (let round = 0; round < ROUNDS && out.d > 0 && attempt(1 / out.d, out.m); round++);
}
