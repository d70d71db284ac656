/**
 * @file The feed-forward layers: a plain MLP, and gated ones (Shazeer 2020) with two matrices or with one twice as wide.
 */
import type { Activation, Linear, Ops, Tensor } from '../tensor/ops.ts';

/** `down(act(up x)) + residual` */
export function mlp(
  ops: Ops,
  x: Tensor,
  w: { up: Linear; down: Linear },
  activation: Activation,
  residual?: Tensor,
): Tensor {
  const hidden = ops.linear(x, w.up, { activation }); // [T, nEmbd] → [T, nFf]
  return ops.linear(hidden, w.down, { residual }); // [T, nFf] → [T, nEmbd]
}

/** `down(act(gate x) · (up x)) + residual` */
export function gatedMlp(
  ops: Ops,
  x: Tensor,
  w: { gate: Linear; up: Linear; down: Linear },
  activation: Activation,
  residual?: Tensor,
): Tensor {
  const gate = ops.linear(x, w.gate); // [T, nEmbd] → [T, nFf]
  const up = ops.linear(x, w.up); // [T, nEmbd] → [T, nFf]
  return ops.linear(ops.glu(gate, up, activation), w.down, { residual }); // [T, nFf] → [T, nEmbd]
}

/** `down(act(first half of (up x)) · second half) + residual`: `up` has `2 nFf` rows. */
export function fusedGatedMlp(
  ops: Ops,
  x: Tensor,
  w: { up: Linear; down: Linear },
  activation: Activation,
  residual?: Tensor,
): Tensor {
  const both = ops.linear(x, w.up); // [T, nEmbd] → [T, 2 nFf]
  const nFf = both.cols / 2;
  const hidden = ops.glu(ops.columns(both, 0, nFf), ops.columns(both, nFf, nFf), activation); // [T, nFf]
  return ops.linear(hidden, w.down, { residual }); // [T, nFf] → [T, nEmbd]
}
