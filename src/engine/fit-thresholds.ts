/**
 * @file Fits how a team divides its batches to what the machine costs: first as it was measured before in this process, then anew from time to
 * time, since other work on the machine comes and goes.
 */
import type { MachineCosts, WasmSetup } from '../kernels/wasm/index.ts';
import type { Precision } from '../tensor/backend.ts';
import type { TeamCosts } from './team-methods.ts';

/** The number of the batch before which a team is measured first: the first vectors do not wait for it, and the code that is measured is warm. */
export const firstMeasured = 16;
const measuredEvery = 4096;

/** By the number of threads and the precision. */
const machineCosts = new Map<string, MachineCosts>();

/** Whether the machine is measured before batch number `n`, counted from 1. */
export function isMeasuredBefore(n: number): boolean {
  return n % measuredEvery === firstMeasured;
}

/**
 * Sets when and how the workers of `setup` divide batches. No batch may be under way.
 * @param measure asks all workers and returns what rank 0 has answered
 * @param isFirst whether what another team of this process has measured is good enough
 */
export async function fitThresholds(
  setup: WasmSetup,
  precision: Precision,
  isFirst: boolean,
  measure: (known: MachineCosts | undefined) => Promise<TeamCosts>,
): Promise<void> {
  const { setThresholds, thresholdsFor } = await import('../kernels/wasm/index.ts');
  const key = `${setup.nThreads} ${precision}`;
  const { costs } = await measure(isFirst ? machineCosts.get(key) : undefined);
  if (costs === undefined) return;
  machineCosts.set(key, costs.machine);
  setThresholds(setup, thresholdsFor(costs.machine, costs.model, setup.nThreads));
}
