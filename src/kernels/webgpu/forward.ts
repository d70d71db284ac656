/**
 * @file State that the lowering of steps shares within one forward: GPU tensors by recorded tensor, and other things that are made once.
 */

import type { Batch } from '../../tensor/batch.ts';
import { coordinatesOf, pooledRows } from '../../tensor/batch-rows.ts';
import type { PooledRow } from '../graph/step.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import type { Context } from './context.ts';
import type { Form } from './halved-results.ts';
import { Run } from './run.ts';
import { GpuTensor, Slab, type Step } from './tensor.ts';

/** One forward while its steps become launches. */
export class Forward {
  readonly ctx: Context;
  readonly run: Run;
  readonly #slabs = new Map<GraphTensor, Slab>();
  readonly #tensors = new Map<GraphTensor, GpuTensor>();
  readonly #quantized = new Map<GpuTensor, GpuTensor>();

  /** Results that are stored as f16, or in part. */
  readonly #forms: ReadonlyMap<GraphTensor, Form>;

  constructor(ctx: Context, batch: Batch, keepAll: boolean, forms: ReadonlyMap<GraphTensor, Form>) {
    this.ctx = ctx;
    this.#forms = forms;
    this.run = new Run(batch, keepAll);
  }

  /** The GPU tensor of a recorded one; every call returns the same. Columns are float32 unless they are stored only as f16. */
  of(x: GraphTensor): GpuTensor {
    let tensor = this.#tensors.get(x);
    if (tensor === undefined) {
      const { base, rows, cols, start } = x;
      const form = this.#forms.get(base) ?? 'both';
      const from = form === 'both' ? base.cols : form;
      /** Words in front of a column. */
      const words = (column: number) => (column <= from ? column : (from + column) / 2);
      const halvesFrom = Math.min(cols, Math.max(0, from - start));
      tensor = new GpuTensor(this.#slabOf(base), rows, cols, words(start), words(base.cols), halvesFrom);
      this.#tensors.set(x, tensor);
    }
    return tensor;
  }

  /** `x` as f16; `undefined` if it is stored as float32. */
  halvesOf(x: GraphTensor): GpuTensor | undefined {
    const { base, rows, cols } = x;
    const form = this.#forms.get(base);
    if (form === 0) return this.of(x);
    // After the float32 values.
    return form === 'both' ? new GpuTensor(this.#slabOf(base), rows, cols, rows * cols, cols / 2, 0) : undefined;
  }

  #slabOf(base: GraphTensor): Slab {
    let slab = this.#slabs.get(base);
    if (slab === undefined) {
      const { rows, cols } = base;
      const form = this.#forms.get(base) ?? cols;
      const words = form === 'both' ? 1.5 * cols : (form + cols) / 2;
      this.#slabs.set(base, (slab = new Slab(rows * words)));
    }
    return slab;
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
