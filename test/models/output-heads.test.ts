/**
 * @file Sparse vectors and vectors of tokens: checkouts with random weights, converted, against what the original libraries computed
 * (test/fixtures/make/sparse_models.py), on all backends.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { Embedder, type SparseVector } from '../../src/engine/index.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { unpackCheckout } from '../convert/support.ts';
import { describeGpu } from '../kernels/webgpu/support.ts';
import { cosine, floats } from '../vectors.ts';
import { editedCopy } from './edit.ts';
import { readJson } from './support.ts';

interface Entries {
  readonly indices: readonly number[];
  readonly values: string;
}

interface Fixture {
  readonly cases: readonly {
    text: string;
    tokens: number[];
    raw?: string;
    sparse: Entries;
    query?: Entries;
    multi?: string;
  }[];
}

const fixtureOf = (name: string) => readJson<Fixture>(`reference/own/${name}.json`).cases;

/** The folder of a converted checkout; the file is `F32.gguf` in it. */
async function converted(name: string, type: 'F32' | 'F16' | 'Q8_0' = 'F32'): Promise<string> {
  const folder = unpackCheckout(name);
  const output = join(dirname(folder), `${type}.gguf`);
  await convertFolder(folder, output, type);
  return output;
}

function dense(
  { indices, values }: { indices: ArrayLike<number>; values: ArrayLike<number> },
  n: number,
): Float32Array {
  const out = new Float32Array(n);
  for (let i = 0; i < indices.length; i++) out[indices[i]] = values[i];
  return out;
}

/** Compares a sparse vector with a recorded one: its direction, and each value. */
function compareSparse(found: SparseVector, expected: Entries, n: number, tolerance: number): void {
  const theirs = { indices: expected.indices, values: floats(expected.values) };
  const [a, b] = [dense(found, n), dense(theirs, n)];
  expect([...found.indices]).toEqual([...found.indices].sort((x, y) => x - y));
  expect(found.values.every((value) => value > 0)).toBe(true);
  if (theirs.indices.length === 0) expect(found.indices.length).toBe(0);
  else expect(1 - cosine(a, b)).toBeLessThan(tolerance);
  const most = Math.max(1, ...b);
  for (let i = 0; i < n; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(2000 * tolerance * most);
}

const sparseModels = ['splade-bert', 'sparse-router', 'sparse-idf', 'splade-xlmr', 'bge-m3'];

async function checkModel(name: string, backend: 'reference' | 'wasm' | 'webgpu', tolerance: number): Promise<void> {
  const file = await converted(name);
  const embedder = await Embedder.load(file, { backend, worker: false });
  try {
    const { nVocab, outputs } = embedder.info;
    const cases = fixtureOf(name);
    const texts = cases.map(({ text }) => text);
    const output = outputs.filter((kind) => kind !== 'dense' || name === 'bge-m3');
    const all = await embedder.embed(texts, { output });
    expect(all.vectors.length).toBe(name === 'bge-m3' ? texts.length : 0);
    for (const [i, { text, tokens, raw, sparse, multi }] of cases.entries()) {
      expect(embedder.tokenize(text), text).toEqual(tokens);
      compareSparse(all.sparse![i], sparse, nVocab, tolerance);
      if (raw !== undefined) expect(1 - cosine(all.vectors[i], floats(raw))).toBeLessThan(tolerance);
      if (multi !== undefined) {
        const expected = floats(multi);
        const { values, dimensions } = all.multi![i];
        expect(values.length).toBe(expected.length);
        expect(values.length).toBe((tokens.length - 1) * dimensions);
        for (let at = 0; at < values.length; at += dimensions) {
          const [a, b] = [values.subarray(at, at + dimensions), expected.subarray(at, at + dimensions)];
          expect(1 - cosine(a, b)).toBeLessThan(tolerance);
        }
      }
      // The same bits alone, and one kind at a time.
      const alone = await embedder.embed(text, { output: ['sparse'] });
      expect(alone.sparse![0]).toEqual(all.sparse![i]);
    }
    const queries = cases.filter(({ query }) => query !== undefined);
    const looked = await embedder.embed(
      queries.map(({ text }) => text),
      { output: ['sparse'], inputType: 'query' },
    );
    for (const [i, { query }] of queries.entries()) {
      expect([...looked.sparse![i].indices]).toEqual(query!.indices);
      expect(looked.sparse![i].values).toEqual(floats(query!.values));
    }
    expect(queries.length).toBe({ 'sparse-router': 5, 'sparse-idf': 6 }[name] ?? 0);
  } finally {
    await embedder.dispose();
    rmSync(dirname(file), { recursive: true });
  }
}

describe.each(sparseModels)('%s', (name) => {
  it('gives the vectors of the original on reference', () => checkModel(name, 'reference', 1e-6));
  it('gives the vectors of the original on wasm', () => checkModel(name, 'wasm', 1e-5));
});

describeGpu('on a GPU', () => {
  it.each(sparseModels)('%s gives the vectors of the original', (name) => checkModel(name, 'webgpu', 1e-5));
});

describe('a model with all outputs', () => {
  let file: string;
  let opened: GgufFile;
  let embedder: Embedder;
  beforeAll(async () => {
    file = await converted('bge-m3', 'F16');
    opened = await openGguf(memorySource(readFileSync(file)));
    embedder = await Embedder.load(file, { backend: 'wasm', worker: false });
  });
  afterAll(async () => {
    await embedder?.dispose();
    rmSync(dirname(file), { recursive: true });
  });
  const texts = ['a text', 'another one that is longer than the first'];

  it('says so, and gives the same dense vectors beside the others as alone', async () => {
    expect(embedder.info.outputs).toEqual(['dense', 'sparse', 'multi']);
    const alone = await embedder.embed(texts);
    expect(alone).not.toHaveProperty('sparse');
    const all = await embedder.embed(texts, { output: ['dense', 'sparse', 'multi'] });
    for (const [i, vector] of all.vectors.entries()) expect(1 - cosine(vector, alone.vectors[i])).toBeLessThan(1e-6);
    expect(all.sparse).toHaveLength(2);
    expect(all.nTokens).toEqual(alone.nTokens);
  });

  it('cuts and normalises the vectors of tokens', async () => {
    const { multi } = await embedder.embed(texts, { output: ['multi'], dimensions: 8 });
    const { values, dimensions } = multi![0];
    expect(dimensions).toBe(8);
    for (let at = 0; at < values.length; at += 8) expect(Math.hypot(...values.subarray(at, at + 8))).toBeCloseTo(1, 5);
    const raw = await embedder.embed(texts, { output: ['multi'], normalize: -1 });
    expect(Math.hypot(...raw.multi![0].values.subarray(0, 32))).not.toBeCloseTo(1, 2);
  });

  it('reports an upper bound of the values before it computes, and progress', async () => {
    let bound = 0;
    const seen: number[] = [];
    const { sparse, multi, vectors } = await embedder.embed(texts, {
      output: ['dense', 'sparse', 'multi'],
      onSize: (n) => {
        bound = n;
      },
      onProgress: ({ done, total }) => seen.push(done / total),
    });
    const n = (list: readonly { length: number }[]) => list.reduce((sum, { length }) => sum + length, 0);
    const values = n(vectors) + n(sparse!.map(({ values }) => values)) + n(multi!.map(({ values }) => values));
    expect(bound).toBeGreaterThanOrEqual(values);
    expect(seen.at(-1)).toBe(1);
  });

  it.each([
    [{ output: [] }, 'output'],
    [{ output: ['dense', 'colbert'] }, 'output'],
    [{ output: ['sparse'], inputType: 'passage' }, 'inputType'],
  ])('refuses %j', async (options, message) => {
    await expect(embedder.embed('a', options as never)).rejects.toThrow(message);
  });

  it.each([
    ['gguf_embed.sparse.kind', { type: 'string', value: 'max' }, 'is max; supported are max_logits, token_weights'],
    ['gguf_embed.sparse.kind', { type: 'string', value: 'max_logits' }, /mlm_dense|unexpected tensors|mlm_decoder/],
    ['gguf_embed.sparse.activation', { type: 'string', value: 'relu' }, 'is relu; supported are log1p, log1p_log1p'],
    [
      'gguf_embed.sparse.query_weights',
      { type: 'array', value: { elementType: 'float32', values: new Float32Array(3) } },
      'finite numbers of the type float32, one for each token',
    ],
    [
      'gguf_embed.sparse.query_weights',
      { type: 'array', value: { elementType: 'int32', values: new Int32Array(3) } },
      'finite numbers of the type float32, one for each token',
    ],
    [
      'gguf_embed.multi.activations',
      { type: 'array', value: { elementType: 'string', values: ['squash'] } },
      'has squash; supported are identity',
    ],
    [
      'gguf_embed.multi.activations',
      { type: 'array', value: { elementType: 'string', values: Array(9).fill('tanh') } },
      'has 9 layers; at most 8',
    ],
  ] as const)('a file with another %s is refused', async (key, value, message) => {
    const bytes = await editedCopy(opened, ({ values }) => {
      values.set(key, value as never);
    });
    await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow(message);
  });

  it('a model without sparse vectors refuses to make them', async () => {
    const bytes = await editedCopy(opened, ({ values, tensors }) => {
      values.delete('gguf_embed.sparse.kind');
      for (const name of ['sparse_linear.weight', 'sparse_linear.bias']) tensors.delete(name);
    });
    const other = await Embedder.load(bytes, { backend: 'reference', worker: false });
    await expect(other.embed('a', { output: ['sparse'] })).rejects.toThrow('has no sparse output; it has dense, multi');
    await other.dispose();
  });
});

describe('a checkout that must be refused', () => {
  const refusal = async (name: string, change: (folder: string) => void) => {
    const folder = unpackCheckout(name);
    change(folder);
    try {
      return await convertFolder(folder, join(dirname(folder), 'out.gguf'), 'F16').then(
        () => 'converted',
        (error: Error) => error.message,
      );
    } finally {
      rmSync(dirname(folder), { recursive: true });
    }
  };
  const json = (path: string, change: (value: never) => unknown) => (folder: string) => {
    const at = join(folder, path);
    writeFileSync(at, JSON.stringify(change(JSON.parse(readFileSync(at, 'utf8')) as never)));
  };

  it.each<[string, string, (folder: string) => void, string]>([
    [
      'another way to pool',
      'splade-bert',
      json('1_SpladePooling/config.json', () => ({ pooling_strategy: 'sum' })),
      'pooling_strategy is "sum"; only max is converted',
    ],
    [
      'another activation',
      'splade-bert',
      json('1_SpladePooling/config.json', () => ({ activation_function: 'gelu' })),
      'activation_function is "gelu"; known are relu and log1p_relu',
    ],
    [
      'another module',
      'splade-bert',
      json('modules.json', (list: object[]) => [...list, { type: 'x.Normalize', path: '2_Normalize' }]),
      'only a Transformer and SpladePooling are converted',
    ],
    [
      'another class',
      'splade-bert',
      json('config.json', (config: object) => ({ ...config, architectures: ['BertModel'] })),
      'sparse vectors of a BertModel are not converted',
    ],
    [
      'a route of queries of its own',
      'sparse-router',
      json('router_config.json', (config: { types: object; structure: object }) => ({
        types: config.types,
        structure: { ...config.structure, query: ['document_0_MLMTransformer'] },
      })),
      'queries go through MLMTransformer; only SparseStaticEmbedding is converted',
    ],
    [
      'a token that is not known',
      'sparse-idf',
      json('idf.json', () => ({ zzzz: 1 })),
      '"zzzz" is not in the vocabulary',
    ],
    ['a weight that is no number', 'sparse-idf', json('idf.json', () => ({ '[CLS]': 'x' })), 'has the weight "x"'],
    [
      'a layer of another width',
      'bge-m3',
      json('config.json', (config: object) => ({ ...config, hidden_size: 48 })),
      'expected weight [1, 48] and its bias',
    ],
  ])('has %s', async (_, name, change, message) => {
    expect(await refusal(name, change)).toContain(message);
  });

  it('reads weights of queries from a text, too', async () => {
    const folder = unpackCheckout('sparse-idf');
    const weights = Object.entries(JSON.parse(readFileSync(join(folder, 'idf.json'), 'utf8')));
    writeFileSync(join(folder, 'query_token_weights.txt'), weights.map(([token, w]) => `${token}\t${w}\n`).join(''));
    const [text, other] = [join(dirname(folder), 'a.gguf'), join(dirname(folder), 'b.gguf')];
    await convertFolder(folder, text, 'F16');
    rmSync(join(folder, 'query_token_weights.txt'));
    await convertFolder(folder, other, 'F16');
    expect(readFileSync(text).equals(readFileSync(other))).toBe(true);
    rmSync(dirname(folder), { recursive: true });
  });
});

it.each(['splade-bert', 'bge-m3'])('%s with weights of 8 bits is nearly the same', async (name) => {
  const file = await converted(name, 'Q8_0');
  const embedder = await Embedder.load(file, { backend: 'wasm', worker: false });
  const cases = fixtureOf(name).filter(({ sparse }) => sparse.indices.length > 1);
  expect(cases.length).toBeGreaterThan(3);
  const { sparse } = await embedder.embed(
    cases.map(({ text }) => text),
    { output: ['sparse'] },
  );
  for (const [i, { sparse: expected }] of cases.entries()) {
    const theirs = { indices: expected.indices, values: floats(expected.values) };
    expect(cosine(dense(sparse![i], embedder.info.nVocab), dense(theirs, embedder.info.nVocab))).toBeGreaterThan(0.99);
  }
  await embedder.dispose();
  rmSync(dirname(file), { recursive: true });
});
