/**
 * @file WebGPU's numeric constants, and how to get a `GPU` object: `navigator.gpu` in browsers and Deno, Dawn in Node.
 *
 * The constants are spelled out because Node has no `GPUBufferUsage` global.
 */
import { GpuUnavailableError } from './errors.ts';

/** `GPUBufferUsage` */
export const usage = {
  mapRead: 0x1,
  copySrc: 0x4,
  copyDst: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

/** `GPUMapMode.READ` */
export const mapModeRead = 1;
/** `GPUShaderStage.COMPUTE` */
export const stageCompute = 4;

/**
 * The `GPU` objects in use. Dawn frees its instance when the garbage collector frees the `GPU` object. Using an adapter, device or promise
 * of that instance afterwards ends the process with a segmentation fault.
 */
const inUse = new Set<GPU>();

/** Keeps `gpu` alive until the returned function is called. */
export function holdGpu(gpu: GPU): () => void {
  inUse.add(gpu);
  return () => void inUse.delete(gpu);
}

/** Finds a `GPU` and keeps it alive until the promise that `use` returns has settled. */
export async function withGpu<T>(use: (gpu: GPU) => Promise<T>): Promise<T> {
  const gpu = await findGpu();
  const release = holdGpu(gpu);
  try {
    return await use(gpu);
  } finally {
    release();
  }
}

/** `navigator.gpu` if it exists, else Dawn in Node. Use it through `holdGpu`, or call `withGpu`. */
export async function findGpu(): Promise<GPU> {
  const { navigator, process } = globalThis as {
    navigator?: { gpu?: GPU };
    process?: { versions?: { node?: string } };
  };
  if (navigator?.gpu !== undefined) return navigator.gpu;
  if (process?.versions?.node !== undefined) return (await import('./dawn.node.ts')).loadDawn();
  throw new GpuUnavailableError(
    'this runtime has no navigator.gpu: use a browser with WebGPU (on a secure page: https or localhost), or Deno with --unstable-webgpu',
  );
}
