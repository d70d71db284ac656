/**
 * @file Shared by the checks of the kernels: addresses of operands, numbers to compute with, and tolerances.
 */
import type { Kernels } from '../kernels.ts';

/** Relative error that a float32 kernel may have: it sums in another order and uses polynomials instead of the library's exponential. */
export const tolerance = 2e-5;

export const [rows, k, columns] = [4, 76, 16];
// Byte addresses of the operands; the checks need less than 128 KiB after the first page.
export const [a, w, t, c, scales, bias] = [0x10000, 0x12000, 0x14000, 0x15000, 0x18000, 0x19000];

/** Views and a source of numbers. */
export class Operands {
  readonly i8: Int8Array;
  readonly i16: Int16Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  #state = 1;

  constructor(memory: WebAssembly.Memory) {
    this.i8 = new Int8Array(memory.buffer);
    this.i16 = new Int16Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.f32 = new Float32Array(memory.buffer);
  }

  /** A number in [−1, 1). */
  next(): number {
    this.#state = (Math.imul(this.#state, 1103515245) + 12345) | 0;
    return this.#state / 2 ** 31;
  }

  /** Fills `n` float32 at `address`; returns a copy. */
  floats(address: number, n: number, size = 1): Float32Array {
    for (let i = 0; i < n; i++) this.f32[address / 4 + i] = this.next() * size;
    return this.f32.slice(address / 4, address / 4 + n);
  }

  /** Fills `n` bytes at `address`; returns a copy. */
  bytes(address: number, n: number, value: (i: number) => number): Int8Array {
    for (let i = 0; i < n; i++) this.i8[address + i] = value(i);
    return this.i8.slice(address, address + n);
  }

  /** Fills `n` int16 at `address`; returns a copy. */
  integers(address: number, n: number, size: number): Int16Array {
    for (let i = 0; i < n; i++) this.i16[address / 2 + i] = this.next() * size;
    return this.i16.slice(address / 2, address / 2 + n);
  }

  /** Whether the values at `address` are `expected(i)`. */
  near(address: number, n: number, expected: (i: number) => number): boolean {
    for (let i = 0; i < n; i++) {
      const [found, wanted] = [this.f32[address / 4 + i], expected(i)];
      if (!(Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted)))) return false;
    }
    return true;
  }
}

/** Runs one kernel and returns whether its result is correct. */
export type Check = (kernels: Kernels, on: Operands) => boolean;

/** Checks by the name of the kernel. */
export type Checks = readonly (readonly [name: keyof Kernels, check: Check])[];
