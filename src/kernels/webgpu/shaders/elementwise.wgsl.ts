/**
 * @file Element by element: add, activate, gate.
 *
 * Idea     the functions that only layers over pooled vectors have are not in the kernels of products, which would grow by them.
 * Threads  64, one value each. Shared none. Features none.
 */
import type { RareActivation } from '../../../tensor/ops.ts';
import { eachValue, type Kernel, kernel, once } from '../kernel.ts';
import { activateCode } from './epilogue.wgsl.ts';

/** Numbers of the rare functions, after those of `activationCode`. */
export const rareCode: Readonly<Record<RareActivation, number>> = {
  sigmoid: 32,
  log_sigmoid: 33,
  softplus: 34,
  mish: 35,
  elu: 36,
  selu: 37,
  leaky_relu: 38,
  rrelu: 39,
  relu6: 40,
  hardtanh: 41,
  hardsigmoid: 42,
  hardswish: 43,
  hardshrink: 44,
  softshrink: 45,
  softsign: 46,
  tanhshrink: 47,
};

/** `rarely(v, code)`. Small arguments take series: a difference of numbers near 1 would leave few digits. */
const rareActivations = /* wgsl */ `
fn softplus(v: f32) -> f32 {
  let s = exp(-abs(v));
  return max(v, 0.0) + select(log(1.0 + s), s * (1.0 - s * (0.5 - s / 3.0)), s < 0.01);
}
fn exp_minus_1(v: f32) -> f32 {
  return select(exp(v) - 1.0, v * (1.0 + v / 2.0 * (1.0 + v / 3.0 * (1.0 + v / 4.0 * (1.0 + v / 5.0)))), abs(v) < 0.1);
}
fn rarely(v: f32, code: u32) -> f32 {
  switch code {
    case 32u: { return 1.0 / (1.0 + exp(-v)); }
    case 33u: { return -softplus(-v); }
    case 34u: { return softplus(v); }
    case 35u: { return v * safe_tanh(softplus(v)); }
    case 36u: { return select(exp_minus_1(v), v, v > 0.0); }
    case 37u: { return 1.0507009873554805 * select(1.6732632423543772 * exp_minus_1(v), v, v > 0.0); }
    case 38u: { return select(0.01 * v, v, v > 0.0); }
    case 39u: { return select(0.22916666666666666 * v, v, v > 0.0); }
    case 40u: { return clamp(v, 0.0, 6.0); }
    case 41u: { return clamp(v, -1.0, 1.0); }
    case 42u: { return clamp(v + 3.0, 0.0, 6.0) / 6.0; }
    case 43u: { return v * clamp(v + 3.0, 0.0, 6.0) / 6.0; }
    case 44u: { return select(v, 0.0, abs(v) <= 0.5); }
    case 45u: { return v - clamp(v, -0.5, 0.5); }
    case 46u: { return v / (1.0 + abs(v)); }
    case 47u: { return select(v - safe_tanh(v), v * v * v / 3.0 * (1.0 - 0.4 * v * v), abs(v) < 0.1); }
    default: { return v; }
  }
}
`;

const expressions = {
  add: 'a + p.factor * b',
  activate: 'activate(a, p.activation)',
  glu: 'activate(a, p.activation) * b',
  rare: 'rarely(a, p.activation)',
} as const;

/** `y = f(a, b)`; `activate` and `rare` ignore `b`. */
export const elementwise = once(
  (operation: keyof typeof expressions): Kernel =>
    kernel({
      name: operation,
      params: { a: 'tensor', b: 'tensor', y: 'tensor', rows: 'u32', cols: 'u32', activation: 'u32', factor: 'f32' },
      code: eachValue(
        /* wgsl */ `
  let a = arena[p.aOff + row * p.aStride + c];
  ${operation === 'activate' || operation === 'rare' ? '' : 'let b = arena[p.bOff + row * p.bStride + c];'}
  arena[p.yOff + row * p.yStride + c] = ${expressions[operation]};`,
        operation === 'rare' ? `${activateCode}${rareActivations}` : activateCode,
      ),
    }),
);
