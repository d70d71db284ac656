/**
 * @file Copies values from GPU memory to typed arrays.
 */
import type { Device } from './device.ts';
import { mapModeRead, usage } from './gpu.ts';
import type { GpuTensor } from './tensor.ts';

/** Copies tensors into mappable buffers and keeps those for reuse. */
export class Readback {
  readonly #device: Device;
  readonly #idle: GPUBuffer[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  /**
   * Records the copies of `views` out of `memory`. Call the returned function after the submit: it waits for the values. Whole rows of the
   * slab are copied; the columns of a view are selected afterwards.
   */
  async copy(
    encoder: GPUCommandEncoder,
    memory: GPUBuffer,
    views: readonly GpuTensor[],
  ): Promise<() => Promise<Float32Array[]>> {
    const bytes = views.reduce((sum, { slab }) => sum + slab.size * 4, 0);
    const staging = await this.#staging(bytes);
    let at = 0;
    for (const { slab } of views) {
      encoder.copyBufferToBuffer(memory, slab.offset! * 4, staging, at, slab.size * 4);
      at += slab.size * 4;
    }
    return () => this.#values(staging, bytes, views);
  }

  /** Frees the buffers. */
  dispose(): void {
    for (const buffer of this.#idle.splice(0)) this.#device.release(buffer);
  }

  async #values(staging: GPUBuffer, bytes: number, views: readonly GpuTensor[]): Promise<Float32Array[]> {
    try {
      await this.#device.settles(staging.mapAsync(mapModeRead, 0, bytes));
    } catch (cause) {
      this.#device.release(staging);
      throw await this.#device.explain(cause);
    }
    const all = new Float32Array(staging.getMappedRange(0, bytes));
    let at = 0;
    const values = views.map((view) => {
      const slab = all.subarray(at, at + view.slab.size);
      at += view.slab.size;
      return rows(slab, view);
    });
    staging.unmap();
    this.#idle.push(staging);
    return values;
  }

  async #staging(bytes: number): Promise<GPUBuffer> {
    const at = this.#idle.findIndex(({ size }) => size >= bytes);
    if (at >= 0) return this.#idle.splice(at, 1)[0];
    const small = this.#idle.pop();
    if (small !== undefined) this.#device.release(small);
    return this.#device.buffer('values to read', bytes, usage.mapRead | usage.copyDst);
  }
}

/** The values of a view, row-major, in newly allocated memory. */
function rows(slab: Float32Array, { rows: n, cols, start, stride }: GpuTensor): Float32Array {
  if (start === 0 && stride === cols) return slab.slice(0, n * cols);
  const values = new Float32Array(n * cols);
  for (let r = 0; r < n; r++) values.set(slab.subarray(start + r * stride, start + r * stride + cols), r * cols);
  return values;
}
