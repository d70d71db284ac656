/**
 * @file State of one forward pass of the reference backend: its batch, its memory, its weights and its observer.
 */

import type { Batch } from '../../tensor/batch.ts';
import { checkBatch } from '../../tensor/batch-rows.ts';
import type { Observer, StepNames, Tensor, Weight } from '../../tensor/ops.ts';
import { Arena } from './arena.ts';
import { Matrix } from './matrix.ts';
import { ReferenceWeight } from './weight.ts';

/** State that all operations share. */
export class Forward {
  readonly #arena = new Arena();
  #batch: Batch | undefined;
  #valid = new WeakSet<Tensor>();
  observer: Observer | undefined;

  /** @throws Error when the offsets do not cover the tokens */
  begin(batch: Batch): void {
    checkBatch(batch);
    this.#batch = batch;
    this.#arena.reset();
    this.#valid = new WeakSet();
  }

  /** The batch of this forward. */
  get batch(): Batch {
    if (this.#batch === undefined) throw new Error('call begin() before any other operation');
    return this.#batch;
  }

  /** A matrix of this forward with undefined values. */
  matrix(rows: number, cols: number): Matrix {
    return this.adopt(new Matrix(this.#arena.take(rows * cols), rows, cols));
  }

  /** Makes `matrix` (a view, usually) valid until the next `begin`. */
  adopt(matrix: Matrix): Matrix {
    this.#valid.add(matrix);
    return matrix;
  }

  /** `n` values of temporary memory for one operation. */
  scratch(n: number): Float32Array {
    return this.#arena.take(n);
  }

  /** @throws Error for a tensor of another backend or of an earlier forward */
  own(x: Tensor): Matrix {
    if (!(x instanceof Matrix) || !this.#valid.has(x))
      throw new Error('the tensor does not belong to the running forward');
    return x;
  }

  /** @throws Error for a weight of another backend or of another shape than `shape` */
  weight(weight: Weight, ...shape: number[]): ReferenceWeight {
    if (!(weight instanceof ReferenceWeight)) throw new Error(`${weight.name} belongs to another backend`);
    if (shape.some((n, axis) => n !== (weight.shape[axis] ?? 1))) {
      throw new Error(`${weight.name} has shape [${weight.shape}]; the operation needs [${shape}]`);
    }
    return weight;
  }

  /** The `n` values of a vector. */
  vector(weight: Weight, n: number): Float32Array {
    const values = this.scratch(n);
    this.weight(weight, n).dequantizeRow(0, values);
    return values;
  }

  /** Whether `report` would show the step `step`. */
  watches<Step extends string>(options: StepNames<Step>, step: Step): boolean {
    return this.observer !== undefined && options.names?.[step] !== undefined;
  }

  /** Shows the step `step` to the observer if it has a name. */
  report<Step extends string>(options: StepNames<Step> | undefined, step: Step | 'out', x: Matrix): void {
    const name = options?.names?.[step];
    if (this.observer === undefined || name === undefined) return;
    this.observer(options?.layer === undefined ? name : `${name}-${options.layer}`, x.copy(), x.rows, x.cols);
  }

  /** Drops all memory. */
  dispose(): void {
    this.#arena.clear();
    this.#batch = undefined;
    this.#valid = new WeakSet();
    this.observer = undefined;
  }
}
