/**
 * @file Whether there is a GPU that is worth using without being asked: one that is not drawn in software.
 */
import { findGpu } from '../kernels/webgpu/gpu.ts';

/** Words in the names of adapters that run on the CPU: Mesa's, Google's and Microsoft's. */
const software = /llvmpipe|lavapipe|swiftshader|basic render|warp\b|software/i;

/** `false` also when there is no WebGPU at all; never throws. */
export async function hasRealGpu(): Promise<boolean> {
  try {
    const adapter = await (await findGpu()).requestAdapter();
    if (adapter === null) return false;
    const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
    return !isFallbackAdapter && !software.test([vendor, architecture, device, description].join(' '));
  } catch {
    return false;
  }
}
