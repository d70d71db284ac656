/**
 * @file Decides how a team divides its batches, from how long this machine takes for each kind of work. A team begins with what an earlier
 * one of this process has measured. It measures again from time to time, since other programs come and go.
 */
import type { MachineCosts, WasmSetup } from '../../kernels/wasm/index.ts';
import type { Precision } from '../../tensor/backend.ts';
import type { TeamCosts } from './team-methods.ts';

/** The number of the batch before which a team is measured first: the first vectors do not wait for it, and the code that is measured is warm. */
export const firstMeasured = 16;
/** Then whenever the number of batches has doubled, up to this distance. */
const measuredEvery = 4096;
/** The least costs of so many measurements count, so that one in a bad moment decides nothing. */
const nRemembered = 3;

/** The last measurements, by the number of threads and the precision. */
const measurements = new Map<string, readonly MachineCosts[]>();

/** Whether the machine is measured before batch number `n`, counted from 1. */
export function isMeasuredBefore(n: number): boolean {
  if (n >= measuredEvery) return n % measuredEvery === 0;
  return n >= firstMeasured && (n & (n - 1)) === 0;
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
  const { leastCosts, setThresholds, thresholdsFor } = await import('../../kernels/wasm/index.ts');
  const key = `${setup.nThreads} ${precision}`;
  const before = measurements.get(key) ?? [];
  const known = isFirst && before.length > 0 ? leastCosts(before) : undefined;
  const { costs } = await measure(known);
  if (costs === undefined) return;
  const last = known === undefined ? [...before, costs.machine].slice(-nRemembered) : before;
  measurements.set(key, last);
  setThresholds(setup, thresholdsFor(leastCosts(last), costs.model, setup.nThreads));
}
