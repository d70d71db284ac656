/** @file Several workers and one give the same bits, on real graphs: batches of many shapes, every pooling, held up by each other. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Embedder } from 'gguf-embed';
import { expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { unpackCheckout } from '../convert/support.ts';
import { random } from '../random.ts';
import { fixture } from './support.ts';

it.each([
  ['qwen3-rank', 'high', false],
  ['bert-rank', 'high', false],
  ['nomic-bert-moe', 'high', false],
  ['qwen3-rank', 'high', true],
  ['quant/bert-q-Q4_K', 'fast', false],
  ['quant/bert-q-Q4_K', 'fast', true],
] as const)(
  '%s, %s, weights in blocks: %s',
  async (name, precision, keepBlocks) => {
    const path = fixture(name);
    // On Node 20, `fast` multiplies Q4_K in its own numbers only if experimental features may be turned on.
    const packing = precision === 'fast';
    const one = await Embedder.load(path, { backend: 'wasm', threads: 1, worker: true, precision, packing });
    const team = await Embedder.load(path, {
      backend: 'wasm',
      threads: 3,
      worker: true,
      precision,
      packing,
      keepBlocks,
    });
    expect(one.info.backendDescription.includes('8-bit activations')).toBe(precision === 'fast');
    const next = random(1);
    const below = (n: number) => Math.floor(next() * n);
    for (let i = 0; i < 60; i++) {
      const inputs = Array.from({ length: 1 + below(6) }, () =>
        Int32Array.from({ length: 1 + below(60) }, () => 5 + below(100)),
      );
      const poolings = name.endsWith('rank')
        ? (['rank', 'cls', 'last', 'mean'] as const)
        : (['cls', 'last', 'mean'] as const);
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

it.each(['colbert-bert', 'colbert-lfm2'])(
  '%s, queries that are filled up with tokens that nobody sees',
  async (name) => {
    const folder = unpackCheckout(name);
    const path = join(dirname(folder), 'model.gguf');
    await convertFolder(folder, path, 'F16');
    const one = await Embedder.load(path, { backend: 'wasm', threads: 1, worker: true });
    const team = await Embedder.load(path, { backend: 'wasm', threads: 3, worker: true });
    const texts = ['a', 'a text', 'word '.repeat(14), 'what is a panda?'];
    for (const inputs of [texts, ...texts.map((text) => [text])]) {
      const options = { output: ['multi'], inputType: 'query' } as const;
      const { multi } = await one.embed(inputs, options);
      expect((await team.embed(inputs, options)).multi).toEqual(multi);
    }
    await one.dispose();
    await team.dispose();
    rmSync(dirname(folder), { recursive: true });
  },
);
