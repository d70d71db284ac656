/**
 * @file The operations that are one launch of one kernel: embedding, norm, element-wise functions, softmax, pooling, views.
 */
import type { Activation, NormWeights, PoolKind, RowIndex, StepNames, Tensor, Weight } from '../../../tensor/ops.ts';
import type { Context } from '../context.ts';
import { GpuError } from '../errors.ts';
import { grid } from '../kernel.ts';
import { elementwise } from '../shaders/elementwise.wgsl.ts';
import { embedding as embeddingKernel } from '../shaders/embedding.wgsl.ts';
import { activationCode } from '../shaders/epilogue.wgsl.ts';
import { norm as normKernel } from '../shaders/norm.wgsl.ts';
import { poolCode, pool as poolKernel, softmax as softmaxKernel } from '../shaders/rows.wgsl.ts';
import { GpuTensor } from '../tensor.ts';

/** Rows of a table; see `Ops.embedding`. */
export function embedding(
  ctx: Context,
  table: Weight,
  index: RowIndex,
  options: { scale?: number; add?: Tensor } & StepNames<'rows'> = {},
): GpuTensor {
  const weight = ctx.weight(table);
  const { loader, rowLength } = weight;
  if (loader === undefined) throw new GpuError(`${weight.name} was not allocated as a table`);
  const { run } = ctx;
  const indices = index === 'zero' ? undefined : run.batch[index];
  const outside = indices?.find((row) => !(row >= 0 && row < weight.nRows));
  if (outside !== undefined) throw new GpuError(`${weight.name} has ${weight.nRows} rows, no row ${outside}`);
  const y = run.tensor(run.nTokens, rowLength);
  const a = options.add === undefined ? undefined : ctx.ownShaped(options.add, y.rows, y.cols, 'add');
  const { blocksPerRow } = weight;
  const values = {
    hasAdd: a === undefined ? 0 : 1,
    rows: y.rows,
    cols: y.cols,
    indexAt: indices === undefined ? 0xffffffff : run.list(index, () => [...indices]),
    blocksPerRow,
    scale: options.scale ?? 1,
  };
  const threads = y.rows * blocksPerRow * (loader.blockSize / 8);
  return ctx.record({
    op: `embedding ${weight.name}`,
    options,
    name: options.names?.out ?? (a === undefined && options.scale === undefined ? options.names?.rows : undefined),
    reads: { a },
    writes: y,
    dispatches: () =>
      weight.parts.map((part) => ({
        kernel: embeddingKernel(loader.type),
        values: { ...values, firstRow: part.firstRow, nRows: part.nRows },
        bound: part,
        grid: grid(Math.ceil(threads / 64)),
      })),
  });
}

/** Layer or RMS norm of whole rows or of slices; see `Ops.norm`. */
export function norm(
  ctx: Context,
  input: Tensor,
  weights: NormWeights,
  options: { kind: 'layer' | 'rms'; eps: number; residual?: Tensor; groups?: number } & StepNames<
    'sum' | 'normed' | 'scaled'
  >,
): GpuTensor {
  const x = ctx.own(input);
  const { kind, eps, residual, groups = 1 } = options;
  const n = x.cols / groups;
  if (!Number.isInteger(n)) throw new GpuError(`norm: ${x.cols} columns do not divide into ${groups} groups`);
  const r = residual === undefined ? undefined : ctx.ownShaped(residual, x.rows, x.cols, 'the residual');
  const values = {
    hasResidual: r === undefined ? 0 : 1,
    rows: x.rows,
    n,
    groups,
    weightAt: ctx.vector(weights.weight, n),
    biasAt: ctx.vector(weights.bias, n),
    centred: kind === 'layer' ? 1 : 0,
    eps,
  };
  const { names } = options;
  return ctx.record({
    op: `${kind} norm ${weights.weight.name}`,
    options,
    name: names?.out ?? (weights.bias === undefined ? names?.scaled : undefined),
    reads: { x, r },
    writes: ctx.run.tensor(x.rows, x.cols),
    dispatches: () => [{ kernel: normKernel, values, grid: grid(x.rows * groups) }],
  });
}

/** `activation(gate) · up` */
export function glu(
  ctx: Context,
  gate: Tensor,
  up: Tensor,
  activation: Activation,
  options?: StepNames<'activated'>,
): GpuTensor {
  return pairwise(ctx, 'glu', gate, up, activationCode[activation], options);
}

/** `a + b` */
export function add(ctx: Context, a: Tensor, b: Tensor, options?: StepNames<never>): GpuTensor {
  return pairwise(ctx, 'add', a, b, 0, options);
}

/** Element-wise function. */
export function activate(ctx: Context, x: Tensor, activation: Activation, options?: StepNames<never>): GpuTensor {
  return pairwise(ctx, 'activate', x, undefined, activationCode[activation], options);
}

function pairwise<S extends string>(
  ctx: Context,
  op: 'add' | 'activate' | 'glu',
  first: Tensor,
  second: Tensor | undefined,
  activation: number,
  options?: StepNames<S>,
): GpuTensor {
  const a = ctx.own(first);
  const b = second === undefined ? undefined : ctx.ownShaped(second, a.rows, a.cols, `the second operand of ${op}`);
  const values = { rows: a.rows, cols: a.cols, activation };
  return ctx.record({
    op,
    options,
    reads: { a, b },
    writes: ctx.run.tensor(a.rows, a.cols),
    dispatches: () => [{ kernel: elementwise(op), values, grid: grid(Math.ceil((a.rows * a.cols) / 64)) }],
  });
}

/** Softmax of each row. */
export function softmax(ctx: Context, input: Tensor, options?: StepNames<never>): GpuTensor {
  const x = ctx.own(input);
  return ctx.record({
    op: 'softmax',
    options,
    reads: { x },
    writes: ctx.run.tensor(x.rows, x.cols),
    dispatches: () => [{ kernel: softmaxKernel, values: { rows: x.rows, cols: x.cols }, grid: grid(x.rows) }],
  });
}

/** One row a sequence, or all of them; see `Ops.pool`. */
export function pool(ctx: Context, input: Tensor, kind: PoolKind, options?: StepNames<never>): GpuTensor {
  const { run } = ctx;
  const x = ctx.ownShaped(input, run.nTokens, input.cols, 'what is pooled');
  if (kind === 'none') {
    run.name(options, options?.names?.out, x);
    return x;
  }
  const y = run.tensor(run.nSeq, x.cols);
  const values = { rows: y.rows, cols: y.cols, offsetsAt: run.list('offsets', () => []), kind: poolCode[kind] };
  return ctx.record({
    op: `pool ${kind}`,
    options,
    reads: { x },
    writes: y,
    dispatches: () => [{ kernel: poolKernel, values, grid: grid(Math.ceil((y.rows * y.cols) / 64)) }],
  });
}

/** Columns of `x` as a view. */
export function columns(ctx: Context, input: Tensor, start: number, n: number, options?: StepNames<never>): GpuTensor {
  const x = ctx.own(input);
  if (!(start >= 0 && n > 0 && start + n <= x.cols)) {
    throw new GpuError(`no columns [${start}, ${start + n}) in a matrix ${x.cols} wide`);
  }
  const view = ctx.adopt(new GpuTensor(x.slab, x.rows, n, x.start + start, x.stride));
  ctx.run.name(options, options?.names?.out, view);
  return view;
}
