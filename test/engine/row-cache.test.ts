/** @file The cache of encoded images: what its budget counts, and which images leave it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { RowCache } from '../../src/engine/images/row-cache.ts';
import { Embedder, type EmbedInput } from '../../src/index.ts';

describe('rows', () => {
  const rows = (n: number) => new Float32Array(n).fill(n);

  it('stay while they fit, with their keys, and the oldest use leaves first', () => {
    const cache = new RowCache(3 * (40 + 2));
    for (const key of ['a', 'b', 'c']) cache.set(key, rows(10));
    expect(cache.bytes).toBe(126);
    expect(cache.get('a')).toEqual(rows(10));
    cache.set('d', rows(10));
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true, true]);
    expect(cache.bytes).toBe(126);
    cache.set('e', rows(20));
    expect(cache.get('e')).toEqual(rows(20));
    expect(cache.bytes).toBe(82 + 42 * ['a', 'c', 'd'].filter((key) => cache.get(key)).length);
    expect(cache.bytes).toBeLessThanOrEqual(126);
  });

  it('that exceed the budget alone, or are kept already, change nothing', () => {
    const cache = new RowCache(100);
    cache.set('a', rows(10));
    cache.set('big', rows(25));
    expect([cache.get('a'), cache.get('big'), cache.bytes]).toEqual([rows(10), undefined, 42]);
    cache.set('a', rows(5));
    expect([cache.get('a'), cache.bytes]).toEqual([rows(10), 42]);
    const none = new RowCache(0);
    none.set('', new Float32Array(0));
    none.set('a', rows(1));
    expect([none.get('a'), none.bytes]).toEqual([undefined, 0]);
  });

  it('that are a part of a larger buffer do not keep all of it', () => {
    const cache = new RowCache(1000);
    cache.set('a', new Float32Array(10_000).fill(7).subarray(10, 20));
    expect(cache.get('a')).toEqual(new Float32Array(10).fill(7));
    expect(cache.get('a')?.buffer.byteLength).toBe(40);
  });
});

describe('imageCache', () => {
  const folder = fileURLToPath(new URL('../fixtures/multimodal/', import.meta.url));
  const image = (name: string): EmbedInput => ({ image: new Uint8Array(readFileSync(`${folder}images/${name}`)) });
  const loaded: Embedder[] = [];
  afterAll(() => Promise.all(loaded.map((embedder) => embedder.dispose())));

  /** Loads a pair, and lets the towers' batches be counted. */
  async function load(name: string, imageCache: number) {
    const towers: number[] = [];
    const embedder = await Embedder.load(`${folder}models/${name}.gguf`, {
      mmproj: `${folder}models/mmproj-${name}.gguf`,
      backend: 'reference',
      worker: false,
      imageCache,
      onBatch: ({ nImages }) => void (nImages > 0 && towers.push(nImages)),
    });
    loaded.push(embedder);
    return { embedder, towers };
  }

  // The rows of qwen3vl have those of two deepstack layers at their side.
  it.each([
    ['qwen3vl', 3 * 64],
    ['qwen2vl', 64],
  ])('counts every value of a row: %s has %i', async (name, width) => {
    const { nImageTokens } = await (await load(name, 0)).embedder.embed([image('odd.png')]);
    const bytes = 4 * nImageTokens[0] * width + 2 * 64;
    for (const [budget, nTowers] of [
      [bytes - 1, 2],
      [bytes, 1],
    ]) {
      const { embedder, towers } = await load(name, budget);
      for (let i = 0; i < 2; i++) await embedder.embed([image('odd.png')]);
      expect(towers, `${budget} bytes`).toHaveLength(nTowers);
    }
  });

  it('forgets the image that was not used for the longest time', async () => {
    const [first, second] = [image('rgb.png'), image('odd.png')];
    const { nImageTokens } = await (await load('qwen2vl', 0)).embedder.embed([first, second]);
    const room = 4 * 64 * Math.max(...nImageTokens) + 128;
    const { embedder, towers } = await load('qwen2vl', room);
    const { vectors } = await embedder.embed([first]);
    await embedder.embed([second]);
    expect((await embedder.embed([first])).vectors).toEqual(vectors);
    expect(towers).toHaveLength(3);
    await embedder.embed([first]);
    expect(towers).toHaveLength(3);
  });
});
