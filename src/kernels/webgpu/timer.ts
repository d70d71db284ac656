/**
 * @file Measures the time of each step on the GPU with timestamp queries, for the benchmark.
 */
import type { Device } from './device.ts';
import { GpuError } from './errors.ts';
import { mapModeRead, usage } from './gpu.ts';
import type { Dispatch, Step } from './tensor.ts';

/** The time of one launch. */
export interface Timing {
  readonly label: string;
  readonly kernel: string;
  /** The kernel's parameters that are not tensors: extents, options. */
  readonly values: Readonly<Record<string, number>>;
  readonly nanoseconds: number;
}

type Launch = Dispatch & { readonly step: Step };

/** Maximum launches in one submit: each needs two queries, and a query set holds 4096. */
const maxLaunches = 2048;

/** Puts every launch into its own pass, between two timestamps. */
export class Timer {
  readonly #device: Device;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;
  #launches: readonly Launch[] = [];

  private constructor(device: Device, resolved: GPUBuffer, readable: GPUBuffer) {
    this.#device = device;
    this.#queries = device.gpu.createQuerySet({ type: 'timestamp', count: maxLaunches * 2 });
    this.#resolved = resolved;
    this.#readable = readable;
  }

  /** @throws GpuError when the adapter has no timestamps */
  static async create(device: Device): Promise<Timer> {
    if (!device.features.has('timestamp-query')) throw new GpuError('this adapter has no timestamp queries');
    const bytes = maxLaunches * 16;
    const resolved = await device.buffer('timestamps', bytes, usage.queryResolve | usage.copySrc);
    return new Timer(device, resolved, await device.buffer('timestamps', bytes, usage.mapRead | usage.copyDst));
  }

  /** Encodes `launches`, each between two timestamps. */
  encode<L extends Launch>(
    encoder: GPUCommandEncoder,
    launches: readonly L[],
    encode: (pass: GPUComputePassEncoder, launch: L) => void,
  ): void {
    if (launches.length > maxLaunches) throw new GpuError(`at most ${maxLaunches} launches can be timed at once`);
    launches.forEach((launch, i) => {
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
      });
      encode(pass, launch);
      pass.end();
    });
    this.#launches = launches;
    encoder.resolveQuerySet(this.#queries, 0, launches.length * 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, launches.length * 16);
  }

  /** Times of the last encoded launches, in order. */
  async timings(): Promise<Timing[]> {
    const bytes = this.#launches.length * 16;
    await this.#device.settles(this.#readable.mapAsync(mapModeRead, 0, bytes));
    const ticks = new BigUint64Array(this.#readable.getMappedRange(0, bytes).slice(0));
    this.#readable.unmap();
    return this.#launches.map(({ step, kernel, values }, i) => ({
      label: step.label,
      kernel: kernel.name,
      values,
      nanoseconds: Number(ticks[2 * i + 1] - ticks[2 * i]),
    }));
  }

  /** Frees its memory. */
  dispose(): void {
    this.#queries.destroy();
    this.#device.release(this.#resolved);
    this.#device.release(this.#readable);
  }
}
