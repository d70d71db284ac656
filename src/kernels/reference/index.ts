/**
 * @file The reference backend: every operation in plain float32 loops over typed arrays. Tests compare other backends with it, so it
 * favours clarity over speed. Sums are double where llama.cpp's are, and also where a float32 sum would only add error. The loops follow
 * the order of the formula. Each operation has one file.
 */
import type { Backend, WeightSource } from '../../tensor/backend.ts';
import type { Ops, Tensor } from '../../tensor/ops.ts';
import { activate, glu, softmax } from './activation.ts';
import { attention } from './attention.ts';
import { accumulate, embedding } from './embedding.ts';
import { Forward } from './forward.ts';
import { given } from './given.ts';
import { linear } from './linear.ts';
import { Matrix } from './matrix.ts';
import { moe } from './moe.ts';
import { norm } from './norm.ts';
import { pool } from './pool.ts';
import { rope } from './rope.ts';
import { shortConv } from './short-conv.ts';
import { unfold } from './unfold.ts';
import { ReferenceWeight } from './weight.ts';

/** Makes a reference backend. It computes on the calling thread, in `exact` precision. */
export async function createReferenceBackend(): Promise<Backend> {
  const fw = new Forward();
  const weights: ReferenceWeight[] = [];
  return {
    name: 'reference',
    description: 'plain float32 loops, one thread',
    allocate(source: WeightSource) {
      const weight = new ReferenceWeight(source);
      weights.push(weight);
      return weight;
    },
    async fill(weight, source) {
      await fw.weight(weight).fill(source);
    },
    ops: bindOps(fw),
    observe(observer) {
      fw.observer = observer;
    },
    dispose() {
      for (const weight of weights) weight.release();
      weights.length = 0;
      fw.dispose();
    },
  };
}

function bindOps(fw: Forward): Ops {
  return {
    begin: (batch) => fw.begin(batch),
    embedding: (table, index, options) => embedding(fw, table, index, options),
    linear: (x, layer, options) => linear(fw, x, layer, options),
    norm: (x, weights, options) => norm(fw, x, weights, options),
    rope: (x, options) => rope(fw, x, options),
    attention: (q, k, v, options) => attention(fw, q, k, v, options),
    shortConv: (bcx, kernel, options) => shortConv(fw, bcx, kernel, options),
    unfold: (x, size, options) => unfold(fw, x, size, options),
    glu: (gate, up, activation, options) => glu(fw, gate, up, activation, options),
    moe: (x, options) => moe(fw, x, options),
    add(a, b, options = {}) {
      const y = fw.matrix(a.rows, a.cols);
      for (let r = 0; r < y.rows; r++) y.row(r).set(fw.own(a).row(r));
      accumulate(y, fw.own(b), options.factor);
      fw.report(options, 'out', y);
      return y;
    },
    activate: (x, activation, options) => activate(fw, x, activation, options),
    softmax: (x, options) => softmax(fw, x, options),
    columns(x: Tensor, start, n, options) {
      const whole = fw.own(x);
      if (!(start >= 0 && n > 0 && start + n <= whole.cols)) {
        throw new Error(`columns [${start}, ${start + n}) do not exist in a matrix of width ${whole.cols}`);
      }
      const view = fw.adopt(new Matrix(whole.data, whole.rows, n, whole.start + start, whole.stride));
      fw.report(options, 'out', view);
      return view;
    },
    given: (start, n, options) => given(fw, start, n, options),
    concat(parts, options) {
      const xs = parts.map((x) => fw.own(x));
      const y = fw.matrix(
        xs[0].rows,
        xs.reduce((sum, { cols }) => sum + cols, 0),
      );
      let start = 0;
      for (const x of xs) {
        if (x.rows !== y.rows) throw new Error(`concat: ${x.rows} rows cannot be put beside ${y.rows}`);
        for (let r = 0; r < y.rows; r++) y.slice(r, start, x.cols).set(x.row(r));
        start += x.cols;
      }
      fw.report(options, 'out', y);
      return y;
    },
    pool: (x, kind, options) => pool(fw, x, kind, options),
    read: async (x) => fw.own(x).copy(),
  };
}
