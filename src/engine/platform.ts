/**
 * @file What the engine needs to know about the runtime: shared memory, GPU, file system.
 */
import { builtin, nodeProcess } from '../workers/index.ts';

/** The path of a `file:` URL. */
export function filePath(url: URL): string {
  return builtin('node:url')?.fileURLToPath(url) ?? decodeURIComponent(url.pathname);
}

/** Whether memory can be shared between workers (browsers need the page to be cross-origin isolated). */
export function canShareMemory(): boolean {
  return typeof SharedArrayBuffer === 'function' && globalThis.crossOriginIsolated !== false;
}

/** What drivers of GPUs on Linux make in `/dev`: the folder of DRM, and the devices of NVIDIA, WSL, Adreno, Mali and PowerVR. */
const gpuDevice = /^(dri|nvidia|nvhost|nvmap|dxg|kgsl|mali|pvr)/;

/**
 * Whether there can be a real GPU. Linux without such a device has none, and loading WebGPU would take 40 ms of a start to find Mesa's
 * adapter, which computes on the CPU.
 * @param names the names in `/dev`
 */
export function canHaveGpu(platform = nodeProcess?.platform, names = namesOfDevices): boolean {
  if (platform !== 'linux' || (names()?.some((name) => gpuDevice.test(name)) ?? true)) return true;
  return (globalThis.navigator as { gpu?: unknown } | undefined)?.gpu !== undefined;
}

function namesOfDevices(): readonly string[] | undefined {
  try {
    return builtin('node:fs')?.readdirSync('/dev');
  } catch {
    return undefined;
  }
}

/** Whether there is a file system with Node's API: in Node, Deno and Bun. */
export function hasFiles(): boolean {
  return nodeProcess?.versions?.node !== undefined;
}
