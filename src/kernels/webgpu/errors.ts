/**
 * @file The errors of the GPU. Each class has a message that says what to do.
 */

/** Any failure of the WebGPU backend. */
export class GpuError extends Error {
  override name = 'GpuError';
}

/** There is no adapter, or WebGPU is missing. */
export class GpuUnavailableError extends GpuError {
  override name = 'GpuUnavailableError';
}

/** The device was lost (driver reset, unplugged, timeout) with all its contents; a new backend is needed. */
export class GpuDeviceLostError extends GpuError {
  override name = 'GpuDeviceLostError';
}

/** Not enough memory: on the adapter, or in the budget that the user set. */
export class GpuOutOfMemoryError extends GpuError {
  override name = 'GpuOutOfMemoryError';
  /** Bytes that were requested. */
  readonly requested: number;
  /** Bytes already held by this backend. */
  readonly held: number;

  constructor(message: string, requested: number, held: number, options?: ErrorOptions) {
    super(message, options);
    this.requested = requested;
    this.held = held;
  }
}

/** A shader that the adapter's compiler rejects: a defect of this package, or of the driver. */
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
