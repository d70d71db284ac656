import type { WebGpuBackend, WebGpuOptions } from '../../src/kernels/webgpu/index.ts';

export const nullOptions: string[];
export function layerBytes(
  gpu: GPU,
  createWebGpuBackend: (options: WebGpuOptions) => Promise<WebGpuBackend>,
  types: unknown,
  shape: unknown,
  options: Pick<WebGpuOptions, 'precision' | 'strategy'> & { readonly type: string },
): Promise<Map<string, number>>;
