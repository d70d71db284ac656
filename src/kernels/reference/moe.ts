/**
 * @file Mixture of experts (Shazeer et al. 2017): each token passes through the few experts that the router rates highest.
 */
import type { MoeOptions, StepNames, Tensor } from '../../tensor/ops.ts';
import { applyActivation, softmaxInPlace } from './activation.ts';
import type { Forward } from './forward.ts';
import { multiply } from './linear.ts';
import { Matrix } from './matrix.ts';

/** Lower bound of the sum of weights that `renormalise` divides by; it keeps the quotient finite. */
const minWeightSum = 2 ** -14;

/** `y = Σₑ p(e) · downₑ(act(upₑ x))` over the `nUsed` most probable experts, highest first. */
export function moe(fw: Forward, input: Tensor, options: MoeOptions & StepNames<never>): Matrix {
  const x = fw.own(input);
  const nExpert = options.router.shape[1] ?? 1;
  const nFf = options.up.shape[1] ?? 1;
  const up = fw.weight(options.up, x.cols, nFf, nExpert);
  const gate = options.gate === undefined ? undefined : fw.weight(options.gate, x.cols, nFf, nExpert);
  const down = fw.weight(options.down, nFf, x.cols, nExpert);

  const probabilities = fw.matrix(x.rows, nExpert);
  multiply(fw, x, fw.weight(options.router, x.cols, nExpert), 0, probabilities);
  for (let t = 0; t < x.rows; t++) softmaxInPlace(probabilities.row(t));

  const y = fw.matrix(x.rows, x.cols);
  for (let t = 0; t < x.rows; t++) {
    const xt = new Matrix(x.row(t), 1, x.cols);
    const yt = y.row(t).fill(0);
    const p = probabilities.row(t);
    const chosen = best(p, options.nUsed);
    let total = 1;
    if (options.renormalise) {
      total = Math.max(
        minWeightSum,
        chosen.reduce((sum, e) => sum + p[e], 0),
      );
    }
    for (const e of chosen) {
      const hidden = fw.matrix(1, nFf);
      multiply(fw, xt, gate ?? up, e * nFf, hidden);
      applyActivation(hidden, options.activation);
      if (gate !== undefined) {
        const factor = fw.matrix(1, nFf);
        multiply(fw, xt, up, e * nFf, factor);
        for (let i = 0; i < nFf; i++) hidden.data[i] *= factor.data[i];
      }
      const out = fw.matrix(1, x.cols);
      multiply(fw, hidden, down, e * x.cols, out);
      const weight = p[e] / total;
      for (let i = 0; i < x.cols; i++) yt[i] += weight * out.data[i];
    }
  }
  fw.report(options, 'out', y);
  return y;
}

/** Indices of the `n` largest values, largest first; of equal ones the lower index first. */
function best(values: Float32Array, n: number): number[] {
  const order = Array.from(values.keys());
  order.sort((a, b) => values[b] - values[a] || a - b);
  return order.slice(0, n);
}
