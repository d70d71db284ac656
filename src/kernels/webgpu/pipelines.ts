/**
 * @file Compiled kernels and bind group layouts, each made once for a device.
 */
import type { Device } from './device.ts';
import { GpuShaderError } from './errors.ts';
import { stageCompute } from './gpu.ts';
import { type Kernel, paramBytes } from './kernel.ts';

/** Compiles kernels and keeps the pipelines. */
export class Pipelines {
  /** Layout of bind group 0 (see `kernel.ts`). */
  readonly common: GPUBindGroupLayout;
  readonly #device: Device;
  readonly #weights: GPUBindGroupLayout[] = [];
  readonly #layouts: GPUPipelineLayout[] = [];
  readonly #ready = new Map<Kernel, GPUComputePipeline>();
  readonly #pending = new Map<Kernel, Promise<GPUComputePipeline>>();

  constructor(device: Device) {
    this.#device = device;
    this.common = device.gpu.createBindGroupLayout({
      label: 'common',
      entries: [
        { binding: 0, visibility: stageCompute, buffer: { type: 'storage' } },
        {
          binding: 1,
          visibility: stageCompute,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: paramBytes },
        },
        { binding: 2, visibility: stageCompute, buffer: { type: 'read-only-storage' } },
        { binding: 3, visibility: stageCompute, buffer: { type: 'read-only-storage' } },
      ],
    });
  }

  /** Layout of bind group 1 with `n` buffers. */
  weights(n: number): GPUBindGroupLayout {
    return (this.#weights[n] ??= this.#device.gpu.createBindGroupLayout({
      label: `${n} weight buffers`,
      entries: Array.from({ length: n }, (_, binding) => ({
        binding,
        visibility: stageCompute,
        buffer: { type: 'read-only-storage' },
      })),
    }));
  }

  /** The pipeline of `kernel`, if it has been compiled. */
  get(kernel: Kernel): GPUComputePipeline | undefined {
    return this.#ready.get(kernel);
  }

  /**
   * Compiles `kernel` unless that has been done.
   * @throws GpuShaderError with the kernel's name and the line that the compiler rejects
   */
  compile(kernel: Kernel): Promise<GPUComputePipeline> {
    let pending = this.#pending.get(kernel);
    if (pending === undefined) {
      pending = this.#compile(kernel);
      this.#pending.set(kernel, pending);
    }
    return pending;
  }

  /** Whether this device's compiler accepts `kernel`. */
  compiles(kernel: Kernel): Promise<boolean> {
    return this.compile(kernel).then(
      () => true,
      (error) => {
        if (error instanceof GpuShaderError) return false;
        throw error;
      },
    );
  }

  async #compile(kernel: Kernel): Promise<GPUComputePipeline> {
    const { gpu } = this.#device;
    gpu.pushErrorScope('validation');
    const module = gpu.createShaderModule({ label: kernel.name, code: kernel.code });
    const scope = this.#device.settles(gpu.popErrorScope());
    const layout = (this.#layouts[kernel.nBindings] ??= gpu.createPipelineLayout({
      bindGroupLayouts: [this.common, ...(kernel.nBindings > 0 ? [this.weights(kernel.nBindings)] : [])],
    }));
    let pipeline: GPUComputePipeline | undefined;
    let cause: unknown;
    try {
      pipeline = await this.#device.settles(
        gpu.createComputePipelineAsync({ label: kernel.name, layout, compute: { module } }),
      );
    } catch (error) {
      cause = error;
    }
    const refused = await scope;
    if (pipeline === undefined || refused !== null) {
      this.#device.assertAlive();
      const { messages } = await this.#device.settles(module.getCompilationInfo());
      throw shaderError(kernel, messages, refused?.message ?? String(cause), cause);
    }
    this.#ready.set(kernel, pipeline);
    return pipeline;
  }
}

function shaderError(
  kernel: Kernel,
  messages: readonly GPUCompilationMessage[],
  message: string,
  cause: unknown,
): GpuShaderError {
  const first = messages.find(({ type }) => type === 'error');
  const text =
    first === undefined
      ? message
      : `${first.message}\n  line ${first.lineNum}: ${kernel.code.split('\n')[first.lineNum - 1]?.trim()}`;
  return new GpuShaderError(kernel.name, `kernel ${kernel.name} does not compile on this adapter: ${text}`, { cause });
}
