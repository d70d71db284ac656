import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContextSizeError, Embedder, InputError, type Progress } from '../../src/index.ts';
import { cosine, floats } from '../vectors.ts';
import { bundled, fixture, recorded } from './support.ts';

interface Recorded {
  cases: { text: string; tokens: number[]; raw: string; normalized: string }[];
  requests: { path: string; body: { input: never; embd_normalize?: number }; status: number; response: never }[];
  pooling_override: Record<'mean' | 'cls' | 'last', { cases: { text: string; raw: string }[] }>;
}

const texts = ['a', 'The quick brown fox jumps over the lazy dog.', 'Zürich, 東京 and Nuuk', '', 'x '.repeat(40)];

describe.each(['bert-mean', 'bert-cls'])('%s', (name) => {
  const reference = recorded<Recorded>(`embed/${name}`);
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = await Embedder.load(fixture(name), { backend: 'reference' });
  });
  afterAll(() => embedder.dispose());

  it('gives the vectors and token counts of llama.cpp for every text, in one call', async () => {
    const { cases } = reference;
    const inputs = cases.map(({ text }) => text);
    const raw = await embedder.embed(inputs, { normalize: -1 });
    const normalized = await embedder.embed(inputs);
    expect(raw.nTokens).toEqual(cases.map(({ tokens }) => tokens.length));
    for (const [i, { text, raw: base64, normalized: unit }] of cases.entries()) {
      expect(cosine(raw.vectors[i], floats(base64)), text).toBeGreaterThan(0.99999);
      expect(cosine(normalized.vectors[i], floats(unit)), text).toBeGreaterThan(0.99999);
      expect(Math.hypot(...normalized.vectors[i])).toBeCloseTo(1, 5);
    }
  });

  it('takes the inputs that it is called with, whatever becomes of their lists', async () => {
    const ids = [...reference.cases[1].tokens];
    const typed = Int32Array.from(ids);
    const texts = ['one', 'two', ids, typed, 'three'];
    const poolFrom = texts.map(() => 1);
    const expected = await embedder.embed([...texts], { poolFrom: [...poolFrom] });
    const call = embedder.embed(texts, { poolFrom });
    texts.length = 0;
    ids.fill(1);
    typed.fill(1);
    poolFrom.fill(0);
    const alone = [...reference.cases[1].tokens];
    const other = embedder.embed(alone);
    alone.fill(1);
    expect((await call).vectors).toEqual(expected.vectors);
    expect((await other).nTokens).toEqual([reference.cases[1].tokens.length]);
    expect((await other).vectors).toEqual((await embedder.embed(reference.cases[1].tokens)).vectors);
  });

  it('takes token ids as they are', async () => {
    const { tokens, raw } = reference.cases[1];
    for (const ids of [tokens, Int32Array.from(tokens)]) {
      const { vectors } = await embedder.embed([ids], { normalize: -1 });
      expect(cosine(vectors[0], floats(raw))).toBeGreaterThan(0.99999);
    }
  });

  it('has a text share a batch with any others without changing a bit', async () => {
    const alone = new Map<string, Float32Array>();
    for (const text of texts) alone.set(text, (await embedder.embed(text)).vectors[0]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 8 }), async (batch) => {
        const { vectors } = await embedder.embed(batch);
        expect(vectors).toEqual(batch.map((text) => alone.get(text)));
      }),
      { numRuns: 15 },
    );
  });

  it('answers calls under way at the same time each with its own vectors', async () => {
    const alone = await embedder.embed(texts);
    const answers = await Promise.all(texts.map((text) => embedder.embed(text)));
    expect(answers.map(({ vectors }) => vectors[0])).toEqual(alone.vectors);
  });
});

describe('Embedder', () => {
  const reference = recorded<Recorded>('embed/bert-mean');
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = await Embedder.load(fixture('bert-mean'), { backend: 'reference', nCtx: 64, nUbatch: 100 });
  });
  afterAll(() => embedder.dispose());

  it('says what it loaded', () => {
    expect(embedder.info).toMatchObject({
      architecture: 'bert',
      tokenizer: 'bert',
      nCtx: 64,
      nEmbd: 64,
      nEmbdOut: 64,
      nLayer: 3,
      pooling: 'mean',
      backend: 'reference',
      precision: 'exact',
      threads: 1,
      ftype: 'all F32',
    });
    expect(embedder.metadata.string('general.architecture')).toBe('bert');
  });

  it.each(['mean', 'cls', 'last'] as const)('pools as the caller says: %s', async (pooling) => {
    const { cases } = reference.pooling_override[pooling];
    for (const { text, raw } of cases.filter(({ text }) => text.length < 100)) {
      const { vectors, pooling: used } = await embedder.embed(text, { pooling, normalize: -1 });
      expect(used).toBe(pooling);
      expect(cosine(vectors[0], floats(raw)), text).toBeGreaterThan(0.99999);
    }
  });

  it('gives the vectors of all tokens for pooling none, normalised only when asked', async () => {
    const { cases } = recorded<{ cases: { text: string; per_token: string[] }[] }>('none/bert-mean');
    const some = cases.filter(({ per_token }) => per_token.length <= 64);
    const raw = await embedder.embed(
      some.map(({ text }) => text),
      { pooling: 'none' },
    );
    for (const [i, { per_token }] of some.entries()) {
      expect(raw.vectors[i]).toHaveLength(per_token.length * 64);
      for (const [token, base64] of per_token.entries()) {
        expect(cosine(raw.vectors[i].slice(token * 64, token * 64 + 64), floats(base64))).toBeGreaterThan(0.99999);
      }
    }
    const unit = await embedder.embed(some[0].text, { pooling: 'none', normalize: 2 });
    expect(Math.hypot(...unit.vectors[0].subarray(64, 128))).toBeCloseTo(1, 5);
  });

  it('reads lists and mixes as llama-server does', async () => {
    const { tokens } = reference.cases[1];
    const [cls, ...rest] = tokens;
    const sep = rest.pop()!;
    const text = reference.cases[1].text;
    const [alone] = (await embedder.embed(text)).vectors;
    expect((await embedder.embed([text, tokens])).vectors).toEqual([alone, alone]);
    expect((await embedder.embed(tokens)).vectors).toEqual([alone]);
    expect(embedder.tokenize([cls, text, sep])).toEqual(tokens);
    expect(embedder.tokenize([text, 5, text])).toEqual([...tokens, 5, ...rest]);
    expect((await embedder.embed([])).vectors).toEqual([]);
  });

  it('takes more inputs than a function has arguments', async () => {
    const fast = await Embedder.load(fixture('bert-mean'), { backend: 'wasm', worker: false });
    const { vectors } = await fast.embed(Array(150_000).fill([5]));
    expect(vectors).toHaveLength(150_000);
    await fast.dispose();
  });

  it('tokenizes and detokenizes', () => {
    const { text, tokens } = reference.cases[1];
    expect(embedder.tokenize(text)).toEqual(tokens);
    expect(embedder.tokenize(text, { addSpecial: false })).toEqual(tokens.slice(1, -1));
    expect(embedder.detokenize(embedder.tokenize('hello', { addSpecial: false })).trim()).toBe('hello');
  });

  it('cuts to fewer dimensions and normalises again, and pads to more', async () => {
    const { vectors: raw } = await embedder.embed('a', { normalize: -1 });
    const cut = await embedder.embed('a', { dimensions: 16 });
    expect(cut.dimensions).toBe(16);
    expect(cosine(cut.vectors[0], raw[0].slice(0, 16))).toBeCloseTo(1, 6);
    expect(Math.hypot(...cut.vectors[0])).toBeCloseTo(1, 5);
    const padded = await embedder.embed('a', { dimensions: 100 });
    expect(padded.vectors[0].subarray(0, 64)).toEqual((await embedder.embed('a')).vectors[0]);
    expect(padded.vectors[0].subarray(64)).toEqual(new Float32Array(36));
  });

  describe('an input longer than the context', () => {
    const words = Array.from({ length: 100 }, (_, i) => ['one', 'two', 'cat'][i % 3]).join(' ');

    it('is refused with its number of tokens and the limit', async () => {
      const n = embedder.tokenize(words).length;
      const error = await embedder.embed(['a', words]).catch((e) => e);
      expect(error).toBeInstanceOf(ContextSizeError);
      expect(error).toMatchObject({ nTokens: n, nCtx: 64, index: 1, code: 'length' });
      expect(error.message).toBe(`input 1 has ${n} tokens, but the context is 64: shorten it or allow truncation`);
    });

    it.each([true, 'end', 'start'] as const)(
      'is cut when allowed (%s), keeping the special tokens',
      async (truncate) => {
        const all = embedder.tokenize(words);
        const kept = truncate === 'start' ? [all[0], ...all.slice(-63)] : [...all.slice(0, 63), all.at(-1)!];
        const cut = await embedder.embed(['a', words], { truncate });
        expect(cut.truncated).toEqual([false, true]);
        expect(cut.nTokens).toEqual([embedder.tokenize('a').length, 64]);
        expect(cut.vectors[1]).toEqual((await embedder.embed(kept)).vectors[0]);
      },
    );

    it('is cut plainly when it is token ids', async () => {
      const all = embedder.tokenize(words);
      const cut = await embedder.embed(all, { truncate: 'start' });
      expect(cut.vectors[0]).toEqual((await embedder.embed(all.slice(-64))).vectors[0]);
    });

    it('of exactly the context length is accepted', async () => {
      const ids = embedder.tokenize(words).slice(0, 64);
      expect((await embedder.embed(ids)).truncated).toEqual([false]);
    });
  });

  it.each([
    [[[1e6]], 'token', 'token 1000000 of input 0 is outside the vocabulary'],
    [[['a'], [-1]], 'shape', 'input 0 is an array without token ids'],
    [['a', [-1]], 'token', 'token -1 of input 1 is outside the vocabulary'],
    [['a', [1.5]], 'token', 'token 1.5 of input 1 is outside the vocabulary'],
    [['a', []], 'empty', 'input 1 is empty'],
    [['a', null], 'shape', 'input 1 must be a string'],
    [[5, {}], 'shape', 'part 1 of input 0 is neither a string nor a token id'],
    [undefined, 'shape', 'input 0 must be a string'],
  ])('refuses %j', async (input, code, message) => {
    const error = await embedder.embed(input as never).catch((e) => e);
    expect(error).toBeInstanceOf(InputError);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  it('refuses impossible options', async () => {
    await expect(embedder.embed('a', { pooling: 'median' as never })).rejects.toThrow('pooling must be one of');
    await expect(embedder.embed('a', { dimensions: -1 })).rejects.toThrow('dimensions must be');
    await expect(Embedder.load(fixture('bert-mean'), { nUbatch: 0 })).rejects.toThrow('nUbatch must be');
    await expect(Embedder.load(fixture('bert-mean'), { threads: 0 })).rejects.toThrow('threads must be');
    await expect(Embedder.load(fixture('bert-mean'), { backend: 'cuda' as never })).rejects.toThrow('backend must be');
    await expect(Embedder.load(fixture('bert-mean'), { backend: 'wasm', worker: false, threads: 2 })).rejects.toThrow(
      '2 threads need workers',
    );
  });

  it('reports progress in tokens up to all of them', async () => {
    const seen: Progress[] = [];
    const { nTokens } = await embedder.embed(Array(8).fill(texts[1]), { onProgress: (p) => seen.push(p) });
    const total = nTokens.reduce((a, b) => a + b);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.every((p, i) => p.stage === 'embed' && p.total === total && p.done > (seen[i - 1]?.done ?? 0))).toBe(
      true,
    );
    expect(seen.at(-1)?.done).toBe(total);
  });

  it('stops between batches when it is aborted, and works on', async () => {
    const controller = new AbortController();
    let calls = 0;
    const run = embedder.embed(Array(50).fill(texts[1]), {
      signal: controller.signal,
      onProgress: () => {
        calls++;
        controller.abort(new Error('stop it'));
      },
    });
    await expect(run).rejects.toThrow('stop it');
    expect(calls).toBe(1);
    await expect(embedder.embed('a', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await expect(embedder.embed('a')).resolves.toBeDefined();
  });

  it('listens once to a signal that many calls share, and not after them', async () => {
    const { signal } = new AbortController();
    const calls = Array.from({ length: 20 }, (_, i) => embedder.embed(`text ${i}`, { signal }));
    expect(getEventListeners(signal, 'abort').length).toBeLessThan(2);
    await Promise.race(calls);
    expect(getEventListeners(signal, 'abort').length).toBeLessThan(2);
    await Promise.all(calls);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('stops all calls that share a signal', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const others = [1, 2].map((i) => embedder.embed(`text ${i}`, { signal }));
    const stops = embedder.embed('a', { signal, onSize: () => controller.abort(new Error('enough')) });
    for (const call of [...others, stops]) await expect(call).rejects.toThrow('enough');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('shows every step of a forward to an observer', async () => {
    const shapes = new Map<string, [number, number]>();
    await embedder.embed('a', { observer: (name, _values, rows, cols) => shapes.set(name, [rows, cols]) });
    const n = embedder.tokenize('a').length;
    expect(shapes.get('inp_embd')).toEqual([n, 64]);
    expect(shapes.get('Qcur-2')).toEqual([n, 64]);
    const before = shapes.size;
    await embedder.embed('b');
    expect(shapes.size).toBe(before);
  });
});

describe('Embedder.load', () => {
  it('reads a path, a file URL, bytes, a Blob and a source of the caller', async () => {
    const { readFile } = await import('node:fs/promises');
    const path = fixture('bert-mean');
    const bytes = new Uint8Array(await readFile(path));
    let closed = 0;
    const source = {
      name: 'mine',
      size: bytes.length,
      async read(offset: number, into: Uint8Array) {
        into.set(bytes.subarray(offset, offset + into.length));
      },
      async close() {
        closed++;
      },
    };
    const sources = [path, new URL(`file://${path}`), bytes, bytes.slice().buffer, new Blob([bytes]), source];
    const vectors: Float32Array[] = [];
    for (const one of sources) {
      const embedder = await Embedder.load(one, { backend: 'reference' });
      vectors.push((await embedder.embed('a')).vectors[0]);
      await embedder.dispose();
    }
    for (const vector of vectors) expect(vector).toEqual(vectors[0]);
    expect(closed).toBeGreaterThan(0);
  });

  it('reports the bytes of weights and can be aborted', async () => {
    const seen: Progress[] = [];
    const embedder = await Embedder.load(fixture('bert-mean'), {
      backend: 'reference',
      onProgress: (p) => seen.push(p),
    });
    expect(seen.at(-1)).toEqual({ stage: 'load', done: embedder.info.size, total: embedder.info.size });
    const controller = new AbortController();
    const loading = Embedder.load(fixture('bert-mean'), {
      backend: 'reference',
      signal: controller.signal,
      onProgress: ({ done }) => done > 0 && controller.abort(new Error('changed my mind')),
    });
    await expect(loading).rejects.toThrow('changed my mind');
  });

  it('says what is wrong with a source', async () => {
    await expect(Embedder.load('nowhere.gguf')).rejects.toThrow(/nowhere\.gguf.*does not exist/);
    await expect(Embedder.load(new TextEncoder().encode('not a model at all'))).rejects.toThrow(/GGUF/);
    await expect(Embedder.load(new URL('ftp://example.org/x.gguf'))).rejects.toThrow('ftp:');
    await expect(Embedder.load(42 as never)).rejects.toThrow('a model must be a path');
  });

  it('ends what waits when it is disposed of, and refuses more', async () => {
    const embedder = await Embedder.load(fixture('bert-mean'), { backend: 'reference', nUbatch: 16 });
    const waiting = embedder.embed(Array(20).fill('a text'));
    const disposed = embedder.dispose();
    await expect(waiting).rejects.toThrow('disposed');
    await disposed;
    await embedder.dispose();
    await expect(embedder.embed('a')).rejects.toThrow('disposed');
  });
});

it('loads the bundled model by itself', async () => {
  const embedder = await Embedder.load(bundled, { backend: 'reference' });
  expect(embedder.info).toMatchObject({
    name: 'all-MiniLM-L6-v2',
    ftype: 'Q8_0',
    nCtxTrain: 512,
    nEmbd: 384,
    nLayer: 6,
    pooling: 'mean',
  });
  await embedder.dispose();
});
