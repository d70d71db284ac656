/**
 * @file The modules of sentence-transformers: checkouts with random weights, converted, against what it computed with them
 * (test/fixtures/make/sentence_modules.py). Several ways to pool, layers over pooled vectors, sides of a search.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { Embedder } from '../../src/engine/index.ts';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { unpackCheckout } from '../convert/support.ts';
import { cosine, floats, lengthRatio } from '../vectors.ts';
import { editedBytes, editedCopy } from './edit.ts';
import { readJson } from './support.ts';

interface Case {
  readonly text: string;
  readonly tokens: number[];
  readonly raw: string;
}

const backends = [
  ['reference', 1e-6],
  ['wasm', 1e-5],
] as const;

/** Opens a converted checkout. */
async function converted(name: string, change: (folder: string) => void = () => {}): Promise<Uint8Array> {
  const folder = unpackCheckout(name);
  change(folder);
  const output = join(dirname(folder), 'out.gguf');
  await convertFolder(folder, output, 'F32');
  const bytes = readFileSync(output);
  rmSync(dirname(folder), { recursive: true });
  return bytes;
}

function expectSame(found: Float32Array, expected: string, tolerance: number, what: string): void {
  const wanted = floats(expected);
  expect(found.length, what).toBe(wanted.length);
  expect(1 - cosine(found, wanted), what).toBeLessThan(tolerance);
  expect(Math.abs(1 - lengthRatio(found, wanted)), what).toBeLessThan(100 * tolerance);
}

const raw = { normalize: -1 } as const;

describe('six ways to pool and five layers', () => {
  const { cases } = readJson<{ cases: readonly (Case & { pooled: string })[] }>('reference/own/bert-modules.json');
  const texts = cases.map(({ text }) => text);
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await converted('bert-modules');
  });

  it.each(backends)('give the vectors of sentence-transformers on %s', async (backend, tolerance) => {
    const embedder = await Embedder.load(bytes, { backend, worker: false });
    expect(embedder.info).toMatchObject({
      nEmbd: 32,
      nEmbdOut: 16,
      pooling: 'weighted-mean+cls+max+mean-sqrt-len+last+mean',
    });
    const { vectors, dimensions } = await embedder.embed(texts, raw);
    expect(dimensions).toBe(16);
    for (const [i, { text, tokens, raw: expected }] of cases.entries()) {
      expect(embedder.tokenize(text)).toEqual(tokens);
      expectSame(vectors[i], expected, tolerance, text);
      expect((await embedder.embed(text, raw)).vectors[0]).toEqual(vectors[i]);
    }
    await embedder.dispose();
  });

  it.each(backends)('pool side by side without the layers on %s', async (backend, tolerance) => {
    const plain = await editedCopy(await openGguf(memorySource(bytes)), ({ values, tensors }) => {
      for (const key of [...values.keys()]) if (key.startsWith('gguf_embed.dense.')) values.delete(key);
      for (const name of [...tensors.keys()]) if (name.startsWith('sentence_dense.')) tensors.delete(name);
    });
    const embedder = await Embedder.load(plain, { backend, worker: false });
    expect(embedder.info.nEmbdOut).toBe(6 * 32);
    const { vectors } = await embedder.embed(texts, raw);
    for (const [i, { text, pooled }] of cases.entries()) expectSame(vectors[i], pooled, tolerance, text);
    // Each part alone, and in another order, is the same values.
    const names = ['weighted-mean', 'cls', 'max', 'mean-sqrt-len', 'last', 'mean'] as const;
    for (const [at, pooling] of names.entries()) {
      const alone = await embedder.embed(texts, { ...raw, pooling });
      expect(alone.dimensions).toBe(32);
      for (const [i, vector] of alone.vectors.entries()) {
        expect(vector).toEqual(vectors[i].slice(32 * at, 32 * (at + 1)));
      }
    }
    const turned = await embedder.embed(texts, { ...raw, pooling: 'last+cls' });
    expect(turned.dimensions).toBe(64);
    expect(turned.vectors[0]).toEqual(Float32Array.from([...vectors[0].slice(128, 160), ...vectors[0].slice(32, 64)]));
    const { vector, steps } = await embedder.trace('a text', { ...raw, pooling: 'max+cls' });
    expect(vector).toEqual(Float32Array.from([...vectors[0].slice(64, 96), ...vectors[0].slice(32, 64)]));
    expect(steps.at(-1)).toMatchObject({ name: 'result_embd_pooled', rows: 1, cols: 64 });
    await embedder.dispose();
  });

  it('are the same on several threads', async () => {
    const embedder = await Embedder.load(bytes, { backend: 'wasm', threads: 1, worker: false });
    const { Embedder: Bundled } = await import('gguf-embed');
    const team = await Bundled.load(bytes, { backend: 'wasm', threads: 2, worker: true });
    const inputs = [...texts, 'word '.repeat(80)];
    expect((await team.embed(inputs, raw)).vectors).toEqual((await embedder.embed(inputs, raw)).vectors);
    await team.dispose();
    await embedder.dispose();
  });

  it('refuse another pooling, and chunks of tokens that have seen the text', async () => {
    const embedder = await Embedder.load(bytes, { backend: 'reference', worker: false });
    const problem = 'that the layers over pooled vectors of Bert Modules do not take';
    await expect(embedder.embed('a text', { pooling: 'mean' })).rejects.toThrow(problem);
    await expect(embedder.trace('a text', { pooling: 'cls+mean' })).rejects.toThrow(problem);
    await embedder.dispose();
    const load = (pooling: 'mean' | 'cls') => Embedder.load(bytes, { backend: 'reference', worker: false, pooling });
    await expect(load('mean')).rejects.toThrow(problem);
  });

  it('are written with keys of their own', async () => {
    const { metadata, tensors } = await openGguf(memorySource(bytes));
    expect(metadata.u32('bert.pooling_type')).toBe(0);
    const list = (key: string) => Array.from(metadata.strings(`gguf_embed.${key}`)!);
    expect(list('dense.kinds')).toEqual(['dense', 'layer_norm', 'length', 'dense_residual', 'dense_residual']);
    expect(list('dense.activations')).toEqual(['sigmoid', 'identity', 'identity', 'mish', 'elu']);
    expect([...tensors.keys()].filter((name) => name.startsWith('sentence_dense.'))).toEqual([
      'sentence_dense.0.bias',
      'sentence_dense.0.weight',
      'sentence_dense.1.bias',
      'sentence_dense.1.weight',
      'sentence_dense.2.weight',
      'sentence_dense.3.bias',
      'sentence_dense.3.weight',
      'sentence_dense.4.weight',
      'sentence_dense.4_residual.weight',
    ]);
  });
});

describe('pooling without the prompt', () => {
  const { cases } = readJson<{ cases: readonly (Case & { prompted: string })[] }>('reference/own/bert-modules.json');
  const texts = cases.map(({ text }) => text);
  const prompt = 'query: ';
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await converted('bert-modules', (folder) => {
      const path = join(folder, '1_Pooling/config.json');
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), include_prompt: false }));
    });
  });

  it.each(backends)('gives the vectors of sentence-transformers on %s', async (backend, tolerance) => {
    const embedder = await Embedder.load(bytes, { backend, worker: false, prompts: { query: prompt } });
    expect(embedder.info.poolsPrompt).toBe(false);
    const { vectors } = await embedder.embed(texts, { ...raw, prompt });
    for (const [i, { text, prompted }] of cases.entries()) expectSame(vectors[i], prompted, tolerance, text);
    // The same by name, for objects with a text, and for tokens with the place where pooling begins.
    expect((await embedder.embed(texts, { ...raw, promptName: 'query' })).vectors).toEqual(vectors);
    expect((await embedder.embed([{ text: texts[1] }], { ...raw, prompt })).vectors[0]).toEqual(vectors[1]);
    const ids = texts.map((text) => embedder.tokenize(prompt + text));
    const nPrompt = embedder.tokenize(prompt).length - 1;
    const poolFrom = ids.map(() => nPrompt);
    expect((await embedder.embed(ids, { ...raw, poolFrom })).vectors).toEqual(vectors);
    const traced = await embedder.trace(texts[1], { ...raw, promptName: 'query' });
    expect(traced.vector).toEqual(vectors[1]);
    expect(traced.pooledFrom).toBe(nPrompt);
    await expect(embedder.trace('a', { promptName: 'other' })).rejects.toThrow('there is no prompt "other"');
    // Without a prompt, and beside other inputs of the batch, nothing is left out.
    const [plain] = (await embedder.embed(texts[0], raw)).vectors;
    expectSame(plain, cases[0].raw, tolerance, texts[0]);
    const both = await embedder.embed([ids[0], embedder.tokenize(texts[0])], { ...raw, poolFrom: [nPrompt, 0] });
    expect(both.vectors).toEqual([vectors[0], plain]);
    const long = 'word '.repeat(600);
    expect((await embedder.embed(long, { prompt, truncate: true })).truncated).toEqual([true]);
    await embedder.dispose();
  });

  it('refuses inputs that have nothing else', async () => {
    const embedder = await Embedder.load(bytes, { backend: 'reference', worker: false });
    const ids = embedder.tokenize('a text');
    await expect(embedder.embed([ids], { poolFrom: [ids.length] })).rejects.toThrow('pooling begins behind');
    await expect(embedder.embed([ids], { poolFrom: [1, 2] })).rejects.toThrow('a token position for each of the 1');
    await expect(embedder.embed([ids], { poolFrom: [-1] })).rejects.toThrow('a token position for each of the 1');
    await expect(embedder.embed('', { prompt, addSpecial: false })).rejects.toThrow('pooling begins behind 4 tokens');
    await embedder.dispose();
  });

  it('leaves the prompt out of late chunks, too', async () => {
    const bare = await editedCopy(await openGguf(memorySource(bytes)), ({ values, tensors }) => {
      for (const key of [...values.keys()]) if (/gguf_embed.(dense|pooling.modes)/.test(key)) values.delete(key);
      for (const name of [...tensors.keys()]) if (name.startsWith('sentence_dense.')) tensors.delete(name);
    });
    const embedder = await Embedder.load(bare, { backend: 'reference', worker: false, pooling: 'mean' });
    const text = 'The quick brown fox. It jumps over the lazy dog. A panda is a bear of China. '.repeat(2);
    const { chunks } = await embedder.embedChunks(text, { late: true, tokens: 24, prompt, normalize: -1 });
    expect(chunks.length).toBeGreaterThan(1);
    const { vectors, dimensions } = await embedder.embed(text, { ...raw, pooling: 'none', prompt });
    const nPrompt = embedder.tokenize(prompt).length - 1;
    const end = nPrompt + embedder.tokenize(chunks[0].text, { addSpecial: false }).length;
    for (let c = 0; c < dimensions; c++) {
      let sum = 0;
      for (let row = nPrompt; row < end; row++) sum += vectors[0][row * dimensions + c];
      expect(Math.abs(chunks[0].vector[c] - sum / (end - nPrompt))).toBeLessThan(1e-6);
    }
    await embedder.dispose();
  });
});

describe('a mean of layers', () => {
  const { cases } = readJson<{ cases: readonly Case[] }>('reference/own/bert-layers.json');
  const texts = cases.map(({ text }) => text);

  it.each(backends)('gives the vectors of sentence-transformers on %s', async (backend, tolerance) => {
    const embedder = await Embedder.load(await converted('bert-layers'), { backend, worker: false });
    const { vectors } = await embedder.embed(texts, raw);
    for (const [i, { text, raw: expected }] of cases.entries()) {
      expectSame(vectors[i], expected, tolerance, text);
      expect((await embedder.embed(text, raw)).vectors[0]).toEqual(vectors[i]);
    }
    // One row of each text is the same as all of them.
    const [cls] = (await embedder.embed(texts[1], { ...raw, pooling: 'cls' })).vectors;
    const [rows] = (await embedder.embed(texts[1], { ...raw, pooling: 'none' })).vectors;
    expect(cls).toEqual(rows.slice(0, 32));
    expect((await embedder.trace(texts[1], raw)).vector).toEqual(vectors[1]);
    await embedder.dispose();
  });

  it('has no effect where sentence-transformers shows it no layers, which is said', async () => {
    const folder = unpackCheckout('bert-layers');
    const path = join(folder, 'config.json');
    const config = { ...JSON.parse(readFileSync(path, 'utf8')), output_hidden_states: false };
    writeFileSync(path, JSON.stringify(config));
    const warnings: string[] = [];
    const output = join(dirname(folder), 'out.gguf');
    await convertFolder(folder, output, 'F16', { onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([expect.stringContaining('WeightedLayerPooling has no effect')]);
    expect((await openGguf(memorySource(readFileSync(output)))).metadata.has('gguf_embed.layer_pooling.weights')).toBe(
      false,
    );
    writeFileSync(path, JSON.stringify({ ...config, output_hidden_states: true, num_hidden_layers: 1 }));
    await expect(convertFolder(folder, output, 'F16')).rejects.toThrow();
    rmSync(dirname(folder), { recursive: true });
  });

  it.each([
    [Float32Array.of(1, -1), 'has the sum 0, which no mean can be divided by'],
    [new Float32Array(5).fill(1), 'must be 1 to 4 numbers of the type float32'],
    [new Float32Array(0), 'must be 1 to 4 numbers of the type float32'],
    [Float32Array.of(Number.NaN), 'has the sum NaN'],
  ])('of a file with the weights %j is refused', async (values, message) => {
    const file = await openGguf(memorySource(await converted('bert-layers')));
    const bytes = await editedCopy(file, (edit) => {
      const value = { elementType: 'float32', values } as const;
      edit.values.set('gguf_embed.layer_pooling.weights', { type: 'array', value });
    });
    await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow(message);
  });

  it('of an architecture that does not give its layers is refused', async () => {
    const bytes = await editedBytes('llama', ({ values }) => {
      const value = { elementType: 'float32', values: Float32Array.of(1) } as const;
      values.set('gguf_embed.layer_pooling.weights', { type: 'array', value });
    });
    await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow(
      'llama does not give the rows of its layers',
    );
  });
});

describe('layers for each side of a search', () => {
  interface Sides extends Case {
    readonly query: string;
    readonly document: string;
  }
  const { cases } = readJson<{ cases: readonly Sides[] }>('reference/own/bert-router.json');
  const texts = cases.map(({ text }) => text);

  it.each(backends)('give the vectors of sentence-transformers on %s', async (backend, tolerance) => {
    const embedder = await Embedder.load(await converted('bert-router'), { backend, worker: false });
    expect(embedder.info).toMatchObject({ nEmbdOut: 16, hasInputTypes: true });
    const results = {
      raw: await embedder.embed(texts, raw),
      query: await embedder.embed(texts, { ...raw, promptName: 'query' }),
      document: await embedder.embed(texts, { ...raw, inputType: 'document' }),
    };
    for (const [i, one] of cases.entries()) {
      for (const side of ['raw', 'query', 'document'] as const) {
        expectSame(results[side].vectors[i], one[side], tolerance, `${side} ${one.text}`);
      }
    }
    expect((await embedder.embed(texts, { ...raw, inputType: 'query' })).vectors).toEqual(results.query.vectors);
    expect((await embedder.trace(texts[0], { ...raw, promptName: 'query' })).vector).toEqual(results.query.vectors[0]);
    expect((await embedder.trace(texts[0], raw)).vector).toEqual(results.document.vectors[0]);
    expect((await embedder.embed(texts, { ...raw, output: ['dense'], inputType: 'query' })).vectors).toEqual(
      results.query.vectors,
    );
    await embedder.dispose();
  });

  it('may share the transformer inside of the router, as older checkouts with Asym do', async () => {
    const bytes = await converted('bert-router', (folder) => {
      const router = join(folder, '2_Router');
      mkdirSync(join(router, 'query_0_Transformer'));
      for (const file of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
        renameSync(join(folder, file), join(router, 'query_0_Transformer', file));
      }
      renameSync(join(folder, '1_Pooling'), join(router, 'query_1_Pooling'));
      const shared = ['query_0_Transformer', 'query_1_Pooling'];
      const { types, structure, parameters } = JSON.parse(readFileSync(join(router, 'router_config.json'), 'utf8'));
      rmSync(join(router, 'router_config.json'));
      const config = {
        types: { ...types, query_0_Transformer: 'a.Transformer', query_1_Pooling: 'a.Pooling' },
        structure: {
          query: [...shared, ...structure.query],
          document: [...shared, ...structure.document],
        },
        parameters: { ...parameters, default_route: null },
      };
      writeFileSync(join(router, 'config.json'), JSON.stringify(config));
      const modules = [
        { type: 'sentence_transformers.models.Asym', path: '2_Router' },
        { type: 'sentence_transformers.models.LayerNorm', path: '3_LayerNorm' },
      ];
      writeFileSync(join(folder, 'modules.json'), JSON.stringify(modules));
    });
    const embedder = await Embedder.load(bytes, { backend: 'reference', worker: false });
    const byDefault = await embedder.embed(texts, raw);
    const { vectors } = await embedder.embed(texts, { ...raw, inputType: 'document' });
    for (const [i, { query, document, text }] of cases.entries()) {
      // Without a default route, the first one is taken.
      expectSame(byDefault.vectors[i], query, 1e-6, text);
      expectSame(vectors[i], document, 1e-6, text);
    }
    await embedder.dispose();
  });
});

describe('modules that a file cannot have', () => {
  let folder: string;
  const edit = (file: string, change: (json: never) => unknown) => {
    const path = join(folder, file);
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as never)));
  };
  const refusal = () =>
    convertFolder(folder, join(dirname(folder), 'out.gguf'), 'F16').then(
      () => 'converted',
      (error: Error) => error.message,
    );
  beforeEach(() => {
    folder = unpackCheckout('bert-router');
  });
  afterEach(() => rmSync(dirname(folder), { recursive: true }));

  const router = '2_Router/router_config.json';
  const structured =
    (query: string[], types: object = {}) =>
    (json: { types: object; structure: object }) => ({
      ...json,
      types: { ...json.types, ...types },
      structure: { ...json.structure, query },
    });

  it('are refused: a side with another model', async () => {
    edit(router, structured(['query_0_StaticEmbedding'], { query_0_StaticEmbedding: 'x.StaticEmbedding' }));
    expect(await refusal()).toMatch(
      /the sides of the Router differ by more than Dense.*query has Transformer and Pooling \(1_Pooling\) and StaticEmbedding \(2_Router\/query_0_StaticEmbedding\).*convert the folder of each Transformer by itself/,
    );
  });

  it('are refused: other routes, and routes that images choose', async () => {
    edit(router, (json: object) => ({ ...json, structure: { text: [], image: [] } }));
    expect(await refusal()).toContain('has the routes text, image; only query and document are converted');
    edit(router, (json: object) => ({
      ...json,
      structure: { query: [], document: [] },
      parameters: { route_mappings: { a: 'query' } },
    }));
    expect(await refusal()).toContain('chooses routes by route_mappings');
    edit(router, (json: object) => ({ ...json, parameters: { default_route: 'other' } }));
    expect(await refusal()).toContain('has the default route "other", which does not exist');
    rmSync(join(folder, router));
    expect(await refusal()).toContain(
      '2_Router/router_config.json: modules.json names this file, but it does not exist',
    );
  });

  it('are refused: sides of different widths', async () => {
    edit(router, structured([]));
    expect(await refusal()).toContain('its bias is [16], but its input has 32 values');
    edit('modules.json', (json: object[]) => json.slice(0, 3));
    expect(await refusal()).toContain('different widths, which cannot be compared: document 16 and query 32');
  });

  it.each(['CNN', 'LSTM', 'BoW', 'WordEmbeddings', 'WordWeights', 'CLIPModel'])('are refused: %s', async (kind) => {
    edit('modules.json', (json: object[]) => [
      ...json.slice(0, 2),
      { type: `sentence_transformers.models.${kind}`, path: '2_X' },
    ]);
    expect(await refusal()).toContain(`the module ${kind} (2_X) cannot be stored in a GGUF file`);
  });

  it.each([
    ['GLU', 'supported are Identity, Tanh'],
    ['PReLU', 'supported are Identity, Tanh'],
    ['Threshold', 'supported are Identity, Tanh'],
    ['LogSoftmax', 'supported are Identity, Tanh'],
    ['MultiheadAttention', 'supported are Identity, Tanh'],
  ])('are refused: Dense with %s', async (name, message) => {
    const activation = `torch.nn.modules.activation.${name}`;
    edit('2_Router/query_0_Dense/config.json', (json: object) => ({ ...json, activation_function: activation }));
    expect(await refusal()).toContain(message);
  });

  it('are refused: a layer that writes something else, or has other tensors', async () => {
    edit('3_LayerNorm/config.json', (json: object) => ({ ...json, module_output_name: 'token_embeddings' }));
    expect(await refusal()).toContain('module_output_name is "token_embeddings"');
    edit('3_LayerNorm/config.json', (json: object) => ({ ...json, module_output_name: null }));
    edit('2_Router/query_0_Dense/config.json', (json: object) => ({ ...json, use_residual: true }));
    expect(await refusal()).toContain('there is no residual.weight');
    rmSync(join(folder, '3_LayerNorm/config.json'));
    expect(await refusal()).toContain('modules.json names this file, but it does not exist');
  });
});

describe('a file with layers over pooled vectors is refused', () => {
  const list = (values: readonly string[]) => ({ type: 'array', value: { elementType: 'string', values } }) as const;
  let file: Awaited<ReturnType<typeof openGguf>>;
  beforeAll(async () => {
    file = await openGguf(memorySource(await converted('bert-router')));
  });

  it.each([
    ['dense.routes', ['query', 'other'], 'has other; it must name query and document, each once'],
    ['dense.routes', ['query', 'query'], 'has query; it must name query and document, each once'],
    ['dense.routes', ['query'], 'must name query and document'],
    ['dense.query.activations', ['squash', 'tanh'], 'has squash; supported are identity, tanh'],
    [
      'dense.document.kinds',
      ['dense', 'norm', 'dense', 'dense'],
      'has norm; supported are dense, dense_residual, layer_norm, length',
    ],
    ['dense.document.kinds', ['dense'], 'has 1 layers; there are 4'],
    ['dense.document.activations', Array(9).fill('tanh'), 'has 9 layers; at most 8'],
    ['pooling.modes', ['mean', 'sum'], 'is mean+sum; it must name ways to pool, each once'],
    ['pooling.modes', ['mean', 'mean'], 'is mean+mean; it must name ways to pool'],
    ['pooling.modes', ['none'], 'is none; it must name ways to pool'],
    ['pooling.modes', Array(1e5).fill('cls'), 'is cls+cls+cls+cls+cls+cls+cls; it must name'],
  ])('with %s %j', async (key, values, message) => {
    const bytes = await editedCopy(file, (edit) => edit.values.set(`gguf_embed.${key}`, list(values)));
    await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow(message);
  });
});

it('static embeddings may have layers', async () => {
  const pooled = await Embedder.load(await converted('static-module'), { backend: 'reference', worker: false });
  const layers = unpackCheckout('bert-router');
  const bytes = await converted('static-module', (folder) => {
    const path = join(folder, 'modules.json');
    const [first] = JSON.parse(readFileSync(path, 'utf8'));
    renameSync(join(layers, '2_Router/query_0_Dense'), join(folder, '1_Dense'));
    renameSync(join(layers, '3_LayerNorm'), join(folder, '2_LayerNorm'));
    const more = [
      { type: 'x.Dense', path: '1_Dense' },
      { type: 'x.LayerNorm', path: '2_LayerNorm' },
    ];
    writeFileSync(path, JSON.stringify([first, ...more]));
  });
  rmSync(dirname(layers), { recursive: true });
  const embedder = await Embedder.load(bytes, { backend: 'reference', worker: false });
  expect(embedder.info).toMatchObject({ nEmbd: 32, nEmbdOut: 16 });
  const [x] = (await pooled.embed('a text', raw)).vectors;
  const { tensors, readTensor } = await openGguf(memorySource(bytes));
  const values = async (name: string) => {
    const info = tensors.get(name)!;
    const read = new Uint8Array(info.byteLength);
    await readTensor(info, 0, read);
    return new Float32Array(read.buffer);
  };
  const [weight, bias] = [await values('sentence_dense.0.weight'), await values('sentence_dense.0.bias')];
  const selu = (v: number) => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * Math.expm1(v));
  const dense = Array.from(bias, (b, o) => selu(x.reduce((sum, v, i) => sum + v * weight[32 * o + i], b)));
  const mean = dense.reduce((sum, v) => sum + v / 16, 0);
  const spread = Math.sqrt(dense.reduce((sum, v) => sum + (v - mean) ** 2 / 16, 0) + 1e-5);
  const [scale, shift] = [await values('sentence_dense.1.weight'), await values('sentence_dense.1.bias')];
  const expected = Float32Array.from(dense, (v, i) => ((v - mean) / spread) * scale[i] + shift[i]);
  const [found] = (await embedder.embed('a text', raw)).vectors;
  for (const [i, v] of found.entries()) expect(Math.abs(v - expected[i])).toBeLessThan(1e-5);
  await pooled.dispose();
  await embedder.dispose();
});

it.each(backends)('a file without other keys pools in several ways on %s', async (backend) => {
  const bytes = await editedBytes('bert-mean', () => {});
  const embedder = await Embedder.load(bytes, { backend, worker: false, pooling: 'mean+max' });
  expect(embedder.info).toMatchObject({ pooling: 'mean+max', nEmbdOut: 2 * embedder.info.nEmbd });
  const { vectors } = await embedder.embed('a text', raw);
  const tokens = await embedder.embed('a text', { ...raw, pooling: 'none' });
  const n = embedder.info.nEmbd;
  for (let c = 0; c < n; c++) {
    let most = Number.NEGATIVE_INFINITY;
    for (let at = c; at < tokens.vectors[0].length; at += n) most = Math.max(most, tokens.vectors[0][at]);
    expect(vectors[0][n + c]).toBe(most);
  }
  for (const pooling of ['mean+mean', 'mean+none', 'sum', '']) {
    await expect(embedder.embed('a text', { pooling: pooling as 'mean' })).rejects.toThrow(
      'pooling must be one of none',
    );
  }
  await embedder.dispose();
});
