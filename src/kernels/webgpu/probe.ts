/**
 * @file Finds out whether there is a real GPU. It runs at every start with `backend: 'auto'`, so it imports almost nothing.
 */
import { withGpu } from './gpu.ts';

/** Adapters that compute on the CPU: Mesa's llvmpipe and lavapipe, Chromium's SwiftShader, Windows' WARP. */
const software = /llvmpipe|lavapipe|swiftshader|basic render|\bwarp\b/i;

/** Whether an adapter computes on the CPU: correct, but slower than the wasm backend. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  const { vendor, architecture, device, description, isFallbackAdapter } = info;
  return isFallbackAdapter === true || software.test(`${vendor} ${architecture} ${device} ${description}`);
}

/** True only if WebGPU gives a hardware adapter. Never throws. */
export async function hasRealGpu(): Promise<boolean> {
  try {
    return await withGpu(async (gpu) => {
      const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
      return adapter !== null && !isSoftware(adapter.info);
    });
  } catch {
    return false;
  }
}
