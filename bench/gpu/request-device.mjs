/** @file A device with every feature and limit that the measured kernels use. Works in Node and in browsers. */

const wanted = ['shader-f16', 'timestamp-query', 'subgroups', 'chromium-experimental-subgroup-matrix'];
const limits = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeWorkgroupStorageSize'];
limits.push('maxComputeInvocationsPerWorkgroup', 'maxComputeWorkgroupSizeX');

/** @returns the adapter and its device; @throws Error if there is no adapter */
export async function requestDevice(gpu) {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new Error('no WebGPU adapter: is there a Vulkan driver?');
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter((name) => adapter.features.has(name)),
    requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
  });
  return { adapter, device };
}
