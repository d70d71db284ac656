/**
 * @file The element-wise functions of layers over pooled vectors, value by value in float64. The backends that compute on the CPU share them.
 */
import { exp, log } from './exact-math.ts';
import type { RareActivation } from './ops.ts';

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;
/** The mean of the slopes 1/8 and 1/3, between which RReLU chooses in a training. */
const RRELU_SLOPE = 11 / 48;

function clamp(x: number, low: number, high: number): number {
  // Comparisons keep NaN.
  return x < low ? low : x > high ? high : x;
}

/** ln(1 + eˣ). */
function softplus(x: number): number {
  const small = exp(-Math.abs(x));
  // ln(1 + s) = s · ln(u) / (u - 1) with u = 1 + s rounded, which is exact to the last places for every s.
  const sum = 1 + small;
  return Math.max(x, 0) + (sum === 1 ? small : (small * log(sum)) / (sum - 1));
}

function tanh(x: number): number {
  if (Math.abs(x) < 0.02) return x - x ** 3 / 3 + (2 * x ** 5) / 15;
  const small = exp(-2 * Math.abs(x));
  return (Math.sign(x) * (1 - small)) / (1 + small);
}

/** eˣ - 1 for x ≤ 0. */
function expMinus1(x: number): number {
  return x > -1e-3 ? x * (1 + (x / 2) * (1 + (x / 3) * (1 + x / 4))) : exp(x) - 1;
}

/** The functions by name. */
export const elementFunctions: Readonly<Record<RareActivation, (x: number) => number>> = {
  sigmoid: (x) => 1 / (1 + exp(-x)),
  log_sigmoid: (x) => -softplus(-x),
  softplus,
  mish: (x) => x * tanh(softplus(x)),
  elu: (x) => (x > 0 ? x : expMinus1(x)),
  selu: (x) => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * expMinus1(x)),
  leaky_relu: (x) => (x > 0 ? x : 0.01 * x),
  rrelu: (x) => (x > 0 ? x : RRELU_SLOPE * x),
  relu6: (x) => clamp(x, 0, 6),
  hardtanh: (x) => clamp(x, -1, 1),
  hardsigmoid: (x) => clamp(x + 3, 0, 6) / 6,
  hardswish: (x) => (x * clamp(x + 3, 0, 6)) / 6,
  hardshrink: (x) => (Math.abs(x) <= 0.5 ? 0 : x),
  softshrink: (x) => (x > 0.5 ? x - 0.5 : x < -0.5 ? x + 0.5 : x * 0),
  softsign: (x) => x / (1 + Math.abs(x)),
  tanhshrink: (x) => x - tanh(x),
};

/** Whether layers over pooled vectors alone have a function. */
export function isRare(name: string): name is RareActivation {
  return Object.hasOwn(elementFunctions, name);
}
