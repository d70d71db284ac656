/**
 * @file WebGPU's numeric constants, and where to get a `GPU` object: `navigator.gpu` in browsers and Deno, Dawn in Node.
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

/** `navigator.gpu` where there is one, else Dawn if this is Node. */
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
