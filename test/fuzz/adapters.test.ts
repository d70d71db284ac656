/**
 * @file LoRA adapters with changed bytes, sizes, names and keys beside a model that is whole: each is refused with a proper error, or works.
 */
import { expect, test } from 'vitest';
import { GgufError, type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { loadModel, ModelError, outlineModel, runForward } from '../../src/models/index.ts';
import { adapterBytes } from '../models/adapters.ts';
import { openFixture } from '../models/support.ts';
import { countAllocations } from './allocation.ts';
import { mutateBytes } from './mutate-bytes.ts';
import { mutatePlan } from './mutate-plan.ts';
import { assemble, takeApart } from './plan.ts';
import { Random } from './random.ts';

const targets = ['blk.0.attn_q.weight', 'blk.1.ffn_up.weight', 'token_embd.weight', 'position_embd.weight'];
const RUNS = 400;
/** Bytes for an outline: no weights are read. */
const MOST_BYTES = 4 * 1024 * 1024;

async function worksWith(base: GgufFile, bytes: Uint8Array, computes: boolean): Promise<boolean> {
  try {
    const adapter = await openGguf(memorySource(bytes, 'adapter'));
    outlineModel(base, [adapter]);
    if (!computes) return true;
    const backend = await createReferenceBackend();
    try {
      const model = await loadModel(base, backend, { adapters: [adapter] });
      const batch = { ids: Int32Array.of(1, 2), positions: Int32Array.of(0, 1), offsets: Int32Array.of(0, 2) };
      const vector = await runForward(backend, model, { ...batch, adapters: [1] }, 'mean', false);
      expect(vector.length).toBe(model.hparams.nEmbd);
      return true;
    } finally {
      backend.dispose();
    }
  } catch (error) {
    if (error instanceof GgufError || error instanceof ModelError) return false;
    throw error;
  }
}

test(`${RUNS} changed adapters`, async () => {
  const base = await openFixture('models/mpnet-mean.gguf');
  const bytes = await adapterBytes('mpnet-mean', targets);
  const plan = await takeApart(bytes);
  const whole = assemble(plan);
  expect(await worksWith(base, whole.bytes, true)).toBe(true);
  const allocated = countAllocations();
  const outcomes = { worked: 0, refused: 0 };
  for (let index = 0; index < RUNS; index++) {
    const random = new Random(7_000_003 + index);
    const changed = random.chance(0.5) ? mutateBytes(whole, random) : assemble(mutatePlan(plan, random)).bytes;
    allocated();
    const works = await worksWith(base, changed, false);
    expect(allocated(), `case ${index}`).toBeLessThan(MOST_BYTES + 2 * changed.length);
    // What is not refused from its header computes.
    if (works) await worksWith(base, changed, true);
    outcomes[works ? 'worked' : 'refused']++;
  }
  expect(Math.min(outcomes.worked, outcomes.refused)).toBeGreaterThan(RUNS / 20);
});
