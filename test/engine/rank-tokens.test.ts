/**
 * @file Rerankers that are language models without a classifier: the logits of two tokens of the vocabulary behind a pair.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Embedder, Reranker } from '../../src/engine/index.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';
import { createTokenizer } from '../../src/tokenizer/index.ts';
import { editedBytes, editedCopy } from '../models/edit.ts';
import { openFixture } from '../models/support.ts';
import { fixture } from './support.ts';

const local = { backend: 'reference', worker: false } as const;
const QUERY = 'what is a panda?';
const DOCUMENTS = ['hi', 'it is a bear', 'The giant panda is a bear of China.'];
const TEMPLATE = 'query: {query} document: {document} relevant:';

/** A row of the output of a language model, which is its table of tokens. */
async function outputRow(file: GgufFile, text: string): Promise<Float32Array> {
  const { vocab } = createTokenizer(file.metadata);
  const id = Array.from({ length: vocab.nTokens }, (_, i) => vocab.text(i)).indexOf(text);
  const info = file.tensors.get('token_embd.weight')!;
  const bytes = new Uint8Array(info.byteLength);
  await file.readTensor(info, 0, bytes);
  const values = new Float32Array(info.shape[0] * info.shape[1]);
  codecs[info.type.name].dequantize(bytes, values, values.length);
  return values.subarray(id * info.shape[0], (id + 1) * info.shape[0]);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);

const withTemplate = (name: string) =>
  editedBytes(name, ({ values }) => {
    values.set('tokenizer.chat_template.rerank', { type: 'string', value: TEMPLATE });
  });

/** The logit of each token behind each pair: the last hidden state times the row of the token. */
async function logitsOf(name: string, tokens: readonly string[]): Promise<number[][]> {
  const embedder = await Embedder.load(fixture(name), { ...local, pooling: 'last' });
  const pairs = DOCUMENTS.map((document) => TEMPLATE.replace('{query}', QUERY).replace('{document}', document));
  const { vectors } = await embedder.embed(pairs, { normalize: -1, addSpecial: false });
  await embedder.dispose();
  const file = await openFixture(`models/${name}.gguf`);
  const rows = await Promise.all(tokens.map((token) => outputRow(file, token)));
  return vectors.map((vector) => rows.map((row) => dot(vector, row)));
}

describe.each(['qwen3', 'qwen2', 'llama'])('%s', (name) => {
  it.each(['reference', 'wasm'] as const)(
    'scores by the probability of the first of two tokens on %s',
    async (backend) => {
      const tokens = ['is', 'in'] as const;
      const first = name === 'llama' ? (['▁a', '▁the'] as const) : tokens;
      const reranker = await Reranker.load(await withTemplate(name), { backend, worker: false, rankTokens: first });
      expect(reranker.info).toMatchObject({ pooling: 'rank', rankOutputs: 'probabilities' });
      const ranked = async (scores: 'raw' | 'logit') => {
        const { results } = await reranker.rank(QUERY, DOCUMENTS, { scores });
        return results.toSorted((a, b) => a.index - b.index).map(({ score }) => score);
      };
      const [raw, logit] = [await ranked('raw'), await ranked('logit')];
      for (const [i, [yes, no]] of (await logitsOf(name, first)).entries()) {
        expect(Math.abs(raw[i] - 1 / (1 + Math.exp(no - yes)))).toBeLessThan(1e-3);
        expect(Math.abs(logit[i] - (yes - no))).toBeLessThan(1e-2 * Math.max(1, Math.abs(yes - no)));
      }
      await reranker.dispose();
    },
  );
});

it('scores by the logit of one token', async () => {
  const embedder = await Embedder.load(await withTemplate('qwen3'), { ...local, rankTokens: ['is'] });
  expect(embedder.info).toMatchObject({ pooling: 'rank', rankOutputs: 'logits' });
  const { results } = await Reranker.from(embedder).rank(QUERY, DOCUMENTS);
  const logits = await logitsOf('qwen3', ['is']);
  for (const { index, score } of results) expect(score).toBeCloseTo(logits[index][0], 3);
  await embedder.dispose();
});

it('a file says itself which tokens it compares', async () => {
  const bytes = await editedBytes('qwen2', ({ values }) => {
    values.set('tokenizer.chat_template.rerank', { type: 'string', value: TEMPLATE });
    values.set('gguf_embed.rank_tokens.positive', { type: 'string', value: 'is' });
    values.set('gguf_embed.rank_tokens.negative', { type: 'string', value: 'in' });
  });
  const reranker = await Reranker.load(bytes, local);
  const { results } = await reranker.rank(QUERY, DOCUMENTS);
  const logits = await logitsOf('qwen2', ['is', 'in']);
  for (const { index, score } of results) {
    expect(score).toBeCloseTo(1 / (1 + Math.exp(logits[index][1] - logits[index][0])), 4);
  }
  await reranker.dispose();
});

it('knows the tokens and the layout of models by name', async () => {
  const named = (name: string, value: string) =>
    editedBytes(name, ({ values }) => {
      values.set('general.name', { type: 'string', value });
    });
  const mxbai = await Reranker.load(await named('qwen2', 'Mxbai Rerank Base v2'), local);
  expect(mxbai.embedder.metadata.string('gguf_embed.rerank.parts')).toContain(
    '"query: {query}","\\n","document: {document}","\\n",',
  );
  expect(mxbai.info.rankOutputs).toBe('probabilities');
  await mxbai.dispose();
  // The file with a classifier keeps its own.
  const classified = await Reranker.load(await named('qwen3-rank', 'Qwen3 Reranker 0.6B'), local);
  expect(classified.info.labels).toEqual(['yes', 'no']);
  await classified.dispose();
  await expect(Reranker.load(await named('qwen2', 'Something else'), local)).rejects.toThrow('is not a reranker');
});

it('Qwen3-VL-Reranker ranks texts and images in its layout, by yes and no', async () => {
  const original = await openFixture('multimodal/models/qwen3vl.gguf');
  const bytes = await editedCopy(original, ({ values }) => {
    values.set('general.name', { type: 'string', value: 'Qwen3 VL Reranker 2B' });
    const texts = [...original.metadata.strings('tokenizer.ggml.tokens')!];
    // The vocabulary of the fixture has none of the two words.
    for (const [old, word] of [
      ['<|object_ref_start|>', 'yes'],
      ['<|object_ref_end|>', 'no'],
    ])
      texts[texts.indexOf(old)] = word;
    values.set('tokenizer.ggml.tokens', { type: 'array', value: { elementType: 'string', values: texts } });
  });
  const mmproj = fileURLToPath(new URL('../fixtures/multimodal/models/mmproj-qwen3vl.gguf', import.meta.url));
  const picture = fileURLToPath(new URL('../fixtures/multimodal/images/odd.png', import.meta.url));
  const reranker = await Reranker.load(bytes, { ...local, mmproj });
  expect(reranker.info.rankOutputs).toBe('probabilities');
  const { results } = await reranker.rank('a red car', [{ image: picture }, 'a text'], { scores: 'logit' });
  const file = await openGguf(memorySource(bytes));
  const [yes, no] = await Promise.all(['yes', 'no'].map((word) => outputRow(file, word)));
  const embedder = await Embedder.load(bytes, { ...local, mmproj, pooling: 'last' });
  const before =
    '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. ' +
    'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n<Instruct>: Given a search query, ' +
    'retrieve relevant candidates that answer the query.<Query>:a red car\n<Document>:';
  const after = '<|im_end|>\n<|im_start|>assistant\n';
  const { vectors } = await embedder.embed(
    [[{ text: before }, { image: picture }, { text: after }], `${before}a text${after}`],
    { normalize: -1, addSpecial: false },
  );
  for (const { index, score } of results) {
    const logit = dot(vectors[index], yes) - dot(vectors[index], no);
    expect(Math.abs(score - logit)).toBeLessThan(1e-2 * Math.max(1, Math.abs(logit)));
  }
  await Promise.all([reranker.dispose(), embedder.dispose()]);
});

describe('what cannot be ranked by tokens', () => {
  it.each([
    ['qwen3-rank', ['yes', 'no'], 'has a classifier (cls, cls.output)'],
    ['bert-mean', ['yes', 'no'], 'bert is not a language model whose logits are computed'],
    ['qwen3', ['is', 'nowhere to be found'], 'rank_tokens.negative: the vocabulary has no token "nowhere to be found"'],
  ] as const)('%s by %j', async (name, rankTokens, message) => {
    await expect(Embedder.load(fixture(name), { ...local, rankTokens })).rejects.toThrow(message);
  });

  it.each([[[]], [['a', 'b', 'c']], ['yes'], [[1]], [['']]])('%j', async (value) => {
    const options = { ...local, rankTokens: value as unknown as ['a'] };
    await expect(Embedder.load(fixture('qwen3'), options)).rejects.toThrow('a list of one or two texts');
  });

  it('without a layout of pairs, that is said', async () => {
    const warnings: string[] = [];
    const options = { ...local, rankTokens: ['is', 'in'], onWarning: (text: string) => warnings.push(text) } as const;
    await (await Embedder.load(fixture('qwen3'), options)).dispose();
    expect(warnings.join()).toContain('the file has no tokenizer.chat_template.rerank');
  });
});
