/**
 * @file Opens the GPU that is measured: Dawn from beside this file or from where it is installed, every feature, full limits.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { requestDevice } from './request-device.mjs';

/** Dawn, as the package `webgpu` has it. */
export async function loadDawn() {
  let entry;
  try {
    entry = createRequire(import.meta.url).resolve('webgpu');
  } catch (cause) {
    const command = 'npm install --no-save --save-dev webgpu@0.6.2';
    throw new Error(`the package webgpu is not installed: ${command}`, { cause });
  }
  return import(pathToFileURL(entry).href);
}

/** The device, its adapter's description, and Dawn's object, which must stay alive. */
export async function openGpu() {
  const dawn = await loadDawn();
  // Timestamps are rounded to 100 µs unless told otherwise.
  const options = ['enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia'];
  options.push('disable-dawn-features=timestamp_quantization');
  if (process.platform === 'linux') options.unshift('backend=vulkan');
  const gpu = dawn.create(options);
  return { gpu, ...(await requestDevice(gpu)) };
}

/** What the adapter says of itself, for the results. */
export function describe(adapter) {
  const { vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize } = adapter.info;
  const matrices = adapter.info.subgroupMatrixConfigs ?? [];
  return {
    vendor,
    architecture,
    device,
    description,
    subgroups: [subgroupMinSize, subgroupMaxSize],
    subgroupMatrices: Array.from(matrices, ({ componentType, resultComponentType, M, N, K }) => {
      return `${componentType} ${M}x${N}x${K} -> ${resultComponentType}`;
    }),
    features: [...adapter.features].sort(),
    maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize: adapter.limits.maxComputeWorkgroupStorageSize,
  };
}
