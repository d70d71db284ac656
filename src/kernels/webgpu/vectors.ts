/**
 * @file The small vectors of a model (biases, norm weights, tables of a few hundred values) in one float32 buffer that every kernel can
 * read. They are addressed by offsets in values, so that using one needs no bind group.
 */
import type { Device } from './device.ts';
import { usage } from './gpu.ts';
import { GrowingBuffer } from './growing-buffer.ts';

/** The offset that means "none". */
export const noVector = 0xffffffff;

/** The pool. Values are also kept on the CPU, so that the pool can grow. */
export class Vectors {
  readonly #device: Device;
  readonly #gpu: GrowingBuffer;
  readonly #derived = new Map<string, number>();
  #values = new Float32Array(1024);
  #used = 0;
  #dirty = true;

  constructor(device: Device) {
    this.#device = device;
    this.#gpu = new GrowingBuffer(device, 'vectors', usage.storage | usage.copyDst);
  }

  /** Reserves `n` values and returns their offset. */
  reserve(n: number): number {
    const offset = this.#used;
    this.#used += n;
    if (this.#used > this.#values.length) {
      const larger = new Float32Array(Math.max(this.#used, this.#values.length * 2));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#dirty = true;
    return offset;
  }

  /** The `n` values at `offset`, to read. */
  get(offset: number, n: number): Float32Array {
    return this.#values.subarray(offset, offset + n);
  }

  /** Writes reserved values. */
  set(offset: number, values: Float32Array): void {
    this.#values.set(values, offset);
    this.#dirty = true;
  }

  /** Offset of the values that `make` computes when `key` is first requested. */
  derive(key: string, make: () => Float32Array): number {
    let offset = this.#derived.get(key);
    if (offset === undefined) {
      const values = make();
      offset = this.reserve(values.length);
      this.set(offset, values);
      this.#derived.set(key, offset);
    }
    return offset;
  }

  /** The buffer, with all values uploaded. */
  async upload(): Promise<GPUBuffer> {
    if (this.#dirty) {
      await this.#gpu.grow(Math.max(this.#used, 4) * 4);
      this.#device.gpu.queue.writeBuffer(this.#gpu.buffer, 0, this.#values, 0, this.#used);
      this.#dirty = false;
    }
    return this.#gpu.buffer;
  }
}
