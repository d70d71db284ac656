/**
 * @file State that the lowering of steps shares within one forward: GPU tensors by recorded tensor, and other things that are made once.
 */
import { coordinatesOf, pooledRows } from '../../tensor/batch.ts';
import type { Batch } from '../../tensor/ops.ts';
import type { PooledRow } from '../graph/step.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import type { Context } from './context.ts';
import { Run } from './run.ts';
import { GpuTensor, Slab, type Step } from './tensor.ts';

/** One forward while its steps become launches. */
export class Forward {
  readonly ctx: Context;
  readonly run: Run;
  readonly #slabs = new Map<GraphTensor, Slab>();
  readonly #tensors = new Map<GraphTensor, GpuTensor>();
  readonly #quantized = new Map<GpuTensor, GpuTensor>();

  constructor(ctx: Context, batch: Batch, keepAll: boolean) {
    this.ctx = ctx;
    this.run = new Run(batch, keepAll);
  }

  /** The GPU tensor of a recorded one; every call returns the same. */
  of(x: GraphTensor): GpuTensor {
    let tensor = this.#tensors.get(x);
    if (tensor === undefined) {
      const { base, rows, cols, start } = x;
      let slab = this.#slabs.get(base);
      if (slab === undefined) this.#slabs.set(base, (slab = new Slab(base.rows * base.cols)));
      this.#tensors.set(x, (tensor = new GpuTensor(slab, rows, cols, start, base.cols)));
    }
    return tensor;
  }

  /** An additional intermediate of a step. */
  temporary(rows: number, cols: number): GpuTensor {
    return this.run.tensor(rows, cols);
  }

  /** Adds launches and returns their result. */
  add(step: Step): GpuTensor {
    return this.run.record(step);
  }

  /** `x` quantised for products in eight bits. `make` is called once for all products. */
  quantized(x: GpuTensor, make: () => GpuTensor): GpuTensor {
    let q = this.#quantized.get(x);
    if (q === undefined) this.#quantized.set(x, (q = make()));
    return q;
  }

  /** Offset in `batch` of the positions of the rows: of all tokens, or of the one row of each sequence that is computed. */
  positionsAt(row: PooledRow | undefined): number {
    const { batch } = this.run;
    if (row === undefined) return this.run.list('positions', () => []);
    return this.run.list(`positions ${row}`, () => pooledTokens(batch, row).map((token) => batch.positions[token]));
  }

  /** Offset in `batch` of the coordinates of the rows, four a row; see `positionsAt`. */
  coordinatesAt(row: PooledRow | undefined): number {
    const { batch } = this.run;
    return this.run.list(`coordinates ${row ?? 'all'}`, () => {
      const all = coordinatesOf(batch);
      if (row === undefined) return [...all];
      return pooledTokens(batch, row).flatMap((token) => [...all.subarray(4 * token, 4 * token + 4)]);
    });
  }
}

/** The token of each sequence that pooling takes. */
export function pooledTokens(batch: Batch, row: PooledRow): number[] {
  return Array.from({ length: batch.offsets.length - 1 }, (_, s) => pooledRows(batch, s, row)[0]);
}
