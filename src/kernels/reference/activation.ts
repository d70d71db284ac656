/**
 * @file Element-wise functions, gated linear units and softmax.
 */
import { elementFunctions } from '../../tensor/element-functions.ts';
import type { Activation, RareActivation, StepNames, Tensor } from '../../tensor/ops.ts';
import type { Forward } from './forward.ts';
import type { Matrix } from './matrix.ts';

const functions: Record<Activation | RareActivation, (x: number) => number> = {
  ...elementFunctions,
  gelu: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
  gelu_erf: (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  gelu_quick: (x) => x / (1 + Math.exp(-1.702 * x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  relu: (x) => Math.max(0, x),
  tanh: Math.tanh,
};

/** The series `2/√π · e^(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!`, whose terms all have one sign (Abramowitz and Stegun 7.1.6). */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let sum = 0;
  for (let term = x, n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    sum += term;
    term *= (2 * x * x) / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** `y = f(y)` in place. */
export function applyActivation(y: Matrix, activation: Activation | RareActivation): void {
  const f = functions[activation];
  for (let r = 0; r < y.rows; r++) {
    const yr = y.row(r);
    for (let i = 0; i < y.cols; i++) yr[i] = f(yr[i]);
  }
}

/** `y = f(x)`. */
export function activate(
  fw: Forward,
  input: Tensor,
  activation: Activation | RareActivation,
  options?: StepNames<never>,
): Matrix {
  const y = copyOf(fw, input);
  applyActivation(y, activation);
  fw.report(options, 'out', y);
  return y;
}

/** `y = f(gate) · up`. */
export function glu(
  fw: Forward,
  gate: Tensor,
  up: Tensor,
  activation: Activation,
  options?: StepNames<'activated'>,
): Matrix {
  const y = copyOf(fw, gate);
  const u = fw.own(up);
  if (u.rows !== y.rows || u.cols !== y.cols) {
    throw new Error(`gate [${y.rows}, ${y.cols}] and up [${u.rows}, ${u.cols}] differ`);
  }
  applyActivation(y, activation);
  fw.report(options, 'activated', y);
  for (let r = 0; r < y.rows; r++) {
    const yr = y.row(r);
    const ur = u.row(r);
    for (let i = 0; i < y.cols; i++) yr[i] *= ur[i];
  }
  fw.report(options, 'out', y);
  return y;
}

/** Softmax of each row. */
export function softmax(fw: Forward, input: Tensor, options?: StepNames<never>): Matrix {
  const y = copyOf(fw, input);
  for (let r = 0; r < y.rows; r++) softmaxInPlace(y.row(r));
  fw.report(options, 'out', y);
  return y;
}

/** `v = exp(v − max) / Σ exp(v − max)`, summed in double. */
export function softmaxInPlace(v: Float32Array): void {
  let max = Number.NEGATIVE_INFINITY;
  for (const value of v) max = Math.max(max, value);
  let sum = 0;
  for (let i = 0; i < v.length; i++) {
    v[i] = Math.exp(v[i] - max);
    sum += v[i];
  }
  for (let i = 0; i < v.length; i++) v[i] /= sum;
}

function copyOf(fw: Forward, input: Tensor): Matrix {
  const x = fw.own(input);
  const y = fw.matrix(x.rows, x.cols);
  for (let r = 0; r < x.rows; r++) y.row(r).set(x.row(r));
  return y;
}
