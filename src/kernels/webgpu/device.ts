/**
 * @file The device: adapter, features, limits, accounting of memory, and device loss.
 */
import { GpuDeviceLostError, GpuError, GpuOutOfMemoryError, GpuUnavailableError, mebibytes } from './errors.ts';
import { findGpu, holdGpu, withGpu } from './gpu.ts';

/** Features that are used if available. Each is optional: results are the same without it. */
const wantedFeatures = ['shader-f16', 'timestamp-query', 'subgroups', 'chromium-experimental-subgroup-matrix'];

/** Limits that are raised to those of the adapter. */
const raisedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/** How to find a device. */
export interface DeviceOptions {
  /** The source of adapters. Default: `navigator.gpu`, in Node the package `webgpu`. */
  readonly gpu?: GPU;
  /** An existing adapter. The caller keeps its `GPU` alive. */
  readonly adapter?: GPUAdapter;
  /**
   * An existing device, which the caller owns and destroys. Give `adapter` too, from which the device was made, so that more is known about
   * it.
   */
  readonly device?: GPUDevice;
  /** Which adapter to prefer if there are several. Default `high-performance`. */
  readonly powerPreference?: GPUPowerPreference;
  /** Limit of GPU memory in bytes. Default: what the adapter provides. */
  readonly memoryBudget?: number;
  /** Limit of one binding in bytes, below the adapter's. For drivers that report wrong limits, and to test splitting. */
  readonly maxBindingSize?: number;
}

/** A device, with accounting of the memory that this backend holds on it. */
export class Device {
  readonly gpu: GPUDevice;
  readonly limits: GPUSupportedLimits;
  /** Maximum bytes of one binding, and so of one part of a weight. */
  readonly maxBindingSize: number;
  readonly features: GPUSupportedFeatures;
  readonly adapterInfo: GPUAdapterInfo;
  /** Releases the `GPU` object of a device that was made here. */
  readonly #releaseGpu: (() => void) | undefined;
  readonly #budget: number;
  readonly #buffers = new Set<GPUBuffer>();
  readonly #pending = new Set<Promise<unknown>>();
  #held = 0;
  #lost: GpuDeviceLostError | undefined;
  #fault: GpuError | undefined;

  /** @param releaseGpu called when the device is no longer in use; given for devices that `dispose` destroys */
  constructor(gpu: GPUDevice, adapterInfo: GPUAdapterInfo, options: DeviceOptions = {}, releaseGpu?: () => void) {
    this.gpu = gpu;
    this.limits = gpu.limits;
    this.features = gpu.features;
    this.adapterInfo = adapterInfo;
    this.#releaseGpu = releaseGpu;
    this.#budget = options.memoryBudget ?? Number.POSITIVE_INFINITY;
    const { maxStorageBufferBindingSize, maxBufferSize } = gpu.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    this.maxBindingSize = Math.min(options.maxBindingSize ?? most, most);
    gpu.lost.then(({ message }) => {
      this.#lost ??= new GpuDeviceLostError(`the GPU device was lost: ${message || 'no reason given'}`);
    });
    gpu.addEventListener('uncapturederror', this.#onError);
  }

  /** Whether the device is lost. */
  get lost(): boolean {
    return this.#lost !== undefined;
  }

  /** Bytes of GPU memory that this backend holds. */
  get held(): number {
    return this.#held;
  }

  /**
   * Throws the error that happened since the last call, if any.
   * @throws GpuDeviceLostError | GpuError
   */
  assertAlive(): void {
    if (this.#lost !== undefined) throw this.#lost;
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault !== undefined) throw fault;
  }

  /** @throws GpuOutOfMemoryError when `size` more bytes would exceed the budget */
  assertFits(what: string, size: number): void {
    if (this.#held + size > this.#budget) {
      throw new GpuOutOfMemoryError(
        `${what} needs ${mebibytes(size)} of GPU memory; ${mebibytes(this.#held)} of a budget of ${mebibytes(this.#budget)} are in use`,
        size,
        this.#held,
      );
    }
  }

  /**
   * A buffer of at least `size` bytes, counted until `release`.
   * @throws GpuOutOfMemoryError with the sizes, when the budget or the adapter's memory is exhausted
   */
  async buffer(what: string, size: number, usageFlags: number): Promise<GPUBuffer> {
    this.assertAlive();
    const bytes = Math.max(16, Math.ceil(size / 16) * 16);
    this.assertFits(what, bytes);
    if (bytes > this.limits.maxBufferSize) {
      throw new GpuOutOfMemoryError(
        `${what} needs a buffer of ${mebibytes(bytes)}, but this adapter allows ${mebibytes(this.limits.maxBufferSize)}`,
        bytes,
        this.#held,
      );
    }
    this.gpu.pushErrorScope('out-of-memory');
    const buffer = this.gpu.createBuffer({ label: what, size: bytes, usage: usageFlags });
    this.#buffers.add(buffer);
    this.#held += bytes;
    const error = await this.settles(this.gpu.popErrorScope());
    if (error !== null) {
      this.release(buffer);
      throw new GpuOutOfMemoryError(
        `not enough GPU memory for ${what} (${mebibytes(bytes)}; this backend holds ${mebibytes(this.#held)}): ${error.message}`,
        bytes,
        this.#held,
      );
    }
    return buffer;
  }

  /** Frees a buffer. May be called twice. */
  release(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#held -= buffer.size;
    buffer.destroy();
  }

  /** Every WebGPU promise passes through here: the `GPU` object must outlive all of them, even after `dispose`. */
  async settles<T>(promise: Promise<T>): Promise<T> {
    this.#pending.add(promise);
    try {
      return await promise;
    } finally {
      this.#pending.delete(promise);
    }
  }

  /** Replaces the error of an awaited WebGPU call by its cause. */
  async explain(cause: unknown): Promise<unknown> {
    // The `lost` promise may settle one turn after the call that failed because of the loss.
    await Promise.race([this.gpu.lost, new Promise((resolve) => setTimeout(resolve, 20))]);
    return this.#lost ?? cause;
  }

  /** Frees all memory, and the device itself if it was made here. */
  dispose(): void {
    this.gpu.removeEventListener('uncapturederror', this.#onError);
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#held = 0;
    this.#lost ??= new GpuDeviceLostError('this backend has been disposed');
    if (this.#releaseGpu === undefined) return;
    this.gpu.destroy();
    Promise.allSettled([...this.#pending, this.gpu.lost]).then(this.#releaseGpu);
  }

  readonly #onError = (event: Event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    event.preventDefault();
    this.#fault ??= new GpuError(`the GPU reported an error: ${error.message}`);
  };
}

/**
 * Asks for an adapter and a device with every useful feature and the adapter's own limits.
 * @throws GpuUnavailableError when there is none
 */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  if (options.device !== undefined) {
    // Dawn reports the shapes of subgroup matrices only on the adapter.
    return new Device(options.device, options.adapter?.info ?? options.device.adapterInfo, options);
  }
  if (options.adapter !== undefined) return makeDevice(options.adapter, options, () => {});
  const gpu = options.gpu ?? (await findGpu());
  const release = holdGpu(gpu);
  try {
    return await makeDevice(await requestAdapter(gpu, options), options, release);
  } catch (error) {
    release();
    throw error;
  }
}

async function makeDevice(adapter: GPUAdapter, options: DeviceOptions, releaseGpu: () => void): Promise<Device> {
  const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature)) as GPUFeatureName[];
  const requiredLimits = Object.fromEntries(raisedLimits.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ label: 'gguf-embed', requiredFeatures, requiredLimits });
  return new Device(device, adapter.info, options, releaseGpu);
}

/**
 * Information about the adapter that a backend would use.
 * @throws GpuUnavailableError when there is none
 */
export function findAdapterInfo(): Promise<GPUAdapterInfo> {
  return withGpu(async (gpu) => (await requestAdapter(gpu, {})).info);
}

async function requestAdapter(gpu: GPU, { powerPreference = 'high-performance' }: DeviceOptions): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (adapter === null) {
    throw new GpuUnavailableError(
      'WebGPU found no adapter: a GPU driver with Vulkan, Metal or Direct3D 12 is needed (in a container also its Vulkan files)',
    );
  }
  return adapter;
}

/** One line about an adapter: vendor, architecture, name. */
export function describeAdapter({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  const parts = [vendor, architecture, description || device].filter((part) => part !== '');
  return parts.length > 0 ? parts.join(' · ') : 'unknown adapter';
}
