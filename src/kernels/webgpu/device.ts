/**
 * @file The device: adapter, features, limits, memory account, and what happens when it is lost.
 */
import { GpuDeviceLostError, GpuError, GpuOutOfMemoryError, GpuUnavailableError, mebibytes } from './errors.ts';
import { findGpu, holdGpu, withGpu } from './gpu.ts';

/** Features that are used when they are there. Each is optional: the answer is the same without it. */
const wantedFeatures = ['shader-f16', 'timestamp-query', 'subgroups', 'chromium-experimental-subgroup-matrix'];

/** Limits that are raised to what the adapter has. */
const raisedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/** How to find a device. */
export interface DeviceOptions {
  /** Where adapters come from. Default: `navigator.gpu`, in Node the package `webgpu`. */
  readonly gpu?: GPU;
  /** An adapter to use as it is; the caller keeps alive the `GPU` that it comes from. */
  readonly adapter?: GPUAdapter;
  /** A device to use as it is; the caller keeps it and destroys it. With `adapter`, which made it, more is known about it. */
  readonly device?: GPUDevice;
  /** Which adapter, if there are several. Default `high-performance`. */
  readonly powerPreference?: GPUPowerPreference;
  /** Most bytes of GPU memory to hold; default: as much as the adapter gives. */
  readonly memoryBudget?: number;
  /** Bind at most this many bytes at once, if the adapter allows more: for drivers that lie, and to test splitting. */
  readonly maxBindingSize?: number;
}

/** A device with an account of the memory that this backend holds on it. */
export class Device {
  readonly gpu: GPUDevice;
  readonly limits: GPUSupportedLimits;
  /** Most bytes of one binding, and so of one part of a weight. */
  readonly maxBindingSize: number;
  readonly features: GPUSupportedFeatures;
  readonly adapterInfo: GPUAdapterInfo;
  /** Lets the `GPU` object go that a device made here comes from. */
  readonly #releaseGpu: (() => void) | undefined;
  readonly #budget: number;
  readonly #buffers = new Set<GPUBuffer>();
  readonly #pending = new Set<Promise<unknown>>();
  #held = 0;
  #lost: GpuDeviceLostError | undefined;
  #fault: GpuError | undefined;

  /** @param releaseGpu called when nothing of the device is in use any more; given for devices that are destroyed on `dispose` */
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

  /** Whether the device is gone. */
  get lost(): boolean {
    return this.#lost !== undefined;
  }

  /** Bytes of GPU memory that this backend holds. */
  get held(): number {
    return this.#held;
  }

  /**
   * Throws what happened since the last call.
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
   * @throws GpuOutOfMemoryError with the sizes, when the budget or the adapter has no more
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
        `the GPU has no room for ${what} (${mebibytes(bytes)}; this backend holds ${mebibytes(this.#held)}): ${error.message}`,
        bytes,
        this.#held,
      );
    }
    return buffer;
  }

  /** Gives a buffer back. Safe to call twice. */
  release(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#held -= buffer.size;
    buffer.destroy();
  }

  /** Every promise of WebGPU's passes through here: the `GPU` object must outlive them all, `dispose` or not. */
  async settles<T>(promise: Promise<T>): Promise<T> {
    this.#pending.add(promise);
    try {
      return await promise;
    } finally {
      this.#pending.delete(promise);
    }
  }

  /** Turns the failure of an awaited WebGPU call into the reason behind it. */
  async explain(cause: unknown): Promise<unknown> {
    // The `lost` promise may settle a turn later than the call that failed because of it.
    await Promise.race([this.gpu.lost, new Promise((resolve) => setTimeout(resolve, 20))]);
    return this.#lost ?? cause;
  }

  /** Gives all memory back, and the device itself if it was made here. */
  dispose(): void {
    this.gpu.removeEventListener('uncapturederror', this.#onError);
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#held = 0;
    this.#lost ??= new GpuDeviceLostError('this backend was disposed of');
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
    // Dawn tells the shapes of subgroup matrices only on the adapter.
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
 * What the adapter that a backend would use says of itself.
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
