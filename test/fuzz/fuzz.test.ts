/**
 * @file The fuzzer: changed copies of real files, each of which must be refused with a proper error or work, within a
 * second and without taking more memory than a file of its size may. `npm run fuzz -- --runs N --seed S` runs it longer;
 * a failure names the case, and `--case C` repeats it alone.
 */
import { getHeapStatistics } from 'node:v8';
import { beforeAll, expect, test } from 'vitest';
import { countAllocations } from './allocation.ts';
import { mutateBytes } from './mutate-bytes.ts';
import { mutatePlan } from './mutate-plan.ts';
import { type Assembled, assemble, type Plan } from './plan.ts';
import { Random } from './random.ts';
import { readSeed, seedNames } from './seeds.ts';
import { type Outcome, runFile } from './target.ts';

/** Every test run takes some; the continuous integration takes 100 000, some two minutes of one core. */
const RUNS = Number(process.env.FUZZ_RUNS ?? (process.env.CI ? 100_000 : 10_000));
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const ONLY = process.env.FUZZ_CASE === undefined ? undefined : Number(process.env.FUZZ_CASE);

/** One file in so many runs on the wasm backend, which takes longer to start; the others run on the reference backend. */
const WASM_EVERY = 16;
/** Longest time for one file, of the processor: another process may hold it up. */
const MAX_MS = 1000;
/** Bytes that may be taken beside twice the file: activations of three tokens, tables of the tokenizer. */
const SLACK_BYTES = 4 * 1024 * 1024;
/** Growth of the JavaScript heap for one file; the heap is collected when it likes, so this is coarse. */
const SLACK_HEAP_BYTES = 64 * 1024 * 1024;

const seeds: { plan: Plan; whole: Assembled }[] = [];
beforeAll(async () => {
  for (const name of seedNames) {
    const plan = await readSeed(name);
    seeds.push({ plan, whole: assemble(plan) });
  }
});

test.each(seedNames.map((name, i) => [name, i] as const))('%s works before it is changed', async (_, i) => {
  expect(await runFile(seeds[i].whole.bytes, 'reference')).toBe('worked');
  expect(await runFile(seeds[i].whole.bytes, 'wasm')).toBe('worked');
});

function makeCase(index: number): Uint8Array {
  const random = new Random(SEED * 1_000_003 + index);
  const { plan, whole } = random.pick(seeds);
  if (random.chance(0.5)) return mutateBytes(whole, random);
  const changed = assemble(mutatePlan(plan, random));
  return random.chance(0.2) ? mutateBytes(changed, random) : changed.bytes;
}

test(
  `${RUNS} changed files`,
  async () => {
    const outcomes: Record<Outcome, number> = { gguf: 0, tokenizer: 0, model: 0, worked: 0 };
    const start = process.cpuUsage();
    const [first, last] = ONLY === undefined ? [0, RUNS] : [ONLY, ONLY + 1];
    for (let index = first; index < last; index++) {
      const bytes = makeCase(index);
      allocated();
      const heap = getHeapStatistics().used_heap_size;
      const begin = process.cpuUsage();
      const outcome = await runFile(bytes, index % WASM_EVERY === 0 ? 'wasm' : 'reference').catch((cause) => {
        throw new Error(`case ${index} of seed ${SEED}: ${cause}`, { cause });
      });
      const { user, system } = process.cpuUsage(begin);
      const ms = (user + system) / 1000;
      const taken = allocated();
      if (ms > MAX_MS) throw new Error(`case ${index} of seed ${SEED} took ${ms} ms (${outcome})`);
      if (taken > 2 * bytes.length + SLACK_BYTES) {
        throw new Error(`case ${index} of seed ${SEED} took ${taken} bytes for a file of ${bytes.length} (${outcome})`);
      }
      const grown = getHeapStatistics().used_heap_size - heap;
      if (grown > SLACK_HEAP_BYTES) throw new Error(`case ${index} of seed ${SEED} grew the heap by ${grown} bytes`);
      outcomes[outcome]++;
    }
    const { user, system } = process.cpuUsage(start);
    console.log(`${last - first} changed files in ${Math.round((user + system) / 1e6)} s of a core:`, outcomes);
    if (ONLY === undefined) for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(RUNS / 1000);
  },
  RUNS * 20 + 60_000,
);

let allocated: () => number;
beforeAll(() => {
  allocated = countAllocations();
});
