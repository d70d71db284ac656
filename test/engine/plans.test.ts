/**
 * @file The wasm backend plans a forward once and carries the plan out for later batches: the bits are those of an embedder that
 * has planned for this batch alone.
 */

import { Embedder, type Pooling } from 'gguf-embed';
import { describe, expect, it } from 'vitest';
import { fixture } from './support.ts';

const inputs: readonly (readonly number[][])[] = [
  [[1, 7, 9, 2]],
  [[1, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 2]],
  [[1, 5, 2], Array.from({ length: 90 }, (_, i) => 3 + ((i * 7) % 300)), [1, 8, 8, 2]],
  [[1, 7, 9, 2]],
];
const poolings: readonly Pooling[] = ['mean', 'last'];

describe.each(['bert-mean', 'nomic-bert-moe', 'gemma3', 'qwen3'])('%s', (name) => {
  it.each([{ worker: false }, { threads: 2, worker: true }, { precision: 'fast', worker: false }] as const)(
    'gives the same bits with a kept plan, %o',
    async (options) => {
      const load = () => Embedder.load(fixture(name), { backend: 'wasm', ...options });
      const kept = await load();
      try {
        for (const pooling of poolings) {
          for (const [i, ids] of inputs.entries()) {
            const { vectors } = await kept.embed(ids, { pooling });
            if (i === 1) await kept.trace(ids[0], { pooling, only: ['none'] });
            const fresh = await load();
            try {
              expect(vectors).toEqual((await fresh.embed(ids, { pooling })).vectors);
            } finally {
              await fresh.dispose();
            }
          }
        }
      } finally {
        await kept.dispose();
      }
    },
  );
});
