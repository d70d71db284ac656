/**
 * @file Weights from numbers, and one-call forwards, for tests of single operations.
 */
import type { GgmlTypeName } from '../../src/gguf/ggml-types.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import type { Backend, WeightRole, WeightSource } from '../../src/tensor/backend.ts';
import type { Ops, Tensor, Weight } from '../../src/tensor/ops.ts';
import { countingBatch, source } from './graphs.ts';

/** A weight source of `values` in GGUF shape, repeated as often as it takes, stored as `type`. */
export function filled(shape: number[], values: readonly number[], type?: GgmlTypeName): WeightSource {
  const n = shape.reduce((product, length) => product * length, 1);
  const repeated = Float32Array.from({ length: n }, (_, i) => values[i % values.length]);
  return source(`w${shape.join('x')}`, shape, repeated, type);
}

/** A backend with a batch begun, and what tests ask of it. */
export interface Bench {
  readonly backend: Backend;
  readonly ops: Ops;
  /** A filled weight. */
  weight(shape: readonly number[], values: readonly number[], role?: WeightRole): Promise<Weight>;
  /** A tensor `[T, n]` with these rows, one for each token of the batch. */
  tensor(rows: readonly (readonly number[])[]): Promise<Tensor>;
  /** The rows of a tensor. */
  read(x: Tensor): Promise<number[][]>;
}

/** Begins a batch of sequences of these lengths. Token `t` of the batch has the id `t`. */
export async function bench(...lengths: number[]): Promise<Bench> {
  const backend = await createReferenceBackend();
  const { ops } = backend;
  ops.begin(countingBatch(lengths));
  async function weight(shape: readonly number[], values: readonly number[], role: WeightRole = 'matrix') {
    const from = filled([...shape], values);
    const handle = backend.allocate(from, role);
    await backend.fill(handle, from);
    return handle;
  }
  return {
    backend,
    ops,
    weight,
    async tensor(rows) {
      return ops.embedding(await weight([rows[0].length, rows.length], rows.flat(), 'table'), 'ids');
    },
    async read(x) {
      const values = await ops.read(x);
      return Array.from({ length: x.rows }, (_, r) => [...values.subarray(r * x.cols, (r + 1) * x.cols)]);
    },
  };
}
