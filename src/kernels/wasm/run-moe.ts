/**
 * @file Runs a mixture of experts: rows are sorted by expert, and each expert is one product over its rows.
 */

import type { MoeOptions } from '../../tensor/ops.ts';
import type { GraphTensor } from '../graph/tensor.ts';

import { type Address, activationCodes, type Count, type Stride } from './kernels.ts';
import { alignUp, rowStride } from './memory.ts';
import { linearScratch, multiply } from './run-linear.ts';
import type { Runtime } from './runtime.ts';
import type { WasmWeight } from './weights.ts';

/** Lower bound of the sum of weights that `renormalise` divides by. */
const leastWeightSum = 2 ** -14;

/** The buffers in the scratch of one rank with `rows` rows, from `base` on. */
function buffers(options: MoeOptions, nEmbd: number, rows: number, base: number) {
  const [up, down, router] = [options.up, options.down, options.router] as WasmWeight[];
  const gate = options.gate as WasmWeight | undefined;
  let at = base;
  const take = (bytes: number): Address => {
    const start = at;
    at = alignUp(at + bytes + 64, 64);
    return start;
  };
  const strides = { embd: rowStride(nEmbd * 4), ff: rowStride(up.n * 4), probs: rowStride(router.n * 4) };
  const slots = rows * options.nUsed;
  return {
    strides,
    probs: take(rows * strides.probs),
    experts: take(slots * 4),
    weights: take(slots * 4),
    list: take(rows * 4),
    gathered: take(rows * strides.embd),
    gate: take(options.gate === undefined ? 0 : rows * strides.ff),
    hidden: take(rows * strides.ff),
    result: take(rows * strides.embd),
    slots: take(slots * strides.embd),
    product: take(Math.max(...[up, down, router, gate ?? up].map((w) => linearScratch(w, rows)))),
    end: at,
  };
}

/** Bytes of scratch for `rows` rows. */
export function moeScratch(options: MoeOptions, nEmbd: number, rows: number): number {
  return buffers(options, nEmbd, rows, 0).end;
}

/** `y = Σ p(e) · downₑ(act(upₑ x))` over the experts that the router rates highest. */
export function runMoe(rt: Runtime, x: GraphTensor, y: GraphTensor, options: MoeOptions): void {
  const { kernels } = rt;
  const rows = rt.rows(x);
  const b = buffers(options, x.cols, rows, rt.scratch);
  const [up, down, router] = [options.up, options.down, options.router] as WasmWeight[];
  const gate = options.gate as WasmWeight | undefined;
  const code = activationCodes[options.activation];
  rt.quantized = undefined;
  const product = (
    a: Address,
    lda: Stride,
    n: Count,
    w: WasmWeight,
    matrix: number,
    c: Address,
    ldc: Stride,
    activation = 0,
  ) =>
    multiply(rt, {
      a,
      lda,
      rows: n,
      w,
      matrix,
      bias: 0,
      factor: 1,
      c,
      ldc,
      activation,
      residual: 0,
      ldr: 0,
      scratch: b.product,
    });
  product(rt.address(x), rt.stride(x), rows, router, 0, b.probs, b.strides.probs);
  kernels.softmaxRows({ x: b.probs, ldx: b.strides.probs, y: b.probs, ldy: b.strides.probs, rows, n: router.n });
  kernels.routeRows({
    probs: b.probs,
    ldp: b.strides.probs,
    rows,
    nExpert: router.n,
    nUsed: options.nUsed,
    leastSum: options.renormalise ? leastWeightSum : 0,
    experts: b.experts,
    weights: b.weights,
  });
  for (let expert = 0; expert < router.n; expert++) {
    const n = kernels.gatherExpert({
      x: rt.address(x),
      ldx: rt.stride(x),
      experts: b.experts,
      nSlots: rows * options.nUsed,
      nUsed: options.nUsed,
      expert,
      cols: x.cols,
      to: b.gathered,
      ldt: b.strides.embd,
      list: b.list,
    });
    if (n === 0) continue;
    if (gate === undefined) product(b.gathered, b.strides.embd, n, up, expert, b.hidden, b.strides.ff, code);
    else {
      product(b.gathered, b.strides.embd, n, gate, expert, b.gate, b.strides.ff, 0);
      product(b.gathered, b.strides.embd, n, up, expert, b.hidden, b.strides.ff);
      kernels.gluRows({
        gate: b.gate,
        ldg: b.strides.ff,
        up: b.hidden,
        ldu: b.strides.ff,
        y: b.gate,
        ldy: b.strides.ff,
        rows: n,
        cols: up.n,
        activation: code,
      });
    }
    product(gate === undefined ? b.hidden : b.gate, b.strides.ff, n, down, expert, b.result, b.strides.embd);
    kernels.scatterRows({
      x: b.result,
      ldx: b.strides.embd,
      n,
      cols: x.cols,
      list: b.list,
      y: b.slots,
      ldy: b.strides.embd,
    });
  }
  kernels.mixExperts({
    x: b.slots,
    ldx: b.strides.embd,
    weights: b.weights,
    rows,
    nUsed: options.nUsed,
    cols: x.cols,
    y: rt.address(y),
    ldy: rt.stride(y),
  });
}
