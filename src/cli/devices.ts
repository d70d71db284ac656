/**
 * @file `--list-devices`: what can compute here.
 */
import { availableParallelism, cpus } from 'node:os';
import { findGpu } from '../kernels/webgpu/gpu.ts';
import { isSoftware } from '../kernels/webgpu/probe.ts';
import { write } from './write.ts';

/** Prints a line for each backend. */
export async function listDevices(): Promise<void> {
  const cpu = `${cpus()[0]?.model.trim() ?? 'CPU'}, ${availableParallelism()} threads`;
  await write(`webgpu     ${await describeGpu()}\nwasm       ${cpu}\nreference  one thread, for comparison\n`);
}

async function describeGpu(): Promise<string> {
  try {
    const adapter = await (await findGpu()).requestAdapter({ powerPreference: 'high-performance' });
    if (adapter === null) return 'not available: no adapter';
    const { vendor, architecture, device, description } = adapter.info;
    const names = [vendor, architecture, device, description].filter((name) => name !== '');
    return `${names.join(' ')}${isSoftware(adapter.info) ? ' (software: auto does not choose it)' : ''}`;
  } catch (error) {
    return `not available: ${(error as Error).message}`;
  }
}
