/**
 * @file The operations that are one launch of one kernel: embedding, element-wise functions, short convolution, unfolding, softmax, pooling.
 */
import { pooledRows, rowsBefore, sequenceRows, tableRows } from '../../../tensor/batch-rows.ts';
import { isRare } from '../../../tensor/element-functions.ts';
import type { Activation, RareActivation } from '../../../tensor/ops.ts';
import type {
  ActivateStep,
  AddStep,
  ConcatStep,
  EmbeddingStep,
  GivenStep,
  GluStep,
  PoolStep,
  ShortConvStep,
  SoftmaxStep,
  UnfoldStep,
} from '../../graph/step.ts';
import { GpuError } from '../errors.ts';
import type { Forward } from '../forward.ts';
import { grid } from '../kernel.ts';
import { elementwise, rareCode } from '../shaders/elementwise.wgsl.ts';
import { embedding as embeddingKernel } from '../shaders/embedding.wgsl.ts';
import { activationCode } from '../shaders/epilogue.wgsl.ts';
import { given as givenKernel, pool as poolKernel, softmax as softmaxKernel } from '../shaders/rows.wgsl.ts';
import { shortConv as shortConvKernel } from '../shaders/short-conv.wgsl.ts';
import { unfold as unfoldKernel } from '../shaders/unfold.wgsl.ts';
import { GpuTensor, labelOf } from '../tensor.ts';
import { noVector } from '../vectors.ts';
import type { GpuWeight } from '../weights.ts';

/** Rows of a table. */
export function embedding(fw: Forward, step: EmbeddingStep<GpuWeight>): void {
  const { table, index, scale, inputs } = step;
  const { loader, blocksPerRow } = table;
  if (loader === undefined) throw new GpuError(`${table.name} was not allocated as a table`);
  const y = fw.of(step.out);
  const a = inputs.length === 0 ? undefined : fw.of(inputs[0]);
  const { rows, weights } = tableRows(fw.run.batch, index);
  const list = typeof index === 'string' ? index : `term ${index.term}`;
  const values = {
    hasAdd: a === undefined ? 0 : 1,
    rows: y.rows,
    cols: y.cols,
    indexAt: rows === undefined ? noVector : fw.run.list(list, () => [...rows]),
    weightsAt: weights === undefined ? noVector : fw.run.list(`weights of ${list}`, () => bitsOf(weights)),
    blocksPerRow,
    scale,
  };
  const threads = y.rows * blocksPerRow * (loader.blockSize / 8);
  fw.add({
    label: labelOf(`embedding ${table.name}`, step),
    reads: { a },
    writes: y,
    dispatches: () =>
      table.parts.map((part) => ({
        kernel: embeddingKernel(loader.type),
        values: { ...values, firstRow: part.firstRow, nRows: part.nRows },
        bound: part,
        grid: grid(Math.ceil(threads / 64)),
      })),
  });
}

/** Float32 values as the kernels see them in `batch`. */
function bitsOf(values: Float32Array): number[] {
  return [...new Int32Array(Float32Array.from(values).buffer)];
}

/** `activation(gate) · up`, `a + factor · b`, or an activation alone. */
export function pairwise(fw: Forward, step: GluStep | AddStep | ActivateStep): void {
  const [a, b] = step.inputs.map((x) => fw.of(x));
  const activation = step.op === 'add' ? undefined : step.activation;
  const factor = step.op === 'add' ? step.factor : undefined;
  elementByElement(fw, step.op, a, b, activation, fw.of(step.out), labelOf(step.op, step), factor);
}

/** The launch of an element-wise kernel. `activate` without an activation copies. */
export function elementByElement(
  fw: Forward,
  op: 'add' | 'activate' | 'glu',
  a: GpuTensor,
  b: GpuTensor | undefined,
  activation: Activation | RareActivation | undefined,
  y: GpuTensor,
  label: string,
  factor = 1,
): GpuTensor {
  const isOther = activation !== undefined && isRare(activation);
  const code = activation === undefined ? 0 : isRare(activation) ? rareCode[activation] : activationCode[activation];
  const values = { rows: a.rows, cols: a.cols, activation: code, factor };
  return fw.add({
    label,
    reads: { a, b },
    writes: y,
    dispatches: () => [
      { kernel: elementwise(isOther ? 'rare' : op), values, grid: grid(Math.ceil((a.rows * a.cols) / 64)) },
    ],
  });
}

/** LFM2's gated short convolution. */
export function shortConv(fw: Forward, step: ShortConvStep<GpuWeight>): void {
  const { kernel, causal, inputs } = step;
  const [nTaps] = kernel.shape;
  const y = fw.of(step.out);
  const values = {
    rows: y.rows,
    cols: y.cols,
    nTaps,
    back: rowsBefore(nTaps, causal),
    kernelAt: fw.ctx.vector(kernel),
    sequenceAt: sequenceOfEachRow(fw, y.rows),
  };
  fw.add({
    label: labelOf(`short convolution ${kernel.name}`, step),
    reads: { x: fw.of(inputs[0]) },
    writes: y,
    dispatches: () => [{ kernel: shortConvKernel, values, grid: grid(Math.ceil((y.rows * y.cols) / 64)) }],
  });
}

/** Where a list in `batch` has the first row of the sequence of each row, and the one after the last. */
function sequenceOfEachRow({ run }: Forward, rows: number): number {
  return run.list('sequence of each row', () => [...sequenceRows(run.batch, 0, rows)].flat());
}

/** The rows around each token side by side. */
export function unfold(fw: Forward, step: UnfoldStep): void {
  const { size, inputs } = step;
  const [x, y] = [fw.of(inputs[0]), fw.of(step.out)];
  const values = {
    rows: y.rows,
    cols: y.cols,
    width: x.cols,
    back: rowsBefore(size, false),
    sequenceAt: sequenceOfEachRow(fw, y.rows),
  };
  fw.add({
    label: labelOf('unfold', step),
    reads: { x },
    writes: y,
    dispatches: () => [{ kernel: unfoldKernel, values, grid: grid(Math.ceil((y.rows * y.cols) / 64)) }],
  });
}

/** Softmax of each row. */
export function softmax(fw: Forward, step: SoftmaxStep): void {
  softmaxOf(fw, fw.of(step.inputs[0]), fw.of(step.out), labelOf('softmax', step));
}

/** The launch of the softmax of each row of `x`. */
export function softmaxOf(fw: Forward, x: GpuTensor, y: GpuTensor, label: string): GpuTensor {
  return fw.add({
    label,
    reads: { x },
    writes: y,
    dispatches: () => [{ kernel: softmaxKernel, values: { rows: x.rows, cols: x.cols }, grid: grid(x.rows) }],
  });
}

/** Columns of the rows that come with the batch. */
export function given(fw: Forward, step: GivenStep): void {
  const { inputs, out, start, isAdded } = step;
  const { at, values: rows, width } = fw.run.batch.given!;
  const y = fw.of(out);
  const x = inputs.length === 0 ? undefined : fw.of(inputs[0]);
  const values = {
    rows: y.rows,
    cols: y.cols,
    start,
    isAdded: isAdded ? 1 : 0,
    rowsAt: fw.run.list('given', () => [...at]),
  };
  fw.add({
    label: labelOf('given', step),
    reads: { g: fw.run.upload('given', rows, width), x },
    writes: y,
    dispatches: () => [{ kernel: givenKernel, values, grid: grid(Math.ceil((y.rows * y.cols) / 64)) }],
  });
}

/** Matrices side by side: copies each into its columns. */
export function concat(fw: Forward, step: ConcatStep): void {
  const { slab, rows, stride } = fw.of(step.out);
  let start = 0;
  for (const input of step.inputs) {
    const x = fw.of(input);
    const y = new GpuTensor(slab, rows, x.cols, start, stride);
    elementByElement(fw, 'activate', x, undefined, undefined, y, labelOf('concat', step));
    start += x.cols;
  }
}

/** How the rows of a sequence become one; 0: they are copied. */
const reductions: Partial<Record<PoolStep['kind'], number>> = {
  mean: 1,
  max: 2,
  'mean-sqrt-len': 3,
  'weighted-mean': 4,
};

/** One row for each sequence. */
export function pool(fw: Forward, step: PoolStep): void {
  const [x] = step.inputs;
  const y = fw.of(step.out);
  const label = labelOf(`pool ${step.kind}`, step);
  if (x.space === 'sequences') {
    elementByElement(fw, 'activate', fw.of(x), undefined, undefined, y, label);
    return;
  }
  const { batch } = fw.run;
  const pooledAt = fw.run.list(`pooled ${step.kind}`, () =>
    Array.from({ length: y.rows }, (_, s) => {
      const [begin, end] = pooledRows(batch, s, step.kind);
      return [begin, end, batch.offsets[s]];
    }).flat(),
  );
  const values = { rows: y.rows, cols: y.cols, width: x.cols, pooledAt, reduction: reductions[step.kind] ?? 0 };
  fw.add({
    label,
    reads: { x: fw.of(x) },
    writes: y,
    dispatches: () => [{ kernel: poolKernel, values, grid: grid(Math.ceil((y.rows * y.cols) / 64)) }],
  });
}
