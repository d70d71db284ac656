/**
 * @file The steps after the sum of every product: scale, bias, element-wise function, residual.
 */
import type { Activation } from '../../../tensor/ops.ts';

/** Numbers of the element-wise functions in shaders; 0 means none. */
export const activationCode: Readonly<Record<Activation, number>> = {
  gelu: 1,
  silu: 2,
  relu: 3,
  tanh: 4,
  gelu_quick: 5,
  gelu_erf: 6,
};

/**
 * `activate(v, code)`. The argument of `tanh` is clamped to where its float32 result is ±1 anyway: some drivers compute
 * it from `exp` and overflow. `gelu_erf` takes `erfc` from Abramowitz and Stegun 7.1.26 (error 1.5e-7).
 */
export const activateCode = /* wgsl */ `
fn safe_tanh(v: f32) -> f32 { return tanh(clamp(v, -10.0, 10.0)); }
fn gelu_erf(v: f32) -> f32 {
  let z = abs(v) * 0.7071067811865476;
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let half = 0.5 * p * exp(-z * z);
  return v * select(half, 1.0 - half, v >= 0.0);
}
fn activate(v: f32, code: u32) -> f32 {
  switch code {
    case 1u: { return 0.5 * v * (1.0 + safe_tanh(0.7978845608028654 * (v + 0.044715 * v * v * v))); }
    case 2u: { return v / (1.0 + exp(-v)); }
    case 3u: { return max(v, 0.0); }
    case 4u: { return safe_tanh(v); }
    case 5u: { return v / (1.0 + exp(-1.702 * v)); }
    case 6u: { return gelu_erf(v); }
    default: { return v; }
  }
}
`;

/** The parameters that `finish` reads; the residual is the tensor `r`. */
export const epilogueParams = {
  scaleAt: 'u32',
  biasAt: 'u32',
  activation: 'u32',
  hasResidual: 'u32',
  r: 'tensor',
} as const;

/**
 * `affine(sum, n)`: scale and bias of output `n`. `finish(sum, n)`: the same with the element-wise function. The caller adds the residual.
 */
export const epilogueCode = /* wgsl */ `${activateCode}
fn affine(sum: f32, n: u32) -> f32 {
  var v = sum;
  if (p.scaleAt != 0xffffffffu) { v = v * vec[p.scaleAt]; }
  if (p.biasAt != 0xffffffffu) { v = v + vec[p.biasAt + n]; }
  return v;
}
fn finish(sum: f32, n: u32) -> f32 { return activate(affine(sum, n), p.activation); }
`;
