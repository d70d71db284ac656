/**
 * @file Options and inputs that JavaScript lets pass: refused by name, before any weight is read; and sources of another realm.
 */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/embedder.ts';
import { InputError } from '../../src/engine/errors.ts';
import { Reranker } from '../../src/engine/rerank/reranker.ts';
import type { EmbedOptions, LoadOptions } from '../../src/engine/types.ts';
import { memorySource } from '../../src/gguf/index.ts';
import { fixture } from './support.ts';

const local = { worker: false, backend: 'wasm' } as const;

describe('Embedder.load', () => {
  it.each([
    ['pooling', 'sum', /pooling must be one of none, mean, cls, last, rank, max, .* joined by \+, not "sum"/],
    ['backend', 'cuda', /backend must be one of auto, webgpu, wasm, reference, not "cuda"/],
    ['backend', null, /backend must be one of .*, not null/],
    ['precision', 'low', /precision must be one of exact, high, fast, not "low"/],
    ['nCtx', 0, /nCtx must be a positive integer, not 0/],
    ['nCtx', '512', /nCtx must be a positive integer, not "512"/],
    ['nCtx', 1.5, /nCtx must be a positive integer, not 1.5/],
    ['nUbatch', -1, /nUbatch must be a positive integer, not -1/],
    ['threads', 0, /threads must be an integer from 1 to 256, not 0/],
    ['worker', 'no', /worker must be one of true, false, not "no"/],
    ['packing', 1, /packing must be one of true, false, not 1/],
    ['keepBlocks', 'yes', /keepBlocks must be one of/],
    ['profile', null, /profile must be one of/],
    ['workerUrl', 5, /workerUrl must be a URL or a string/],
    ['gpu', { weights: 'f32' }, /gpu.weights must be one of auto, quantised, f16, not "f32"/],
    ['gpu', { memory: -5 }, /gpu.memory must be a positive integer, not -5/],
    ['gpu', { autotune: 'off' }, /gpu.autotune must be one of/],
  ])('refuses %s: %o before it reads a weight', async (option, value, message) => {
    const bytes = await readFile(fixture('bert-mean'));
    const whole = memorySource(bytes);
    let furthest = 0;
    const source = {
      ...whole,
      read: (offset: number, into: Uint8Array) => {
        furthest = Math.max(furthest, offset + into.length);
        return whole.read(offset, into);
      },
    };
    const loading = Embedder.load(source, { ...local, [option]: value } as LoadOptions);
    await expect(loading).rejects.toThrow(InputError);
    await expect(loading).rejects.toThrow(message);
    expect(furthest).toBeLessThan(bytes.length / 2);
  });

  it.each([
    ['tokenizer.ggml.bos_token_id', 999_999, /bos_token_id: 999999 is not the id of a token: .* 0 to \d+$/],
    ['tokenizer.ggml.seperator_token_id', 4_294_967_295, /seperator_token_id: 4294967295 is not the id of a token/],
    ['tokenizer.ggml.padding_token_id', -1, /padding_token_id: -1 is out of the range of uint32/],
    ['tokenizer.ggml.mask_token_id', { type: 'int32', value: 1_000_000 }, /mask_token_id: 1000000 is not the id/],
    ['bert.attention.layer_norm_epsilon', 0, /bert.attention.layer_norm_epsilon is 0/],
    ['bert.attention.layer_norm_epsilon', -0.5, /bert.attention.layer_norm_epsilon is -0.5/],
    ['bert.pooling_type', 9, /bert.pooling_type is 9; supported are/],
    ['bert.attention.head_count', 5, /attention.head_count/],
    ['bert.block_count', 2n ** 40n, /bert.block_count: 1099511627776 is out of the range of uint32/],
  ] as const)('refuses the override %s: %o', async (key, value, message) => {
    const loading = Embedder.load(fixture('bert-mean'), { ...local, overrides: { [key]: value } });
    await expect(loading).rejects.toThrow(message);
  });

  it('takes every token id of the vocabulary as an override', async () => {
    const overrides = { 'tokenizer.ggml.bos_token_id': 5, 'tokenizer.ggml.mask_token_id': 0 };
    const embedder = await Embedder.load(fixture('bert-mean'), { ...local, overrides });
    expect(embedder.tokenize('a')[0]).toBe(5);
    await embedder.dispose();
  });

  it('a reranker without a classifier is refused before its weights are read', async () => {
    const bytes = await readFile(fixture('bert-mean'));
    const whole = memorySource(bytes);
    let read = 0;
    const source = {
      ...whole,
      read: (offset: number, into: Uint8Array) => {
        read += into.length;
        return whole.read(offset, into);
      },
    };
    await expect(Reranker.load(source, local)).rejects.toThrow(/is not a reranker: its file has no classifier/);
    expect(read).toBeLessThan(bytes.length / 2);
  });

  it.each(['Uint8Array', 'ArrayBuffer'] as const)('takes a %s of another realm', async (kind) => {
    const bytes = await readFile(fixture('bert-mean'));
    const foreign = runInNewContext('new Uint8Array(n)', { n: bytes.length }) as Uint8Array;
    foreign.set(bytes);
    expect(foreign).not.toBeInstanceOf(Uint8Array);
    const embedder = await Embedder.load(kind === 'Uint8Array' ? foreign : (foreign.buffer as ArrayBuffer), local);
    const { vectors } = await embedder.embed('a text');
    const usual = await Embedder.load(fixture('bert-mean'), local);
    expect(vectors).toEqual((await usual.embed('a text')).vectors);
    await Promise.all([embedder.dispose(), usual.dispose()]);
  });

  it('takes a file: URL as text, and says what other URLs need', async () => {
    const url = pathToFileURL(fixture('bert-mean')).href;
    const embedder = await Embedder.load(url, local);
    expect(embedder.info.architecture).toBe('bert');
    await embedder.dispose();
    await expect(Embedder.load('ftp://example.org/model.gguf', local)).rejects.toThrow(
      /cannot be loaded from a ftp: URL/,
    );
  });

  it.each([[null], [undefined], [7], [{}]])('refuses %o as a source', async (source) => {
    await expect(Embedder.load(source as never, local)).rejects.toThrow(
      'a model must be a path, a URL, bytes, a Blob, a Response, a FileSystemFileHandle or a ByteSource',
    );
  });
});

describe('embed and rank', () => {
  let embedder: Embedder;
  let reranker: Reranker;
  beforeAll(async () => {
    embedder = await Embedder.load(fixture('bert-mean'), local);
    reranker = await Reranker.load(fixture('bert-rank'), local);
  });
  afterAll(() => Promise.all([embedder.dispose(), reranker.dispose()]));

  it.each([
    ['truncate', 'middle', 'truncate must be one of true, false, start, end, not "middle"'],
    ['truncate', 0, 'truncate must be one of true, false, start, end, not 0'],
    ['truncate', null, 'truncate must be one of true, false, start, end, not null'],
    [
      'pooling',
      'first',
      'pooling must be one of none, mean, cls, last, rank, max, weighted-mean, mean-sqrt-len, or several of mean, cls, last, max, weighted-mean, mean-sqrt-len joined by +, not "first"',
    ],
    ['normalize', 1.5, 'normalize must be an integer (-1, 0, 1, 2 or p), not 1.5'],
    ['normalize', Number.NaN, 'normalize must be an integer (-1, 0, 1, 2 or p), not NaN'],
    ['dimensions', 0, 'dimensions must be an integer from 1 to 65536, not 0'],
    ['dimensions', 3.5, 'dimensions must be an integer from 1 to 65536, not 3.5'],
    ['dimensions', 1e9, 'dimensions must be an integer from 1 to 65536, not 1000000000'],
  ])('embed refuses %s: %o', async (option, value, message) => {
    await expect(embedder.embed('a', { [option]: value } as EmbedOptions)).rejects.toThrow(message);
  });

  it.each([
    ['scores', 'percent', 'scores must be one of raw, logit, probability, not "percent"'],
    ['truncate', 'end', 'truncate must be one of true, false, not "end"'],
  ])('rank refuses %s: %o', async (option, value, message) => {
    await expect(reranker.rank('q', ['d'], { [option]: value })).rejects.toThrow(message);
  });

  it.each([
    ['\ud83d', 0],
    ['an emoji cut in two: \ud83d', 21],
    ['\ude00 the other half', 0],
    ['\ude00\ud83d', 0],
  ])('names the one text of a batch that has half an emoji: %j', async (text, at) => {
    const failing = embedder.embed(['fine 😀', text, 'fine, too']);
    await expect(failing).rejects.toThrow(`input 1 has half of a surrogate pair at character ${at}`);
    await expect(failing).rejects.toMatchObject({ code: 'text', index: 1 });
    await expect(embedder.embed([[5, text]])).rejects.toThrow('part 1 of input 0 has half of a surrogate pair');
    await expect(reranker.rank(text, ['d'])).rejects.toThrow('the query has half of a surrogate pair');
    await expect(reranker.rank('q', ['d', text])).rejects.toMatchObject({ index: 1 });
    expect(() => embedder.tokenize(text)).toThrow('half of a surrogate pair');
  });

  it('takes token ids in an Int32Array of another realm', async () => {
    const foreign = runInNewContext('Int32Array.of(5, 6, 7)') as Int32Array;
    expect((await embedder.embed(foreign)).vectors).toEqual((await embedder.embed([5, 6, 7])).vectors);
  });
});
