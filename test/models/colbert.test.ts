/**
 * @file ColBERT models: checkouts with random weights, converted, against the arithmetic of Stanford's program and of PyLate
 * (test/fixtures/make/colbert_models.py), on all backends.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { Embedder, type TokenVectors } from '../../src/engine/index.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { unpackCheckout } from '../convert/support.ts';
import { describeGpu } from '../kernels/webgpu/support.ts';
import { cosine, floats } from '../vectors.ts';
import { editedCopy } from './edit.ts';
import { readJson } from './support.ts';

interface Fixture {
  readonly cases: readonly {
    text: string;
    query_tokens: number[];
    query: string;
    document_tokens: number[];
    document: string;
    scores: number[];
  }[];
}

const models = ['colbert-bert', 'colbert-jina', 'colbert-modern', 'colbert-lfm2'];
const casesOf = (name: string) => readJson<Fixture>(`reference/own/${name}.json`).cases;

/** A checkout; that of ModernBERT is laid over the one without a head. */
function unpack(name: string): string {
  const folder = unpackCheckout(name);
  if (name !== 'colbert-modern') return folder;
  const base = unpackCheckout('modern-bert');
  for (const file of ['config.json', 'modules.json', 'config_sentence_transformers.json', '1_Dense', '2_Dense']) {
    cpSync(join(folder, file), join(base, file), { recursive: true });
  }
  rmSync(dirname(folder), { recursive: true });
  return base;
}

async function converted(name: string, change: (folder: string) => void = () => {}): Promise<string> {
  const folder = unpack(name);
  change(folder);
  const output = join(dirname(folder), 'model.gguf');
  await convertFolder(folder, output, 'F32');
  return output;
}

function rowsOf({ values, dimensions }: TokenVectors): Float32Array[] {
  return Array.from({ length: values.length / dimensions }, (_, i) =>
    values.subarray(i * dimensions, (i + 1) * dimensions),
  );
}

function compare(found: TokenVectors, recorded: string, tolerance: number): void {
  const expected = rowsOf({ values: floats(recorded), dimensions: found.dimensions });
  const rows = rowsOf(found);
  expect(rows.length).toBe(expected.length);
  for (const [i, row] of rows.entries()) {
    expect(1 - cosine(row, expected[i])).toBeLessThan(tolerance);
    expect(Math.hypot(...row)).toBeCloseTo(1, 5);
  }
}

async function checkModel(name: string, backend: 'reference' | 'wasm' | 'webgpu', tolerance: number): Promise<void> {
  const file = await converted(name);
  const embedder = await Embedder.load(file, { backend, worker: false });
  try {
    expect(embedder.info).toMatchObject({ outputs: ['multi'], hasInputTypes: true });
    const cases = casesOf(name);
    const texts = cases.map(({ text }) => text);
    const options = { output: ['multi'], truncate: true } as const;
    const queries = await embedder.embed(texts, { ...options, inputType: 'query' });
    const documents = await embedder.embed(texts, options);
    for (const [i, { query, query_tokens, document, document_tokens, text }] of cases.entries()) {
      expect(queries.nTokens[i], text).toBe(query_tokens.length);
      expect(documents.nTokens[i], text).toBe(document_tokens.length);
      compare(queries.multi![i], query, tolerance);
      compare(documents.multi![i], document, tolerance);
      // The same bits alone, by the name of the prompt.
      const alone = await embedder.embed(text, { ...options, promptName: 'query' });
      expect(alone.multi![0]).toEqual(queries.multi![i]);
      const other = await embedder.embed(text, { ...options, promptName: 'document' });
      expect(other.multi![0]).toEqual(documents.multi![i]);
    }
    expect(documents.truncated.some((cut) => cut)).toBe(true);
  } finally {
    await embedder.dispose();
    rmSync(dirname(file), { recursive: true });
  }
}

describe.each(models)('%s', (name) => {
  it('gives the vectors of the original on reference', () => checkModel(name, 'reference', 1e-6));
  it('gives the vectors of the original on wasm', () => checkModel(name, 'wasm', 1e-5));
});

describeGpu('on a GPU', () => {
  it.each(models)('%s gives the vectors of the original', (name) => checkModel(name, 'webgpu', 1e-5));
});

describe('a ColBERT model', () => {
  let file: string;
  let opened: GgufFile;
  let embedder: Embedder;
  beforeAll(async () => {
    file = await converted('colbert-bert');
    opened = await openGguf(memorySource(readFileSync(file)));
    embedder = await Embedder.load(file, { backend: 'wasm', worker: false });
  });
  afterAll(async () => {
    await embedder?.dispose();
    rmSync(dirname(file), { recursive: true });
  });
  const long = casesOf('colbert-bert')[4].text;
  const multi = ['multi'] as const;

  it('keeps long texts whole, unless they may be cut', async () => {
    const whole = await embedder.embed(long, { output: multi });
    expect(whole.nTokens[0]).toBe(embedder.tokenize(long).length + 1);
    expect(whole.truncated).toEqual([false]);
    const cut = await embedder.embed([long, 'a text'], { output: multi, truncate: true });
    expect(cut.nTokens[0]).toBe(60);
    expect(cut.truncated).toEqual([true, false]);
    const query = await embedder.embed(long, { output: multi, inputType: 'query' });
    expect(query.nTokens[0]).toBe(whole.nTokens[0]);
    const tooLong = embedder.embed(`${long} ${long} ${long}`, { output: multi });
    await expect(tooLong).rejects.toMatchObject({ code: 'length', nCtx: 256 });
  });

  it('uses token ids as they are', async () => {
    const text = 'a text';
    const [{ query_tokens: ids }] = casesOf('colbert-bert').filter((one) => one.text === text);
    const { nTokens, multi: vectors } = await embedder.embed([ids.slice(0, 5)], { output: multi, inputType: 'query' });
    expect(nTokens).toEqual([5]);
    expect(vectors![0].values.length).toBe(5 * vectors![0].dimensions);
  });

  it('leaves punctuation out of documents, not of queries', async () => {
    const [a, b] = (await embedder.embed(['a text', 'a text !?.'], { output: multi })).multi!;
    expect(a.values.length).toBe(b.values.length);
    const [plain] = (await embedder.embed('a text', { output: multi, normalize: -1 })).multi!;
    expect(Math.hypot(...rowsOf(plain)[0])).not.toBeCloseTo(1, 3);
    const [cut] = (await embedder.embed('a text', { output: multi, dimensions: 8 })).multi!;
    expect(rowsOf(cut).length).toBe(rowsOf(a).length);
  });

  it('has no dense vectors, unless it is told how to pool', async () => {
    await expect(embedder.embed('a text')).rejects.toThrow('has no dense output; it has multi');
    await expect(embedder.embed('a text', { output: ['dense'] })).rejects.toThrow('has no dense output');
    const { vectors } = await embedder.embed('a text', { pooling: 'mean' });
    expect(vectors[0].length).toBe(32);
    const pooled = await Embedder.load(file, { backend: 'reference', worker: false, pooling: 'mean' });
    expect(pooled.info.outputs).toEqual(['dense', 'multi']);
    expect((await pooled.embed('a text')).vectors[0].length).toBe(32);
    const both = pooled.embed('a text', { output: ['dense', 'multi'] });
    await expect(both).rejects.toThrow('makes multi of other tokens than dense: ask for one of them at a time');
    await pooled.dispose();
  });

  it('refuses a context that is shorter than its queries, and unknown prompts', async () => {
    const short = await Embedder.load(file, { backend: 'reference', worker: false, nCtx: 16 });
    const query = short.embed('a text', { output: multi, inputType: 'query' });
    await expect(query).rejects.toThrow('input 0 has 32 tokens, but the context is 16');
    await short.dispose();
    const prompt = embedder.embed('a text', { output: multi, promptName: 'passage' });
    await expect(prompt).rejects.toThrow('there is no prompt "passage" (known: query, document)');
  });

  const u32 = (value: number) => ({ type: 'uint32', value }) as const;
  const ints = (...values: number[]) =>
    ({ type: 'array', value: { elementType: 'int32', values: Int32Array.from(values) } }) as const;
  it.each([
    ['query_marker', u32(2 ** 31), 'but the vocabulary has'],
    ['document_marker', u32(2 ** 31), 'but the vocabulary has'],
    ['expansion_token', u32(2 ** 31), 'but the vocabulary has'],
    ['query_length', u32(3), 'it must be from 4 to the context of 256 tokens'],
    ['query_length', u32(2 ** 31), 'it must be from 4 to the context of 256 tokens'],
    ['document_length', u32(0), 'it must be from 4 to the context of 256 tokens'],
    ['skipped_tokens', ints(3, -1), 'has -1, but the vocabulary has'],
    ['skipped_tokens', ints(2 ** 30), 'but the vocabulary has'],
    [
      'skipped_tokens',
      { type: 'array', value: { elementType: 'float32', values: new Float32Array(2) } },
      'numbers of the type int32',
    ],
    ['score', { type: 'string', value: 'max' }, 'is max; supported are sum, mean'],
  ] as const)('with another %s is refused', async (key, value, message) => {
    const bytes = await editedCopy(opened, ({ values }) => {
      values.set(`gguf_embed.multi.${key}`, value as never);
    });
    const loading = Embedder.load(bytes, { backend: 'reference', worker: false });
    await expect(loading).rejects.toThrow(message);
  });

  it('needs the length of queries to fill them up', async () => {
    const bytes = await editedCopy(opened, ({ values }) => {
      values.delete('gguf_embed.multi.query_length');
    });
    const loading = Embedder.load(bytes, { backend: 'reference', worker: false });
    await expect(loading).rejects.toThrow('gguf_embed.multi.expansion_token needs gguf_embed.multi.query_length');
  });
});

it.each(['Q8_0', 'F16'] as const)('weights of the type %s give nearly the same vectors', async (type) => {
  const folder = unpack('colbert-bert');
  const file = join(dirname(folder), 'model.gguf');
  await convertFolder(folder, file, type);
  const embedder = await Embedder.load(file, { backend: 'wasm', worker: false });
  const cases = casesOf('colbert-bert');
  const { multi } = await embedder.embed(
    cases.map(({ text }) => text),
    { output: ['multi'], truncate: true },
  );
  for (const [i, { document }] of cases.entries()) {
    const expected = rowsOf({ values: floats(document), dimensions: 16 });
    for (const [j, row] of rowsOf(multi![i]).entries()) expect(cosine(row, expected[j])).toBeGreaterThan(0.99);
  }
  await embedder.dispose();
  rmSync(dirname(folder), { recursive: true });
});

it('a window that is too small for hidden masks is refused', async () => {
  const file = await converted('colbert-modern');
  const loading = Embedder.load(file, {
    backend: 'reference',
    worker: false,
    overrides: { 'modern-bert.attention.sliding_window': 40 },
  });
  await expect(loading).rejects.toThrow('the window of 40 tokens is less than twice the length of queries, 24');
  rmSync(dirname(file), { recursive: true });
});

describe('a checkout', () => {
  const json = (path: string, change: (value: never) => unknown) => (folder: string) => {
    const at = join(folder, path);
    writeFileSync(at, JSON.stringify(change(JSON.parse(readFileSync(at, 'utf8')) as never)));
  };
  const settings = (more: object) => json('config_sentence_transformers.json', (old: object) => ({ ...old, ...more }));
  const metadata = (more: object) => json('artifact.metadata', (old: object) => ({ ...old, ...more }));

  it.each<[string, string, (folder: string) => void, string]>([
    ['another similarity', 'colbert-bert', metadata({ similarity: 'l2' }), 'similarity is "l2"; only cosine'],
    ['another interaction', 'colbert-bert', metadata({ interaction: 'flipr' }), 'only colbert is converted'],
    ['an unknown marker', 'colbert-bert', metadata({ query_token_id: '[Q]' }), '"[Q]" is not in the vocabulary'],
    ['a length of 0', 'colbert-bert', metadata({ query_maxlen: 0 }), 'query_maxlen is 0; a number of tokens'],
    ['a flag that is none', 'colbert-bert', metadata({ attend_to_mask_tokens: 1 }), 'true or false was expected'],
    [
      'another class below',
      'colbert-bert',
      json('config.json', (old: object) => ({ ...old, model_type: 'electra' })),
      'HF_ColBERT over electra is not supported',
    ],
    ['an unknown prefix', 'colbert-lfm2', settings({ query_prefix: 'Q:' }), '"Q:" is not in the vocabulary'],
    ['a prefix that is no text', 'colbert-lfm2', settings({ query_prefix: 5 }), 'query_prefix is 5; a text was'],
    ['another similarity', 'colbert-lfm2', settings({ similarity_fn_name: 'xtr' }), 'only MaxSim is converted'],
    ['words that are no list', 'colbert-lfm2', settings({ skiplist_words: '.' }), 'must be a list of texts'],
    [
      'a residual layer',
      'colbert-lfm2',
      json('1_Dense/config.json', (old: object) => ({ ...old, use_residual: true })),
      'use_residual is true',
    ],
    [
      'another module',
      'colbert-lfm2',
      json('modules.json', (list: object[]) => [...list, { type: 'x.LayerNorm', path: '' }]),
      'the modules are Transformer, Dense, LayerNorm; of PyLate only Dense is converted',
    ],
  ])('with %s is refused (%s)', async (_, name, change, message) => {
    await expect(converted(name, change)).rejects.toThrow(message);
  });

  it.each([
    ['neither markers nor masks', { query_prefix: '', document_prefix: '', do_query_expansion: false }, 0],
    ['a marker alone', { do_query_expansion: false, document_prefix: '' }, 1],
  ])('with %s makes queries of fewer tokens', async (_, more, nMarkers) => {
    const file = await converted('colbert-lfm2', settings(more));
    const embedder = await Embedder.load(file, { backend: 'reference', worker: false });
    const { nTokens } = await embedder.embed('a text', { output: ['multi'], inputType: 'query' });
    expect(nTokens[0]).toBe(embedder.tokenize('a text').length + nMarkers);
    await embedder.dispose();
    rmSync(dirname(file), { recursive: true });
  });

  it('without settings has those of Stanford', async () => {
    const file = await converted('colbert-bert', (folder) => rmSync(join(folder, 'artifact.metadata')));
    const { metadata: written } = await openGguf(memorySource(readFileSync(file)));
    expect(written.u32('gguf_embed.multi.query_length')).toBe(32);
    expect(written.u32('gguf_embed.multi.document_length')).toBe(220);
    expect(written.u32('gguf_embed.multi.query_marker')).toBe(1);
    expect(written.bool('gguf_embed.multi.attend_to_expansion')).toBe(false);
    rmSync(dirname(file), { recursive: true });
  });

  it('of Stanford may have the class of its transformer', async () => {
    const bytesOf = async (change?: (folder: string) => void) => {
      const file = await converted('colbert-jina', change);
      const bytes = readFileSync(file);
      rmSync(dirname(file), { recursive: true });
      return bytes;
    };
    const change = json('config.json', (old: object) => ({ ...old, architectures: ['XLMRobertaModel'] }));
    expect((await bytesOf(change)).equals(await bytesOf())).toBe(true);
  });

  /** A checkout of PyLate in the layout of sentence-transformers. */
  const asEncoder =
    ({ prompts = {}, mask = {}, transformer = {} }: Record<string, object> = {}) =>
    (folder: string) => {
      const write = (path: string, value: object) => writeFileSync(join(folder, path), JSON.stringify(value));
      json('modules.json', (list: object[]) => [
        ...list,
        { path: '2_MultiVectorMask', type: 'sentence_transformers.multi_vector_encoder.modules.MultiVectorMask' },
        { path: '3_Normalize', type: 'sentence_transformers.base.modules.normalize.Normalize' },
      ])(folder);
      const markers = { query: '[Q] ', document: '[D] ', ...prompts };
      write('config_sentence_transformers.json', { model_type: 'MultiVectorEncoder', prompts: markers });
      const expansion = { strategy: 'fixed', attend: false, token: null, length: 20 };
      write('sentence_bert_config.json', { document_length: 64, query_expansion: expansion, ...transformer });
      mkdirSync(join(folder, '2_MultiVectorMask'));
      const words = [...'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'];
      write('2_MultiVectorMask/config.json', { skiplist_words: words, skiplist_tasks: ['document'], ...mask });
    };

  it('of a MultiVectorEncoder of sentence-transformers gives the same file', async () => {
    const [own, other] = [await converted('colbert-lfm2', asEncoder()), await converted('colbert-lfm2')];
    expect(readFileSync(own).equals(readFileSync(other))).toBe(true);
    for (const file of [own, other]) rmSync(dirname(file), { recursive: true });
  });

  it.each<[string, Record<string, object>, string]>([
    ['a prompt of words', { prompts: { query: 'query: ' } }, 'only a marker that is one token is converted'],
    ['words that queries lack, too', { mask: { skiplist_tasks: ['query', 'document'] } }, 'only ["document"]'],
    ['a list of tokens to keep', { mask: { keep_only_token_ids: [3] } }, 'keep_only_token_ids is set'],
    ['an expansion without a length', { transformer: { query_expansion: {} } }, 'length is 0; a number of tokens'],
    [
      'an expansion by no token',
      { transformer: { query_expansion: { length: 20, token: '[M]' } } },
      '"[M]" is not in the vocabulary',
    ],
  ])('of a MultiVectorEncoder with %s is refused', async (_, change, message) => {
    await expect(converted('colbert-lfm2', asEncoder(change))).rejects.toThrow(message);
  });

  it('of PyLate may be in a folder of the transformer', async () => {
    const file = await converted('colbert-lfm2', (folder) => {
      mkdirSync(join(folder, '0_Transformer'));
      for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
        cpSync(join(folder, name), join(folder, '0_Transformer', name));
        rmSync(join(folder, name));
      }
      json('modules.json', (list: object[]) => [{ ...list[0], path: '0_Transformer' }, ...list.slice(1)])(folder);
    });
    expect((await openGguf(memorySource(readFileSync(file)))).metadata.has('gguf_embed.multi.query_marker')).toBe(true);
    rmSync(dirname(file), { recursive: true });
  });
});
