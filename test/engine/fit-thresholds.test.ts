/** @file When a team measures its machine, and what a team knows of what another one has measured. */
import { expect, it } from 'vitest';
import { firstMeasured, fitThresholds, isMeasuredBefore } from '../../src/engine/team/fit-thresholds.ts';
import type { TeamCosts } from '../../src/engine/team/team-methods.ts';
import { type MachineCosts, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { defaultThresholds, readThresholds } from '../../src/kernels/wasm/thresholds.ts';

const machine: MachineCosts = { barrier: 1000, wake: 5000, fewProducts: 91.8e-6, product: 11.7e-6 };
const model = { nWeights: 10.6e6, nMatrices: 36, unevenness: 1 };

it('a machine is measured before the 16th batch and from time to time, never before the first ones', () => {
  const measured = Array.from({ length: 10_000 }, (_, i) => i + 1).filter(isMeasuredBefore);
  expect(measured).toEqual([firstMeasured, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192]);
});

it('a measurement in a bad moment decides nothing once there is a better one, for as long as that is one of the last three', async () => {
  const setup = await prepareWasm({ nThreads: 7 });
  const good = { ...machine, barrier: 1, wake: 20 };
  const teams: number[] = [];
  for (const [i, measured] of [machine, good, machine, machine, machine].entries()) {
    await fitThresholds(setup, 'high', i === 0, async () => ({ costs: { machine: measured, model } }));
    teams.push(readThresholds(setup.memory).tokensPerWorker);
  }
  const { tokensPerWorker } = defaultThresholds;
  expect(teams.slice(1, 4)).toEqual([tokensPerWorker, tokensPerWorker, tokensPerWorker]);
  expect(teams[0]).toBeGreaterThan(tokensPerWorker);
  expect(teams[4]).toBe(teams[0]);
});

it('a team begins with what another one has measured, and measures anew later', async () => {
  const asked: (MachineCosts | undefined)[] = [];
  const measure = async (known: MachineCosts | undefined): Promise<TeamCosts> => {
    asked.push(known);
    return { costs: { machine: known ?? machine, model } };
  };
  const [first, second] = [await prepareWasm({ nThreads: 5 }), await prepareWasm({ nThreads: 5 })];
  await fitThresholds(first, 'high', true, measure);
  await fitThresholds(second, 'high', true, measure);
  await fitThresholds(second, 'fast', true, measure);
  await fitThresholds(second, 'high', false, measure);
  expect(asked).toEqual([undefined, machine, undefined, undefined]);
  // Barriers of a millisecond cost more than reading the weights.
  for (const { memory } of [first, second]) {
    expect(readThresholds(memory).mostByColumns).toBe(0);
    expect(readThresholds(memory).tokensPerWorker).toBeGreaterThan(defaultThresholds.tokensPerWorker);
  }
});

it('thresholds stay where nothing was measured, and an error of a worker reaches the caller', async () => {
  const setup = await prepareWasm({ nThreads: 6 });
  await fitThresholds(setup, 'high', true, async () => ({ costs: undefined }));
  expect(readThresholds(setup.memory)).toEqual(defaultThresholds);
  const failing = fitThresholds(setup, 'high', true, () => Promise.reject(new Error('worker fell over')));
  await expect(failing).rejects.toThrow('worker fell over');
  expect(readThresholds(setup.memory)).toEqual(defaultThresholds);
});
