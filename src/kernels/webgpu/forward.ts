/**
 * @file What the lowering of steps shares within one forward: tensors of the GPU by the recorded ones, and what else is made once.
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

  /** A recorded tensor on the GPU; the same one for every call. */
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

  /** An intermediate of a step's own. */
  temporary(rows: number, cols: number): GpuTensor {
    return this.run.tensor(rows, cols);
  }

  /** Adds what runs and returns its result. */
  add(step: Step): GpuTensor {
    return this.run.record(step);
  }

  /** `x` as products in eight bits read it: `make` is asked once, however many products there are. */
  quantized(x: GpuTensor, make: () => GpuTensor): GpuTensor {
    let q = this.#quantized.get(x);
    if (q === undefined) this.#quantized.set(x, (q = make()));
    return q;
  }

  /** Where the positions of the rows begin in `batch`: of all tokens, or of the one row of each sequence that is computed. */
  positionsAt(row: PooledRow | undefined): number {
    const { batch } = this.run;
    if (row === undefined) return this.run.list('positions', () => []);
    return this.run.list(`positions ${row}`, () => pooledTokens(batch, row).map((token) => batch.positions[token]));
  }

  /** Where the coordinates of the rows begin in `batch`, four a row; as `positionsAt`. */
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
