/**
 * @file Tensors of a forward in the arena, and the launches that compute them. This file does not use the GPU.
 */
import type { Tensor } from '../../tensor/ops.ts';
import type { Kernel } from './kernel.ts';

/** A piece of the arena: the memory behind a tensor and its views. */
export class Slab {
  /** Float32 (or 32-bit) values. */
  readonly size: number;
  /** Its offset in the arena, in values; `undefined` until it is assigned. */
  offset: number | undefined;

  constructor(size: number) {
    this.size = size;
  }
}

/** `[rows, cols]`; row `r` begins `start + r · stride` words into the slab. */
export class GpuTensor implements Tensor {
  readonly rows: number;
  readonly cols: number;
  readonly slab: Slab;
  readonly start: number;
  readonly stride: number;
  /** Values from this column on are f16, two a word. */
  readonly halvesFrom: number;

  constructor(slab: Slab, rows: number, cols: number, start = 0, stride = cols, halvesFrom = cols) {
    this.slab = slab;
    this.rows = rows;
    this.cols = cols;
    this.start = start;
    this.stride = stride;
    this.halvesFrom = halvesFrom;
  }

  /** Whether all values are f16. */
  get isHalf(): boolean {
    return this.halvesFrom === 0;
  }

  /** Whether rows can be read four values at a time. */
  get aligned(): boolean {
    return this.start % 4 === 0 && this.stride % 4 === 0 && this.cols % 4 === 0;
  }
}

/** Something with a bind group for group 1: a part of a weight, or a rotation table. */
export interface Bound {
  readonly group: GPUBindGroup;
}

/** One launch of a kernel. */
export interface Dispatch {
  readonly kernel: Kernel;
  /** Parameters that are not tensors. */
  readonly values: Readonly<Record<string, number>>;
  readonly bound?: Bound;
  /** Tensors by the names of the kernel's parameters, if they are not those of the step. */
  readonly tensors?: Readonly<Record<string, GpuTensor | undefined>>;
  readonly grid: readonly [x: number, y: number, z: number];
}

/** The launches that compute one tensor: a recorded step, or a part of one. */
export interface Step {
  /** Its name in messages: the operation, and the intermediate's name if it has one. */
  readonly label: string;
  /** Tensors that are read, by the names of the kernels' parameters. */
  readonly reads: Readonly<Record<string, GpuTensor | undefined>>;
  /** The result, named `y` in kernels. */
  readonly writes: GpuTensor;
  /** The launches. Called once, after `prepare`. */
  readonly dispatches: () => readonly Dispatch[];
  /** Awaited before the step runs. */
  readonly prepare?: () => Promise<void> | undefined;
}

/** Name of a recorded step in messages: `what`, and the name of its result if it has one. */
export function labelOf(what: string, { name }: { readonly name?: string }): string {
  return name === undefined ? what : `${what} ${name}`;
}
