/**
 * @file What can go wrong on a GPU, each as an error of its own that says what to do.
 */

/** Any failure of the WebGPU backend. */
export class GpuError extends Error {
  override name = 'GpuError';
}

/** There is no adapter, or no WebGPU at all. */
export class GpuUnavailableError extends GpuError {
  override name = 'GpuUnavailableError';
}

/** The device is gone (driver reset, unplugged, timeout). Everything on it is lost; a new backend must be made. */
export class GpuDeviceLostError extends GpuError {
  override name = 'GpuDeviceLostError';
}

/** Not enough memory: the adapter's, or the budget that the user gave. */
export class GpuOutOfMemoryError extends GpuError {
  override name = 'GpuOutOfMemoryError';
  /** Bytes that were asked for. */
  readonly requested: number;
  /** Bytes already held by this backend. */
  readonly held: number;

  constructor(message: string, requested: number, held: number, options?: ErrorOptions) {
    super(message, options);
    this.requested = requested;
    this.held = held;
  }
}

/** A shader that the adapter's compiler refuses: a defect of this package, or of the driver. */
export class GpuShaderError extends GpuError {
  override name = 'GpuShaderError';
  /** Kernel and variant. */
  readonly kernel: string;

  constructor(kernel: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kernel = kernel;
  }
}

const mebi = 1024 * 1024;

/** `12.3 MiB`, for messages. */
export function mebibytes(bytes: number): string {
  return `${(bytes / mebi).toFixed(1)} MiB`;
}
