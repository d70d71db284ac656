/**
 * @file A GPU buffer that is replaced by a larger one when it becomes too small.
 */
import type { Device } from './device.ts';

/** Keeps one buffer that is at least as large as the largest request. */
export class GrowingBuffer {
  readonly #device: Device;
  readonly #what: string;
  readonly #usage: number;
  #buffer: GPUBuffer | undefined;

  /** @param what its name in messages about memory */
  constructor(device: Device, what: string, usageFlags: number) {
    this.#device = device;
    this.#what = what;
    this.#usage = usageFlags;
  }

  /** The current buffer. */
  get buffer(): GPUBuffer {
    return this.#buffer!;
  }

  /**
   * Makes room for `size` bytes. If that needs a new buffer, contents are lost.
   * @param options.most upper limit for growing beyond `size`
   * @throws GpuOutOfMemoryError
   */
  async grow(size: number, options: { most?: number } = {}): Promise<void> {
    const old = this.#buffer;
    if (old !== undefined && old.size >= size) return;
    const roomy = Math.min(Math.max(size, (old?.size ?? 0) * 1.5), options.most ?? Number.POSITIVE_INFINITY);
    this.dispose();
    this.#buffer = await this.#make(roomy).catch((error) => {
      if (roomy === size) throw error;
      return this.#make(size);
    });
  }

  #make(size: number): Promise<GPUBuffer> {
    return this.#device.buffer(this.#what, size, this.#usage);
  }

  /** Frees the memory. */
  dispose(): void {
    if (this.#buffer !== undefined) this.#device.release(this.#buffer);
    this.#buffer = undefined;
  }
}
