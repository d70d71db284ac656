/**
 * @file Damaged files: cut off anywhere, any bit turned. Each gives a GgufError or a file that can be read, soon.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeGguf, GgufError, memorySource, openGguf } from '../../src/gguf/index.ts';
import { ggufPlan, writePlan } from './arbitrary.ts';

/** Where magic, version and counts end. */
const COUNTS_END = 24;

/** Opens and looks at everything. */
async function readAll(bytes: Uint8Array): Promise<void> {
  const file = await openGguf(memorySource(bytes));
  describeGguf(file, Number.POSITIVE_INFINITY);
  for (const info of file.tensors.values()) await file.readTensor(info, 0, new Uint8Array(info.byteLength));
}

test('a file cut off anywhere before the end of its data is refused', async () => {
  await fc.assert(
    fc.asyncProperty(ggufPlan, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), async (plan, part) => {
      const bytes = await writePlan(plan);
      const { tensors } = await openGguf(memorySource(bytes));
      const filled = [...tensors.values()].filter(({ byteLength }) => byteLength > 0).at(-1);
      // Without data the end of the header is all that is needed, and what follows it may be padding.
      const needed = filled ? filled.offset + filled.byteLength : COUNTS_END;
      const cut = bytes.subarray(0, Math.floor(part * needed));
      await expect(readAll(cut)).rejects.toBeInstanceOf(GgufError);
    }),
    { numRuns: 300 },
  );
});

test('turned bits give a GgufError or a readable file', async () => {
  const flip = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    bit: fc.nat({ max: 7 }),
  });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(ggufPlan, fc.array(flip, { minLength: 1, maxLength: 4 }), async (plan, flips) => {
      const bytes = await writePlan(plan);
      for (const { at, bit } of flips) bytes[Math.floor(at * bytes.length)] ^= 1 << bit;
      const begin = performance.now();
      await readAll(bytes).catch((error) => {
        refused++;
        expect(error).toBeInstanceOf(GgufError);
      });
      expect(performance.now() - begin).toBeLessThan(1000);
    }),
    { numRuns: 1000 },
  );
  expect(refused).toBeGreaterThan(100);
});
