/**
 * @file BERT cross-encoders as they were trained: the pooler, and token type 1 for the second text of a pair.
 */
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { Embedder, InputError, type LoadOptions, ModelError, Reranker } from '../../src/index.ts';
import { unpackCheckout } from '../convert/support.ts';
import { describeGpu } from '../kernels/webgpu/support.ts';
import { edited, editedBytes, editedCopy } from '../models/edit.ts';
import { load } from '../models/support.ts';
import { fixture } from './support.ts';

interface Scores {
  readonly query: string;
  /** `tanhGeluScore`: with GELU in llama.cpp's form, which files without `gguf_embed.gelu_erf` have. */
  readonly documents: readonly { readonly text: string; readonly score: number; readonly tanhGeluScore: number }[];
}

const scores: Scores = JSON.parse(
  readFileSync(new URL('../fixtures/checkouts/bert-rerank.scores.json', import.meta.url), 'utf8'),
);
const texts = scores.documents.map(({ text }) => text);
const key = 'gguf_embed.pair_token_types';
const yes = { type: 'bool', value: true } as const;

/** The checkout, converted. */
async function wholeModel(): Promise<Uint8Array> {
  const folder = unpackCheckout('bert-rerank');
  const output = join(dirname(folder), 'whole.gguf');
  await convertFolder(folder, output, 'F32');
  const bytes = readFileSync(output);
  rmSync(dirname(folder), { recursive: true });
  return bytes;
}

describe('a file with pooler and token types', () => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await wholeModel();
  });

  it.each<LoadOptions>([
    { backend: 'reference', worker: false },
    { backend: 'wasm', precision: 'exact', worker: false },
    { backend: 'wasm', precision: 'high', worker: false },
    { backend: 'wasm', precision: 'exact', worker: false, keepBlocks: true },
  ])('scores as transformers does with %o', async (options) => {
    const warnings: string[] = [];
    const reranker = await Reranker.load(bytes, { ...options, onWarning: (message) => void warnings.push(message) });
    const { results } = await reranker.rank(scores.query, texts);
    const tolerance = options.precision === 'high' ? 2e-3 : 1e-5;
    for (const { index, score } of results) {
      expect(Math.abs(score - scores.documents[index].score), texts[index]).toBeLessThan(tolerance);
    }
    const probability = await reranker.rank(scores.query, texts, { scores: 'probability' });
    for (const { index, score } of probability.results) {
      expect(Math.abs(score - 1 / (1 + Math.exp(-scores.documents[index].score)))).toBeLessThan(tolerance);
    }
    expect(warnings).toEqual([]);
    await reranker.dispose();
  });

  it('computes GELU as llama.cpp does without the key', async () => {
    const plain = await editedCopy(await openGguf(memorySource(bytes)), ({ values }) => {
      values.delete('gguf_embed.gelu_erf');
    });
    const reranker = await Reranker.load(plain, { backend: 'wasm', precision: 'exact', worker: false });
    const { results } = await reranker.rank(scores.query, texts);
    for (const { index, score } of results) {
      expect(Math.abs(score - scores.documents[index].tanhGeluScore), texts[index]).toBeLessThan(1e-5);
    }
    await reranker.dispose();
  });

  it.each(['reference', 'wasm'] as const)('gives the same bits alone and among others, with %s', async (backend) => {
    const reranker = await Reranker.load(bytes, { backend, worker: false });
    const { embedder } = reranker;
    const among = await Promise.all([
      reranker.rank(scores.query, texts),
      embedder.embed(['a text alone', 'another']),
      reranker.rank('other', ['x', ...texts]),
    ]);
    for (const [index, text] of texts.entries()) {
      const [alone] = (await reranker.rank(scores.query, [text])).results;
      expect(among[0].results.find((ranked) => ranked.index === index)!.score).toBe(alone.score);
    }
    expect((await embedder.embed('another')).vectors[0]).toEqual(among[1].vectors[1]);
    await reranker.dispose();
  });

  it('gives type 1 from the second text on, and to no token of a text alone', async () => {
    const reranker = await Reranker.load(bytes, { backend: 'reference', worker: false });
    const { embedder } = reranker;
    const ids = embedder.tokenizer.encodePair(scores.query, texts[0]);
    const begin = ids.indexOf(embedder.tokenizer.vocab.sep!) + 1;
    const score = async (pairStarts?: number[]) => (await embedder.embed([ids], { pairStarts })).vectors[0][0];
    expect(await score([begin])).toBe((await reranker.rank(scores.query, texts.slice(0, 1))).results[0].score);
    expect(await score()).toBe(await score([ids.length]));
    expect(await score([0])).not.toBe(await score());
    expect(await score([begin])).not.toBe(await score([begin + 1]));
    await reranker.dispose();
  });
});

describeGpu('on a GPU', () => {
  it('scores as transformers does, the same bits alone and among others', async () => {
    const reranker = await Reranker.load(await wholeModel(), {
      backend: 'webgpu',
      worker: false,
      precision: 'exact',
      gpu: { tuningCache: false },
    });
    const { results } = await reranker.rank(scores.query, texts);
    expect(results).toHaveLength(texts.length);
    for (const { index, score } of results) {
      expect(Math.abs(score - scores.documents[index].score), texts[index]).toBeLessThan(1e-4);
      const [alone] = (await reranker.rank(scores.query, [texts[index]])).results;
      expect(alone.score).toBe(score);
    }
    await reranker.dispose();
  });
});

describe.each(['bert-rank', 'jina-bert-v2-rank'])('%s', (name) => {
  it('computes what llama.cpp does without the key, and types with it', async () => {
    const options = { backend: 'reference', worker: false } as const;
    const changeType1 = (edit: Parameters<Parameters<typeof editedBytes>[1]>[0]) => {
      const table = edit.floats('token_types.weight');
      const nEmbd = edit.tensors.get('token_types.weight')!.shape[0];
      const rows = new Float32Array(2 * nEmbd);
      rows.set(table.subarray(0, nEmbd));
      rows.set(
        table.subarray(0, nEmbd).map((value, i) => value + (i % 2 === 0 ? 0.25 : -0.25)),
        nEmbd,
      );
      edit.setFloats('token_types.weight', [nEmbd, 2], rows);
      edit.values.set('tokenizer.ggml.token_type_count', { type: 'uint32', value: 2 });
    };
    const without = await editedBytes(name, changeType1);
    const withKey = await editedBytes(name, (edit) => {
      changeType1(edit);
      edit.values.set(key, yes);
    });
    const answers = [];
    for (const source of [fixture(name), without, withKey]) {
      const reranker = await Reranker.load(source, options);
      answers.push((await reranker.rank('a query', ['a document'])).results[0].score);
      await reranker.dispose();
    }
    expect(answers[1]).toBe(answers[0]);
    expect(answers[2]).not.toBe(answers[0]);
  });
});

it('refuses the key for a table of one type, and starts of pairs that are none', async () => {
  const file = await edited('bert-rank', ({ values, floats, tensors, setFloats }) => {
    const [nEmbd] = tensors.get('token_types.weight')!.shape;
    setFloats('token_types.weight', [nEmbd, 1], floats('token_types.weight').slice(0, nEmbd));
    values.set('tokenizer.ggml.token_type_count', { type: 'uint32', value: 1 });
    values.set(key, yes);
  });
  await expect(load('one type', file)).rejects.toThrow(ModelError);
  await expect(load('one type', file)).rejects.toThrow(`${key} is true, but the model has 1 token types`);

  const embedder = await Embedder.load(fixture('bert-rank'), { backend: 'reference', worker: false });
  for (const pairStarts of [[], [1, 2], [-1], [1.5], ['1'], 1, null]) {
    const refused = embedder.embed('one input', { pairStarts: pairStarts as never });
    await expect(refused, JSON.stringify(pairStarts)).rejects.toThrow(InputError);
  }
  await expect(embedder.embed('a', { pairStarts: [1], truncate: true })).rejects.toThrow('pair cannot be cut');
  await embedder.dispose();
});

describe('a BERT classifier without pooler, as llama.cpp converts it', () => {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  afterAll(() => void warnings.splice(0));

  it('is told about once, when it ranks', async () => {
    const options = { backend: 'reference', worker: false, onWarning } as const;
    const reranker = await Reranker.load(fixture('bert-rank-labels'), options);
    await reranker.rank('a', ['b', 'c']);
    await reranker.rank('a', ['d']);
    await reranker.dispose();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('lacks the pooler of a BERT cross-encoder (cls.weight)');
    for (const [name, pooling] of [
      ['bert-rank-labels', 'mean'],
      ['bert-rank', 'rank'],
      ['bert-rank-xlmr', 'rank'],
      ['jina-bert-v2-rank', 'rank'],
      ['modern-bert-rank', 'rank'],
      ['qwen3-rank', 'rank'],
    ] as const) {
      await (await Embedder.load(fixture(name), { ...options, pooling })).dispose();
    }
    expect(warnings).toHaveLength(1);
  });
});
