/**
 * @file The feed-forward layers: a plain MLP, and gated ones (Shazeer 2020) with two matrices or with one twice as wide.
 */
import type { Activation, Linear, Ops, Tensor } from '../tensor/ops.ts';

/** llama.cpp's name for an activated gate. */
const gluNames: Record<Activation, string> = { gelu: 'geglu', silu: 'swiglu', relu: 'reglu', tanh: 'tanhglu' };

interface Where {
  /** Layer index, for the observer. */
  readonly layer: number;
  /** Added to the result. */
  readonly residual?: Tensor;
  /** Name of the result with the residual. */
  readonly out?: string;
}

/** `down(act(up x))` */
export function mlp(
  ops: Ops,
  x: Tensor,
  w: { up: Linear; down: Linear },
  activation: Activation,
  where: Where,
): Tensor {
  const names = { product: 'ffn_up', biased: 'ffn_up_b', activated: `ffn_${activation}` };
  const hidden = ops.linear(x, w.up, { activation, names, layer: where.layer });
  return project(ops, hidden, w.down, where);
}

/** `down(act(gate x) · (up x))` */
export function gatedMlp(
  ops: Ops,
  x: Tensor,
  w: { gate: Linear; up: Linear; down: Linear },
  activation: Activation,
  where: Where,
): Tensor {
  const { layer } = where;
  const gate = ops.linear(x, w.gate, { names: { product: 'ffn_gate', biased: 'ffn_gate_b' }, layer });
  const up = ops.linear(x, w.up, { names: { product: 'ffn_up', biased: 'ffn_up_b' }, layer });
  const hidden = ops.glu(gate, up, activation, { names: { out: `ffn_${gluNames[activation]}` }, layer });
  return project(ops, hidden, w.down, where);
}

/** `down(act(first half of (up x)) · second half)`: `up` has `2 nFf` rows. */
export function fusedGatedMlp(
  ops: Ops,
  x: Tensor,
  w: { up: Linear; down: Linear },
  activation: Activation,
  where: Where,
): Tensor {
  const { layer } = where;
  const both = ops.linear(x, w.up, { names: { product: 'ffn_up', biased: 'ffn_up_b' }, layer });
  const nFf = both.cols / 2;
  const names = { out: `ffn_${gluNames[activation]}` };
  const hidden = ops.glu(ops.columns(both, 0, nFf), ops.columns(both, nFf, nFf), activation, { names, layer });
  return project(ops, hidden, w.down, where);
}

function project(ops: Ops, hidden: Tensor, down: Linear, { layer, residual, out }: Where): Tensor {
  const names = down.bias === undefined ? { product: 'ffn_out', out } : { product: 'ffn_down', biased: 'ffn_out', out };
  return ops.linear(hidden, down, { residual, names, layer });
}
