/**
 * @file Expands quantised weights to f16 on the GPU while they are loaded.
 */
import type { Device } from './device.ts';
import { usage } from './gpu.ts';
import { grid, paramBytes } from './kernel.ts';
import type { Loader } from './loaders/index.ts';
import type { Pipelines } from './pipelines.ts';
import { expand } from './shaders/expand.wgsl.ts';
import type { bodiesAndHeads } from './upload.ts';

/** Where expanded values go. */
interface Target {
  /** A buffer in the layout of the type F16. */
  readonly buffer: GPUBuffer;
  /** The first of the values in it, a multiple of eight. */
  readonly first: number;
}

/** Runs the kernels that expand. */
export class Expander {
  readonly #device: Device;
  readonly #pipelines: Pipelines;

  constructor(device: Device, pipelines: Pipelines) {
    this.#device = device;
    this.#pipelines = pipelines;
  }

  /**
   * Expands `nValues` values of whole blocks.
   * @param grid what the loader looks values up in
   * @throws GpuOutOfMemoryError without room for the blocks
   */
  async expand(
    loader: Loader,
    { bodies, heads }: ReturnType<typeof bodiesAndHeads>,
    table: GPUBuffer | undefined,
    nValues: number,
    target: Target,
  ): Promise<void> {
    const { gpu } = this.#device;
    const kernel = expand(loader.type);
    const pipeline = await this.#pipelines.compile(kernel);
    const made: GPUBuffer[] = [];
    const filled = async (bytes: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>, kind: number) => {
      const buffer = await this.#device.buffer('blocks to expand', bytes.byteLength, kind | usage.copyDst);
      made.push(buffer);
      gpu.queue.writeBuffer(buffer, 0, bytes);
      return buffer;
    };
    try {
      const n = nValues / 8;
      const params = Uint32Array.from({ length: paramBytes / 4 }, (_, i) => [n, target.first / 8][i] ?? 0);
      const unused = await filled(new Uint32Array(4), usage.storage);
      const common = [target.buffer, await filled(params, usage.uniform), unused, unused];
      const blocks = [
        await filled(bodies, usage.storage),
        ...(loader.headBytes > 0 ? [await filled(heads, usage.storage)] : []),
        ...(table === undefined ? [] : [table]),
      ];
      const entries = (buffers: readonly GPUBuffer[]) =>
        buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, gpu.createBindGroup({ layout: this.#pipelines.common, entries: entries(common) }), [0]);
      const layout = this.#pipelines.weights(blocks.length);
      pass.setBindGroup(1, gpu.createBindGroup({ layout, entries: entries(blocks) }));
      pass.dispatchWorkgroups(...grid(Math.ceil(n / 64)));
      pass.end();
      gpu.queue.submit([encoder.finish()]);
    } finally {
      for (const buffer of made) this.#device.release(buffer);
    }
  }
}
