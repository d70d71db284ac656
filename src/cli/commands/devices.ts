/**
 * @file `--list-devices`: the backends and GPUs of this machine.
 */
import { cpus } from 'node:os';
import { cpuCount } from '../../engine/cpu-count.ts';
import { describeAdapter } from '../../kernels/webgpu/device.ts';
import { mebibytes } from '../../kernels/webgpu/errors.ts';
import { withGpu } from '../../kernels/webgpu/gpu.ts';
import { isSoftware } from '../../kernels/webgpu/probe.ts';
import { write } from '../output/write.ts';

/** Indentation of the lines below the name of an adapter. */
const INDENT = `\n${' '.repeat(11)}`;

/** Prints each GPU adapter with its features and limits, then a line for each other backend. */
export async function listDevices(): Promise<void> {
  const cpu = `${cpus()[0]?.model.trim() ?? 'CPU'}, ${cpuCount()} threads`;
  const gpus = (await describeGpus()).map((text) => `webgpu     ${text}\n`).join('');
  await write(`${gpus}wasm       ${cpu}\nreference  one thread, for comparison\n`);
}

async function describeGpus(): Promise<string[]> {
  try {
    const found = new Set<string>();
    await withGpu(async (gpu) => {
      for (const powerPreference of ['high-performance', 'low-power'] as const) {
        const adapter = await gpu.requestAdapter({ powerPreference });
        if (adapter !== null) found.add(describe(adapter));
      }
    });
    return found.size > 0
      ? [...found]
      : ['not available: no adapter (install a driver with Vulkan, Metal or Direct3D 12)'];
  } catch (error) {
    return [`not available: ${(error as Error).message}`];
  }
}

function describe({ info, features, limits }: GPUAdapter): string {
  const {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup,
  } = limits;
  return [
    `${describeAdapter(info)}${isSoftware(info) ? ' (software: auto does not choose it)' : ''}`,
    `features: ${[...features].sort().join(', ') || 'none'}`,
    `limits: buffer ${mebibytes(maxBufferSize)}, binding ${mebibytes(maxStorageBufferBindingSize)}, workgroup memory ${maxComputeWorkgroupStorageSize / 1024} KiB, ${maxComputeInvocationsPerWorkgroup} threads a workgroup`,
    ...subgroups(info),
  ].join(INDENT);
}

function subgroups({ subgroupMinSize, subgroupMaxSize }: GPUAdapterInfo): string[] {
  if (subgroupMinSize === undefined || subgroupMaxSize === undefined) return [];
  const sizes = subgroupMinSize === subgroupMaxSize ? subgroupMaxSize : `${subgroupMinSize} to ${subgroupMaxSize}`;
  return [`subgroups: of ${sizes} threads`];
}
