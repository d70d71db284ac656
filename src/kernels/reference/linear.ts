/**
 * @file Linear layer: a product with a weight matrix, then bias, element-wise function and residual.
 */
import type { Activation, Linear, StepNames, Tensor } from '../../tensor/ops.ts';
import { applyActivation } from './activation.ts';
import { accumulate } from './embedding.ts';
import type { Forward } from './forward.ts';
import { dot, type Matrix } from './matrix.ts';
import type { ReferenceWeight } from './weight.ts';

/** `y = activation(scale · x Wᵀ + bias) + residual`. */
export function linear(
  fw: Forward,
  input: Tensor,
  layer: Linear,
  options: { activation?: Activation; residual?: Tensor } & StepNames<'product' | 'biased' | 'activated'> = {},
): Matrix {
  const x = fw.own(input);
  const nOut = layer.weight.shape[1] ?? 1;
  const y = fw.matrix(x.rows, nOut);
  const scale = layer.scale === undefined ? 1 : fw.vector(layer.scale, 1)[0];
  multiply(fw, x, fw.weight(layer.weight, x.cols, nOut), 0, y, scale);
  fw.report(options, 'product', y);
  if (layer.bias !== undefined) {
    const bias = fw.vector(layer.bias, nOut);
    for (let r = 0; r < y.rows; r++) {
      const yr = y.row(r);
      for (let o = 0; o < nOut; o++) yr[o] += bias[o];
    }
    fw.report(options, 'biased', y);
  }
  if (options.activation !== undefined) {
    applyActivation(y, options.activation);
    fw.report(options, 'activated', y);
  }
  if (options.residual !== undefined) accumulate(y, fw.own(options.residual));
  fw.report(options, 'out', y);
  return y;
}

/**
 * `y[r][o] = scale · Σᵢ x[r][i] · W[firstRow + o][i]`: the product with `y.cols` rows of `weight`.
 * Each weight row is dequantised once and used for all rows of `x`.
 */
export function multiply(
  fw: Forward,
  x: Matrix,
  weight: ReferenceWeight,
  firstRow: number,
  y: Matrix,
  scale = 1,
): void {
  const w = fw.scratch(x.cols);
  const xs = Array.from({ length: x.rows }, (_, r) => x.row(r));
  for (let o = 0; o < y.cols; o++) {
    weight.dequantizeRow(firstRow + o, w);
    for (let r = 0; r < x.rows; r++) {
      y.data[y.start + r * y.stride + o] = scale * dot(w, xs[r]);
    }
  }
}
