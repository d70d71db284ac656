/**
 * @file Layer norm (Ba et al. 2016) and RMS norm (Zhang & Sennrich 2019), over rows or over equal slices of rows.
 */
import type { NormWeights, StepNames, Tensor } from '../../tensor/ops.ts';
import { accumulate } from './embedding.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

const f32 = Math.fround;

/** Norms `x + residual`; see `Ops.norm`. Sums are double; the mean and the factor are rounded to float32. */
export function norm(
  fw: Forward,
  input: Tensor,
  weights: NormWeights,
  options: { kind: 'layer' | 'rms'; eps: number; residual?: Tensor; groups?: number } & StepNames<
    'sum' | 'normed' | 'scaled'
  >,
): Matrix {
  const x = fw.own(input);
  const groups = options.groups ?? 1;
  const n = x.cols / groups;
  const y = fw.matrix(x.rows, x.cols);
  for (let r = 0; r < x.rows; r++) y.row(r).set(x.row(r));
  if (options.residual !== undefined) {
    accumulate(y, fw.own(options.residual));
    fw.report(options, 'sum', y);
  }

  const normalise = options.kind === 'layer' ? layerNorm : rmsNorm;
  forEachGroup(y, n, (v) => normalise(v, options.eps));
  fw.report(options, 'normed', y);

  const weight = fw.vector(weights.weight, n);
  forEachGroup(y, n, (v) => {
    for (let i = 0; i < n; i++) v[i] *= weight[i];
  });
  if (weights.bias !== undefined) {
    fw.report(options, 'scaled', y);
    const bias = fw.vector(weights.bias, n);
    forEachGroup(y, n, (v) => {
      for (let i = 0; i < n; i++) v[i] += bias[i];
    });
  }
  fw.report(options, 'out', y);
  return y;
}

/** `v = (v − mean) / √(var + eps)` */
function layerNorm(v: Float32Array, eps: number): void {
  let sum = 0;
  for (const value of v) sum += value;
  const mean = f32(sum / v.length);
  let squares = 0;
  for (let i = 0; i < v.length; i++) {
    const centred = f32(v[i] - mean);
    v[i] = centred;
    squares += f32(centred * centred);
  }
  scale(v, squares, eps);
}

/** `v = v / √(mean(v²) + eps)` */
function rmsNorm(v: Float32Array, eps: number): void {
  let squares = 0;
  for (const value of v) squares += f32(value * value);
  scale(v, squares, eps);
}

/** Calls `apply` with each slice of `n` values of each row. */
function forEachGroup(y: Matrix, n: number, apply: (values: Float32Array) => void): void {
  for (let r = 0; r < y.rows; r++) {
    for (let begin = 0; begin < y.cols; begin += n) apply(y.slice(r, begin, n));
  }
}

/** Divides by the root of the mean square; squares beyond float32 give NaN instead of zeros. */
function scale(v: Float32Array, squares: number, eps: number): void {
  const factor =
    f32(squares) === Number.POSITIVE_INFINITY ? Number.NaN : f32(1 / Math.sqrt(f32(squares / v.length) + eps));
  for (let i = 0; i < v.length; i++) v[i] *= factor;
}
