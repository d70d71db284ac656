/**
 * @file One run on the GPU: its batch, the work lists that kernels read, its steps, and the positions of their results in the arena.
 */

import type { Batch } from '../../tensor/batch.ts';
import { checkBatch } from '../../tensor/batch-rows.ts';
import { Allocator } from '../graph/allocator.ts';
import { freedAfter } from '../graph/liveness.ts';
import { GpuTensor, Slab, type Step } from './tensor.ts';

/** Tensors begin at multiples of this many values, so that vec4 loads are aligned. */
const alignment = 64;

/** Values from outside, and their tensor. */
interface Upload {
  readonly tensor: GpuTensor;
  readonly values: Float32Array;
}

/** The steps of one run, in order. */
export class Run {
  readonly batch: Batch;
  readonly steps: Step[] = [];
  /** No memory is reused, because an observer looks at everything. */
  readonly #keepAll: boolean;
  #lists: number[] = [];
  readonly #listAt = new Map<string, number>();
  readonly #uploads = new Map<string, Upload>();

  /** @throws Error when the offsets do not cover the tokens */
  constructor(batch: Batch, keepAll: boolean) {
    checkBatch(batch);
    this.batch = batch;
    this.#keepAll = keepAll;
    this.list('ids', () => [...batch.ids]);
    this.list('positions', () => [...batch.positions]);
  }

  /** Number of tokens. */
  get nTokens(): number {
    return this.batch.ids.length;
  }

  /** All work lists end to end, in the form that kernels read (`batch`). */
  get lists(): readonly number[] {
    return this.#lists;
  }

  /** Offset of the list `key` in `batch`. `make` is called on first use. */
  list(key: string, make: () => readonly number[]): number {
    let at = this.#listAt.get(key);
    if (at === undefined) {
      at = this.#lists.length;
      this.#listAt.set(key, at);
      this.#lists = this.#lists.concat(make());
    }
    return at;
  }

  /** A new tensor. */
  tensor(rows: number, cols: number): GpuTensor {
    return new GpuTensor(new Slab(rows * cols), rows, cols);
  }

  /** A tensor that holds `values` before the first step. Calls with the same `key` return the same tensor. */
  upload(key: string, values: Float32Array, cols: number): GpuTensor {
    let upload = this.#uploads.get(key);
    if (upload === undefined) {
      this.#uploads.set(key, (upload = { tensor: this.tensor(values.length / cols, cols), values }));
    }
    return upload.tensor;
  }

  /** The values to write before the first step. */
  get uploads(): Iterable<Upload> {
    return this.#uploads.values();
  }

  /** Adds a step and returns its result. */
  record(step: Step): GpuTensor {
    this.steps.push(step);
    return step.writes;
  }

  /** Assigns an offset to every slab that the steps write. @returns the number of values that the arena needs */
  place(wanted: Slab): number {
    const arena = new Allocator(alignment);
    const uses = this.steps.map(slabsOf);
    const freed = this.#keepAll ? [] : freedAfter(uses, wanted);
    for (const { tensor } of this.#uploads.values()) tensor.slab.offset = arena.take(tensor.slab.size);
    this.steps.forEach(({ writes: { slab } }, i) => {
      slab.offset ??= arena.take(slab.size);
      for (const { offset, size } of freed[i] ?? []) arena.give(offset!, size);
    });
    return arena.end;
  }
}

/** The slabs that a step reads and writes. */
function slabsOf({ reads, writes }: Step): Slab[] {
  const slabs = [writes.slab];
  for (const tensor of Object.values(reads)) if (tensor !== undefined) slabs.push(tensor.slab);
  return slabs;
}
