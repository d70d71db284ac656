/**
 * @file The bundled model, by the path of a user: the built package, workers, the wasm backend.
 */
import { Embedder, type Precision } from 'gguf-embed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cosine, floats } from '../vectors.ts';
import { type BundledReference, bundled, recorded } from './support.ts';

const { cases, pairs } = recorded<BundledReference>('all-MiniLM-L6-v2');
const texts = cases.map(({ text }) => text);

describe.each<[Precision, number]>([
  ['exact', 0.999999],
  ['high', 0.99999],
  ['fast', 0.999],
])('precision %s', (precision, nearness) => {
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = await Embedder.load(bundled, { backend: 'wasm', threads: 1, worker: true, precision });
  });
  afterAll(() => embedder.dispose());

  it(`comes within ${nearness} of the exact answer of the file, for every text`, async () => {
    const { vectors, nTokens } = await embedder.embed(texts, { normalize: -1 });
    expect(nTokens).toEqual(cases.map(({ tokens }) => tokens.length));
    for (const [i, { text, file_f32 }] of cases.entries()) {
      expect(cosine(vectors[i], floats(file_f32)), text).toBeGreaterThan(nearness);
    }
  });

  it('is as near to llama.cpp as llama.cpp is to the exact answer', async () => {
    const { vectors } = await embedder.embed(texts);
    for (const [i, { text, normalized }] of cases.entries()) {
      expect(cosine(vectors[i], floats(normalized)), text).toBeGreaterThan(0.9985);
    }
  });
});

describe('weights in the blocks of the file', () => {
  it('come as near to the exact answer as unpacked ones', async () => {
    const embedder = await Embedder.load(bundled, { backend: 'wasm', threads: 2, keepBlocks: true });
    const some = cases.slice(0, 20);
    const { vectors } = await embedder.embed(some.map(({ text }) => text));
    for (const [i, { text, file_f32 }] of some.entries()) {
      expect(cosine(vectors[i], floats(file_f32)), text).toBeGreaterThan(0.99999);
    }
    await embedder.dispose();
  });
});

describe('threads', () => {
  it('give the same bits at 1, 2, 3 and 4, alone and in any batch', async () => {
    const some = [...texts.slice(0, 6), 'x '.repeat(120), ...texts.slice(-2)];
    let alone: Float32Array[] | undefined;
    for (const threads of [1, 2, 3, 4]) {
      const embedder = await Embedder.load(bundled, { backend: 'wasm', threads, worker: true });
      expect(embedder.info.threads).toBe(threads);
      alone ??= await Promise.all(some.map(async (text) => (await embedder.embed(text)).vectors[0]));
      expect((await embedder.embed(some)).vectors).toEqual(alone);
      const backwards = await embedder.embed(some.toReversed());
      expect(backwards.vectors.toReversed()).toEqual(alone);
      await embedder.dispose();
    }
  });
});

describe('meaning', () => {
  it('has the near text nearer than the far one', async () => {
    const embedder = await Embedder.load(bundled, { backend: 'wasm', threads: 2, worker: true });
    for (const pair of pairs) {
      const [query, near, far] = (await embedder.embed(pair)).vectors;
      expect(cosine(query, near), pair.join(' | ')).toBeGreaterThan(cosine(query, far));
    }
    await embedder.dispose();
  });
});

describe('profile', () => {
  it.each([{ worker: false }, { threads: 1 }, { threads: 2 }])('counts the work of a forward (%j)', async (options) => {
    const embedder = await Embedder.load(bundled, { backend: 'wasm', profile: true, ...options });
    await embedder.embed([Array.from({ length: 64 }, (_, i) => 1000 + i)]);
    const linear = (await embedder.profile()).find(({ op }) => op === 'linear');
    const share = options.threads === 2 ? 2 : 1;
    // 6 layers of q, k, v, output (384 x 384) and two feed-forward products (384 x 1536)
    expect(linear?.macs).toBe((64 * 6 * (4 * 384 * 384 + 2 * 384 * 1536)) / share);
    expect(linear?.milliseconds).toBeGreaterThan(0);
    await embedder.dispose();
  });

  it('is given to all who ask at once, beside work under way, or refused when the model is gone', async () => {
    const embedder = await Embedder.load(bundled, { backend: 'wasm', profile: true, threads: 2 });
    const [first, second, { vectors }] = await Promise.all([
      embedder.profile(),
      embedder.profile(),
      embedder.embed('a text'),
    ]);
    expect([first, second, vectors].map(({ length }) => length > 0)).toEqual([false, false, true]);
    const [left] = await Promise.allSettled([embedder.profile(), embedder.dispose()]);
    expect(left.status).toBe('rejected');
  });

  it('is refused where none is collected', async () => {
    const embedder = await Embedder.load(bundled, { backend: 'wasm', threads: 1 });
    await expect(embedder.profile()).rejects.toThrow('load the model with profile: true');
    await embedder.dispose();
  });
});
