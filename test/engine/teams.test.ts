/** @file Several workers and one give the same bits, on real graphs: batches of many shapes, every pooling, held up by each other. */
import { Embedder } from 'gguf-embed';
import { expect, it } from 'vitest';
import { fixture } from './support.ts';

/** Numbers below `n` from a seed. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
}

it.each([
  ['qwen3-rank', false],
  ['bert-rank', false],
  ['nomic-bert-moe', false],
  ['qwen3-rank', true],
])(
  '%s, weights in blocks: %s',
  async (name, keepBlocks) => {
    const path = fixture(name);
    const one = await Embedder.load(path, { backend: 'wasm', threads: 1 });
    const team = await Embedder.load(path, { backend: 'wasm', threads: 3, keepBlocks });
    const below = numbers(1);
    for (let i = 0; i < 60; i++) {
      const inputs = Array.from({ length: 1 + below(6) }, () =>
        Int32Array.from({ length: 1 + below(60) }, () => 5 + below(100)),
      );
      const poolings =
        name === 'nomic-bert-moe' ? (['cls', 'last', 'mean'] as const) : (['rank', 'cls', 'last', 'mean'] as const);
      for (const pooling of poolings) {
        const { vectors } = await one.embed(inputs, { pooling });
        expect((await team.embed(inputs, { pooling })).vectors).toEqual(vectors);
      }
    }
    await one.dispose();
    await team.dispose();
  },
  30_000,
);
