/**
 * @file Architectures and modules that llama.cpp's converter lacks, language models and LFM2: checkouts with random weights, converted, against what the original libraries computed
 * (test/fixtures/make). The tokens of each text, its vector, the same bits alone and in a batch, and other storage types.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConvertError } from '../../src/convert/conversion-error.ts';
import { convertFolder } from '../../src/convert/file.node.ts';
import type { OutputType } from '../../src/convert/output-types.ts';
import { Embedder, Reranker } from '../../src/engine/index.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../src/kernels/wasm/index.ts';
import { modelTree } from '../../src/models/index.ts';
import { createTokenizer } from '../../src/tokenizer/index.ts';
import { unpackCheckout } from '../convert/support.ts';
import { cosine, floats, lengthRatio } from '../vectors.ts';
import { type Edit, editedBytes, editedCopy } from './edit.ts';
import { load, openFixture, readJson, run } from './support.ts';

interface Fixture {
  readonly cases: readonly { text: string; tokens: number[]; raw: string }[];
}

const names = [
  'static-wordpiece',
  'static-unigram',
  'static-module',
  'mpnet-mean',
  'gte-cls',
  'gte-mean',
  'deberta-mean',
  'deberta-spm',
  'deberta-conv',
  'bert-dense',
  'lfm2-last',
  'lfm2-cls',
  'gemma2-last',
  'llama-nemotron-embed-1b-v2',
];

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}.gguf`, import.meta.url));

/** Converts a checkout, for the tests of the calling block. */
function converter(name: string): (type: OutputType) => Promise<GgufFile> {
  let folder: string;
  beforeAll(() => {
    folder = unpackCheckout(name);
  });
  afterAll(() => rmSync(dirname(folder), { recursive: true }));
  return async (type) => {
    const output = join(dirname(folder), `${type}.gguf`);
    await convertFolder(folder, output, type);
    return openGguf(memorySource(readFileSync(output)));
  };
}

const backends = [
  ['reference', 1e-6, createReferenceBackend],
  ['wasm', 1e-5, createWasmBackend],
] as const;

describe.each(names)('%s', (name) => {
  const { cases } = readJson<Fixture>(`reference/own/${name}.json`);
  const converted = converter(name);

  it('tokenizes as the original does', async () => {
    const { metadata } = await converted('F32');
    const tokenizer = createTokenizer(metadata);
    for (const { text, tokens } of cases) expect(tokenizer.encode(text), text).toEqual(tokens);
    expect(cases.length).toBeGreaterThan(5);
  });

  it.each(backends)('embeds as the original does on %s', async (_, tolerance, makeBackend) => {
    const loaded = await load(name, await converted('F32'), () => makeBackend());
    const vectors = await run(
      loaded,
      cases.map(({ tokens }) => tokens),
    );
    for (const [i, { text, tokens, raw }] of cases.entries()) {
      const expected = floats(raw);
      expect(vectors[i]).toEqual((await run(loaded, [tokens]))[0]);
      if (expected.every((value) => value === 0)) expect(vectors[i], text).toEqual(expected);
      else {
        expect(1 - cosine(vectors[i], expected), text).toBeLessThan(tolerance);
        expect(Math.abs(1 - lengthRatio(vectors[i], expected)), text).toBeLessThan(100 * tolerance);
      }
    }
    loaded.backend.dispose();
  });

  it.each(['F16', 'BF16', 'Q8_0'] as const)('embeds nearly the same as %s', async (type) => {
    const loaded = await load(name, await converted(type));
    for (const { text, tokens, raw } of cases.slice(0, 5)) {
      const [vector] = await run(loaded, [tokens]);
      expect(cosine(vector, floats(raw)), text).toBeGreaterThan(0.995);
    }
  });
});

interface RankFixture {
  readonly query: string;
  readonly documents: readonly { text: string; pair_tokens: number[]; scores: number[] }[];
}

describe.each(['mpnet-rerank', 'gte-rerank', 'deberta-nli', 'llama-nemotron-rerank-1b-v2'])('%s', (name) => {
  const { query, documents } = readJson<RankFixture>(`reference/own/${name}.json`);
  const converted = converter(name);

  it('tokenizes pairs as the original does', async () => {
    const tokenizer = createTokenizer((await converted('F32')).metadata);
    for (const { text, pair_tokens } of documents) expect(tokenizer.encodePair(query, text), text).toEqual(pair_tokens);
  });

  it.each(backends)('scores as the original does on %s', async (_, tolerance, makeBackend) => {
    const loaded = await load(name, await converted('F32'), () => makeBackend());
    for (const { text, pair_tokens, scores } of documents) {
      const [found] = await run(loaded, [pair_tokens], 'rank');
      expect(found.length).toBe(scores.length);
      for (const [i, score] of scores.entries()) {
        expect(Math.abs(found[i] - score), text).toBeLessThan(100 * tolerance * Math.max(1, Math.abs(score)));
      }
    }
    loaded.backend.dispose();
  });
});

it('files of the fixtures are what the converter makes of their checkouts', async () => {
  const languageModels = ['bge-reranker-v2-gemma', 'llama-nemotron-rerank-1b-v2', 'jina-reranker-v3'];
  for (const name of ['static-wordpiece', 'mpnet-mean', 'gte-mean', 'deberta-mean', ...languageModels]) {
    const folder = unpackCheckout(name);
    const output = join(dirname(folder), 'F16.gguf');
    await convertFolder(folder, output, 'F16');
    expect(readFileSync(output).equals(readFileSync(fixture(name))), name).toBe(true);
    rmSync(dirname(folder), { recursive: true });
  }
});

it('a static model has a table and nothing else', async () => {
  const file = await openFixture('models/static-wordpiece.gguf');
  expect([...file.tensors.keys()]).toEqual(['token_embd.weight']);
  expect(modelTree(file)).toMatchObject({ name: 'gguf-embed-static' });
});

it('a static model is loaded, embeds, and says what it is', async () => {
  const embedder = await Embedder.load(fixture('static-wordpiece'), { backend: 'wasm', worker: false });
  expect(embedder.info).toMatchObject({ nLayer: 0, nCtx: 32768, pooling: 'mean', nEmbd: 64 });
  const { cases } = readJson<Fixture>('reference/own/static-wordpiece.json');
  const { vectors, nTokens } = await embedder.embed(
    cases.map(({ text }) => text),
    { normalize: -1 },
  );
  for (const [i, { raw, tokens }] of cases.entries()) {
    expect(vectors[i].every((value, at) => Math.abs(value - floats(raw)[at]) < 1e-5)).toBe(true);
    expect(nTokens[i]).toBe(tokens.length);
  }
  await expect(embedder.embed('')).rejects.toThrow('it has no tokens');
  await embedder.dispose();
});

describe('a static checkout that must be refused', () => {
  let folder: string;
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const write = (file: string, json: unknown) => writeFileSync(join(folder, file), JSON.stringify(json));
  const refusal = async () => {
    const error = await convertFolder(folder, join(dirname(folder), 'out.gguf'), 'F16').catch((reason) => reason);
    expect(error).toBeInstanceOf(ConvertError);
    return (error as Error).message;
  };
  const use = (name: string) => {
    folder = unpackCheckout(name);
  };
  afterEach(() => rmSync(dirname(folder), { recursive: true }));

  it('has another module', async () => {
    use('static-module');
    write('modules.json', [...read('modules.json'), { type: 'sentence_transformers.models.CNN', path: '2_CNN' }]);
    expect(await refusal()).toContain('the module CNN (2_CNN) cannot be stored beside static embeddings');
  });

  it.each([
    ['normalizer', { type: 'Prepend', prepend: 'x' }, 'the normalizer {"type":"Prepend","prepend":"x"} of a WordPiece'],
    ['pre_tokenizer', { type: 'Punctuation' }, 'the pre-tokenizer {"type":"Punctuation"} of a WordPiece'],
    ['model', { type: 'WordLevel', vocab: {} }, 'the tokenizer is of the type WordLevel'],
  ])('has another %s', async (part, value, message) => {
    use('static-wordpiece');
    write('tokenizer.json', { ...read('tokenizer.json'), [part]: value });
    expect(await refusal()).toContain(message);
  });

  it('puts spaces around some punctuation only', async () => {
    use('static-unigram');
    const json = read('tokenizer.json');
    json.normalizer.normalizers.splice(3, 1);
    write('tokenizer.json', json);
    expect(await refusal()).toContain('puts spaces around some characters');
  });

  it('has a table that does not fit to the tokens', async () => {
    use('static-module');
    const json = read('tokenizer.json');
    json.model.vocab.zzzz = Object.keys(json.model.vocab).length;
    write('tokenizer.json', json);
    expect(await refusal()).toMatch(/it has 600 rows for 601 tokens, and there is no mapping|rows for \d+ tokens/);
  });
});

describe('a checkout of GTE that must be refused', () => {
  it.each([
    [
      'rope_scaling',
      { type: 'ntk', factor: 8, mixed_b: 0.5 },
      'the rope scaling {"type":"ntk","factor":8,"mixed_b":0.5}',
    ],
    ['rope_scaling', { type: 'yarn', factor: 2 }, 'is not converted; known is ntk'],
    ['logn_attention_scale', true, 'logn_attention_scale is true'],
    ['layer_norm_type', 'rms_norm', 'layer_norm_type is "rms_norm"'],
    ['position_embedding_type', 'absolute', 'position_embedding_type is "absolute"'],
  ])('has %s %j', async (key, value, message) => {
    const folder = unpackCheckout('gte-cls');
    const path = join(folder, 'config.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), [key]: value }));
    await expect(convertFolder(folder, join(dirname(folder), 'out.gguf'), 'F16')).rejects.toThrow(message);
    rmSync(dirname(folder), { recursive: true });
  });
});

describe('a checkout of DeBERTa that must be refused', () => {
  it.each([
    ['config.json', 'hidden_act', 'gelu_new', 'hidden_act is "gelu_new"'],
    ['config.json', 'pooler_hidden_act', 'tanh', 'pooler_hidden_act is "tanh"'],
    ['config.json', 'embedding_size', 16, 'embedding_size is 16'],
    ['config.json', 'pos_att_type', ['p2p'], 'pos_att_type is ["p2p"]; known are c2p and p2c'],
    ['config.json', 'position_buckets', 128, 'encoder.rel_embeddings has the shape [32,32]; [256, 32] is needed'],
    ['config.json', 'share_att_key', false, 'no tensor encoder.layer.0.attention.self.pos_query_proj.weight'],
    ['tokenizer_config.json', 'split_by_punct', true, 'split_by_punct is true'],
  ])('has in %s %s %j', async (file, key, value, message) => {
    const folder = unpackCheckout('deberta-nli');
    const path = join(folder, file);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), [key]: value }));
    await expect(convertFolder(folder, join(dirname(folder), 'out.gguf'), 'F16')).rejects.toThrow(message);
    rmSync(dirname(folder), { recursive: true });
  });
});

describe('a convolution of DeBERTa', () => {
  let folder: string;
  beforeEach(() => {
    folder = unpackCheckout('deberta-conv');
  });
  afterEach(() => rmSync(dirname(folder), { recursive: true }));
  const convert = async (changes: object) => {
    const [path, output] = [join(folder, 'config.json'), join(dirname(folder), 'out.gguf')];
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...changes }));
    await convertFolder(folder, output, 'F32');
    return openGguf(memorySource(readFileSync(output)));
  };

  it.each([
    [{ conv_kernel_size: 2 }, 'conv_kernel_size is 2; an odd number up to 63 is converted'],
    [{ conv_kernel_size: 65 }, 'conv_kernel_size is 65; an odd number up to 63 is converted'],
    [{ conv_kernel_size: 5 }, 'encoder.conv.conv has the shape [32,32,3]; [32,32,5] is needed'],
    [{ conv_kernel_size: 0 }, 'encoder.conv.conv has the shape [32,32,3]'],
    [{ conv_groups: 2 }, 'conv_groups is 2; a convolution in groups is not converted'],
    [{ conv_act: 'mish' }, 'conv_act is "mish"; known are gelu'],
  ])('that must be refused has in config.json %j', async (changes, message) => {
    await expect(convert(changes)).rejects.toThrow(message);
  });

  it.each([
    ['gelu', 'gelu_erf'],
    ['gelu_new', 'gelu'],
    ['swish', 'silu'],
    [null, 'tanh'],
  ])('has its own activation: %j', async (conv_act, name) => {
    const { metadata, tensors } = await convert({ conv_act });
    expect(metadata.string('gguf-embed-deberta.conv.activation')).toBe(name);
    expect(metadata.u32('gguf-embed-deberta.conv.kernel_size')).toBe(3);
    expect(tensors.get('conv.weight')!.shape).toEqual([96, 32]);
  });

  it.each([
    ['kernel_size', { type: 'uint32', value: 2 }, 'is 2; an odd number up to 63 is required'],
    ['kernel_size', { type: 'uint32', value: 65 }, 'is 65; an odd number up to 63 is required'],
    ['kernel_size', { type: 'uint32', value: 5 }, 'conv.weight has the shape [96, 32]'],
    ['activation', { type: 'string', value: 'mish' }, 'is mish; known are gelu, gelu_erf'],
  ] as const)('is refused in a file with conv.%s %j', async (key, value, message) => {
    const broken = await editedCopy(await convert({}), ({ values }) => {
      values.set(`gguf-embed-deberta.conv.${key}`, value);
    });
    await expect(Embedder.load(broken, { backend: 'reference', worker: false })).rejects.toThrow(message);
  });
});

it.each([
  ['relative_buckets_count', 6, 'is 6; an even number from 8 on is required'],
  ['relative_max_distance', 9, 'is 9, which is too short for 32 rows'],
  ['head_count_kv', 2, 'does not divide the width into equal heads'],
])('DeBERTa refuses %s %i', async (key, value, message) => {
  const bytes = await editedBytes('deberta-mean', ({ values }) => {
    values.set(`gguf-embed-deberta.attention.${key}`, { type: 'uint32', value });
  });
  await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow(message);
});

it.each(['high', 'fast'] as const)('DeBERTa is as near to the original as other models at %s', async (precision) => {
  const embedder = await Embedder.load(fixture('deberta-mean'), { backend: 'wasm', worker: false, precision });
  const { cases } = readJson<Fixture>('reference/own/deberta-mean.json');
  const texts = cases.map(({ text }) => text);
  const { vectors } = await embedder.embed(texts, { normalize: -1 });
  for (const [i, { text, raw }] of cases.entries()) {
    expect(1 - cosine(vectors[i], floats(raw)), text).toBeLessThan(precision === 'high' ? 1e-5 : 1e-3);
  }
  await embedder.dispose();
});

it('MPNet refuses another number of heads in a layer, since all share one bias', async () => {
  const bytes = await editedBytes('mpnet-mean', ({ values }) => {
    const heads = { elementType: 'uint32', values: Uint32Array.of(4, 4, 2) } as const;
    values.set('gguf-embed-mpnet.attention.head_count', { type: 'array', value: heads });
  });
  await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow('differs between layers');
});

describe('Dense modules', () => {
  let folder: string;
  let output: string;
  beforeEach(() => {
    folder = unpackCheckout('bert-dense');
    output = join(dirname(folder), 'out.gguf');
  });
  afterEach(() => rmSync(dirname(folder), { recursive: true }));

  const edit = (file: string, change: (json: never) => unknown) => {
    const path = join(folder, file);
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as never)));
  };

  it.each(['wasm', 'reference'] as const)(
    'change the width of vectors, but not of those of tokens, on %s',
    async (backend) => {
      await convertFolder(folder, output, 'F16');
      const embedder = await Embedder.load(output, { backend, worker: false });
      expect(embedder.info).toMatchObject({ nEmbd: 32, nEmbdOut: 16, pooling: 'cls' });
      const { cases } = readJson<Fixture>('reference/own/bert-dense.json');
      const { vectors, dimensions } = await embedder.embed(
        cases.slice(0, 4).map(({ text }) => text),
        { normalize: -1 },
      );
      expect(dimensions).toBe(16);
      for (const [i, vector] of vectors.entries()) expect(cosine(vector, floats(cases[i].raw))).toBeGreaterThan(0.9999);
      await embedder.dispose();
      const tokens = await Embedder.load(output, { backend, worker: false, pooling: 'none' });
      expect(tokens.info.nEmbdOut).toBe(32);
      const rows = await tokens.embed('a text');
      expect(rows.dimensions).toBe(32);
      await tokens.dispose();
    },
  );

  it.each([
    [['Transformer', 'Dense', 'Pooling'], 'layers are converted after one Transformer and one Pooling only'],
    [['Transformer', 'Dense'], 'layers are converted after one Transformer and one Pooling only'],
    [['Transformer', 'Pooling', 'Pooling', 'Dense'], 'layers are converted after one Transformer and one Pooling'],
  ])('in the order %j are refused', async (kinds, message) => {
    edit('modules.json', () =>
      kinds.map((kind, i) => ({ type: `x.${kind}`, path: { Pooling: '1_Pooling', Dense: '3_Dense' }[kind] ?? `${i}` })),
    );
    await expect(convertFolder(folder, output, 'F16')).rejects.toThrow(message);
  });

  it('with another activation or input are refused by name', async () => {
    edit('3_Dense/config.json', (json: object) => ({
      ...json,
      activation_function: 'torch.nn.modules.activation.GLU',
    }));
    await expect(convertFolder(folder, output, 'F16')).rejects.toThrow(
      'activation_function is "torch.nn.modules.activation.GLU"; supported are Identity, Tanh, ReLU, GELU, SiLU',
    );
    edit('3_Dense/config.json', (json: object) => ({
      ...json,
      activation_function: 'torch.nn.modules.activation.Tanh',
      module_input_name: 'token_embeddings',
    }));
    await expect(convertFolder(folder, output, 'F16')).rejects.toThrow('module_input_name is "token_embeddings"');
  });

  it('that do not fit one to the next are refused', async () => {
    edit('modules.json', (json: { path: string }[]) => [json[0], json[1], json[4], json[3]]);
    await expect(convertFolder(folder, output, 'F16')).rejects.toThrow(
      'its weight is [16, 48], but its input has 32 values',
    );
  });

  it('of a file with another activation or too many layers are refused', async () => {
    await convertFolder(folder, output, 'F16');
    const file = await openGguf(memorySource(readFileSync(output)));
    for (const [values, message] of [
      [['tanh', 'squash'], 'gguf_embed.dense.activations has squash; supported are identity, tanh'],
      [Array(9).fill('tanh'), 'has 9 layers; at most 8'],
      [['tanh'], 'unexpected tensors'],
    ] as const) {
      const bytes = await editedCopy(file, (edited) => {
        edited.values.set('gguf_embed.dense.activations', { type: 'array', value: { elementType: 'string', values } });
      });
      await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow(message);
    }
  });
});

describe('an LFM2', () => {
  const loaded = async (change: (edit: Edit) => void = () => {}) => {
    const bytes = await editedBytes('lfm2-cls', change);
    return Embedder.load(bytes, { backend: 'reference', worker: false });
  };
  const text = 'a text of several tokens';

  it('maps every vector with the layer that LFM2-ColBERT has', async () => {
    const nOut = 8;
    const [weight, bias] = [
      Float32Array.from({ length: 32 * nOut }, (_, i) => Math.sin(i)),
      new Float32Array(nOut).fill(0.5),
    ];
    const mapped = (vector: Float32Array) =>
      Float32Array.from(bias, (b, o) => vector.reduce((sum, v, i) => sum + v * weight[o * 32 + i], b));
    const plain = await loaded();
    const colbert = await loaded(({ setFloats }) => {
      setFloats('dense_2.weight', [32, nOut], weight);
      setFloats('dense_2.bias', [nOut], bias);
    });
    expect(colbert.info.nEmbdOut).toBe(nOut);
    for (const pooling of ['cls', 'none'] as const) {
      const options = { pooling, normalize: -1 };
      const rows = (await plain.embed(text, options)).vectors;
      const { vectors } = await colbert.embed(text, options);
      const nRows = rows[0].length / 32;
      expect(vectors[0].length).toBe(nRows * nOut);
      for (let i = 0; i < nRows; i++) {
        const vector = vectors[0].subarray(i * nOut, (i + 1) * nOut);
        expect(1 - cosine(vector, mapped(rows[0].subarray(i * 32, (i + 1) * 32)))).toBeLessThan(1e-6);
      }
    }
    await plain.dispose();
    await colbert.dispose();
  });

  it('attends within a window if the file has one', async () => {
    const [plain, narrow] = [
      await loaded(),
      await loaded(({ values }) => values.set('lfm2.attention.sliding_window', { type: 'uint32', value: 2 })),
    ];
    const pooling = 'mean';
    const [a, b] = [await plain.embed(text, { pooling }), await narrow.embed(text, { pooling })];
    expect(cosine(a.vectors[0], b.vectors[0])).toBeLessThan(0.9999);
    await plain.dispose();
    await narrow.dispose();
  });

  it.each([
    [{ 'lfm2.shortconv.l_cache': 4 }, 'blk.0.shortconv.conv.weight has the shape [3, 32], but lfm2 needs [4, 32]'],
    [{ 'lfm2.shortconv.l_cache': 0 }, 'lfm2.shortconv.l_cache: 0'],
    [{ 'lfm2.shortconv.l_cache': 65 }, 'lfm2.shortconv.l_cache is 65; at most 64 are supported'],
  ])('is refused with %j', async (keys, message) => {
    const broken = loaded(({ values }) => {
      for (const [key, value] of Object.entries(keys)) values.set(key, { type: 'uint32', value });
    });
    await expect(broken).rejects.toThrow(message);
  });

  it('of a checkout with another kind of layer is refused by name', async () => {
    const folder = unpackCheckout('lfm2-last');
    const path = join(folder, 'config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    for (const [change, message] of [
      [
        { layer_types: ['conv', 'mamba', 'conv'] },
        'layer_types has the kind "mamba"; known are conv and full_attention',
      ],
      [{ layer_types: ['conv'] }, 'layer_types has 1 entries'],
      [{ conv_bias: true }, 'conv_bias'],
    ] as const) {
      writeFileSync(path, JSON.stringify({ ...config, ...change }));
      await expect(convertFolder(folder, join(dirname(folder), 'out.gguf'), 'F16')).rejects.toThrow(message);
    }
    rmSync(dirname(folder), { recursive: true });
  });
});

it.each([
  ['mxbai-rerank-base-v2', 1e-3],
  ['bge-reranker-v2-gemma', 6e-3],
])('the checkout of %s ranks by logits', async (name, onWasm) => {
  const folder = unpackCheckout(name);
  const output = join(dirname(folder), 'out.gguf');
  await convertFolder(folder, output, 'F32');
  const { query, documents } = readJson<RankFixture>(`reference/own/${name}.json`);
  for (const [backend, tolerance] of [
    ['reference', 1e-5],
    ['wasm', onWasm],
  ] as const) {
    const reranker = await Reranker.load(output, { backend, worker: false });
    for (const { text, pair_tokens } of documents) {
      expect(reranker.embedder.tokenizer.encodePair(query, text)).toEqual(pair_tokens);
    }
    const { results } = await reranker.rank(
      query,
      documents.map(({ text }) => text),
    );
    expect(results.length).toBe(documents.length);
    for (const { index, score } of results) {
      const expected = documents[index].scores[0];
      expect(Math.abs(score - expected)).toBeLessThan(tolerance * Math.max(1, Math.abs(expected)));
    }
    await reranker.dispose();
  }
  rmSync(dirname(folder), { recursive: true });
});

it('a file says how the reranker ranks that it was made of, whatever its name becomes', async () => {
  const bytes = readFileSync(fixture('bge-reranker-v2-gemma'));
  const reranker = await Reranker.load(new Uint8Array(bytes), { backend: 'reference', worker: false });
  expect(reranker.info).toMatchObject({ architecture: 'gemma', pooling: 'rank', rankOutputs: 'logits' });
  const { query, documents } = readJson<RankFixture>('reference/own/bge-reranker-v2-gemma.json');
  const texts = documents.map(({ text }) => text);
  const { results } = await reranker.rank(query, texts, { scores: 'probability' });
  for (const { index, score } of results) {
    expect(Math.abs(score - 1 / (1 + Math.exp(-documents[index].scores[0])))).toBeLessThan(1e-3);
  }
  // A document is cut in front of the question about it.
  const long = 'a bear '.repeat(600);
  await expect(reranker.rank(query, [long])).rejects.toThrow('512');
  const cut = await reranker.rank(query, [long], { truncate: true });
  expect([cut.nTokens, cut.truncated]).toEqual([[512], [true]]);
  await reranker.dispose();
});

it('files of other converters are known by their name', async () => {
  const bytes = await editedBytes('bge-reranker-v2-gemma', ({ values }) => {
    for (const key of ['gguf_embed.rank_tokens.positive', 'gguf_embed.rerank.parts', 'gemma.pooling_type'])
      values.delete(key);
    values.set('general.name', { type: 'string', value: 'Bge Reranker v2 Gemma' });
  });
  const reranker = await Reranker.load(bytes, { backend: 'reference', worker: false });
  const { query, documents } = readJson<RankFixture>('reference/own/bge-reranker-v2-gemma.json');
  for (const { text, pair_tokens } of documents) {
    expect(reranker.embedder.tokenizer.encodePair(query, text)).toEqual(pair_tokens);
  }
  const { results } = await reranker.rank(query, [documents[0].text]);
  expect(Math.abs(results[0].score - documents[0].scores[0])).toBeLessThan(0.02);
  await reranker.dispose();
});

it('a reranker of NVIDIA ranks without flags, from the mean of all tokens', async () => {
  const folder = unpackCheckout('llama-nemotron-rerank-1b-v2');
  const output = join(dirname(folder), 'out.gguf');
  await convertFolder(folder, output, 'F16');
  const embedder = await Embedder.load(output, { backend: 'reference', worker: false });
  expect(embedder.info).toMatchObject({ architecture: 'llama-embed', pooling: 'rank', rankOutputs: 'logits' });
  const { query, documents } = readJson<RankFixture>('reference/own/llama-nemotron-rerank-1b-v2.json');
  const { results } = await Reranker.from(embedder).rank(
    query,
    documents.map(({ text }) => text),
  );
  for (const { index, score } of results) expect(Math.abs(score - documents[index].scores[0])).toBeLessThan(0.02);
  const order = documents.map((_, i) => i).sort((a, b) => documents[b].scores[0] - documents[a].scores[0]);
  expect(results.map(({ index }) => index)).toEqual(order);
  await embedder.dispose();
  const bytes = await editedCopy(await openGguf(memorySource(readFileSync(output))), ({ values }) => {
    values.set('gguf_embed.classifier.row', { type: 'string', value: 'max' });
  });
  await expect(Embedder.load(bytes, { backend: 'reference', worker: false })).rejects.toThrow(
    'gguf_embed.classifier.row is max; supported are cls, mean, last',
  );
  rmSync(dirname(folder), { recursive: true });
});

describe('a checkout of a language model that must be refused', () => {
  it.each([
    [
      'bge-reranker-v2-gemma',
      'tie_word_embeddings',
      false,
      'the output of the architecture gemma is its table of tokens',
    ],
    ['bge-reranker-v2-gemma', 'attention_bias', true, 'attention_bias is true'],
    ['llama-nemotron-embed-1b-v2', 'pooling', 'max', 'pooling is "max"; known are avg, cls, last'],
    ['llama-nemotron-rerank-1b-v2', 'temperature', 0, 'temperature is 0; it must be positive'],
    ['gemma2-last', 'query_pre_attn_scalar', 8, 'query_pre_attn_scalar is 8; only 16 is computed with'],
    ['gemma2-last', 'layer_types', ['full_attention', 'full_attention'], 'layer_types must alternate'],
    ['gemma2-last', 'use_bidirectional_attention', true, 'use_bidirectional_attention is true'],
  ])('%s with %s %j', async (name, key, value, message) => {
    const folder = unpackCheckout(name);
    const path = join(folder, 'config.json');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), [key]: value }));
    await expect(convertFolder(folder, join(dirname(folder), 'out.gguf'), 'F16')).rejects.toThrow(message);
    rmSync(dirname(folder), { recursive: true });
  });
});

it('a Qwen2 that sees the whole text says so', async () => {
  const folder = unpackCheckout('mxbai-rerank-base-v2');
  const output = join(dirname(folder), 'out.gguf');
  const path = join(folder, 'config.json');
  for (const [change, expected] of [
    [{}, undefined],
    [{ is_causal: false }, false],
    [{ use_bidirectional_attention: true }, false],
  ] as const) {
    const config = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...config, ...change }));
    await convertFolder(folder, output, 'F16');
    writeFileSync(path, JSON.stringify(config));
    const { metadata } = await openGguf(memorySource(readFileSync(output)));
    expect(metadata.bool('qwen2.attention.causal')).toBe(expected);
  }
  rmSync(dirname(folder), { recursive: true });
});
