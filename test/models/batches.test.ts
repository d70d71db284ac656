import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { load, run } from './support.ts';

describe('a batch', () => {
  // Learned positions, experts, a causal window, ALiBi.
  it.each(['bert-mean', 'nomic-bert-moe', 'gemma2', 'jina-bert-v2'])(
    'of %s gives the bits of single inputs',
    async (name) => {
      const loaded = await load(name);
      const sequence = fc.array(fc.nat({ max: 900 }), { minLength: 1, maxLength: 24 });
      await fc.assert(
        fc.asyncProperty(fc.array(sequence, { minLength: 2, maxLength: 4 }), async (sequences) => {
          const batched = await run(loaded, sequences, 'mean');
          for (const [i, ids] of sequences.entries()) {
            expect(batched[i]).toEqual((await run(loaded, [ids], 'mean'))[0]);
          }
        }),
        { numRuns: 8 },
      );
    },
  );
});
