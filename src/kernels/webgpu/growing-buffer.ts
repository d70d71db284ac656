/**
 * @file A GPU buffer that is replaced by a larger one when it gets too small.
 */
import type { Device } from './device.ts';

/** Keeps one buffer at least as large as was ever asked for. */
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

  /** The buffer as it is now. */
  get buffer(): GPUBuffer {
    return this.#buffer!;
  }

  /**
   * Makes room for `size` bytes. Contents are lost when that takes a new buffer.
   * @param options.most never become larger than this for the sake of growing less often
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

  /** Gives the memory back. */
  dispose(): void {
    if (this.#buffer !== undefined) this.#device.release(this.#buffer);
    this.#buffer = undefined;
  }
}
