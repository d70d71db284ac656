/**
 * @file /rerank with images: every form of an input on either side, and errors that name the side.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { createApp } from '../../src/server/index.ts';
import { editedCopy } from '../models/edit.ts';
import { normal } from '../random.ts';
import { fixture } from './http-fixture.ts';

const image = (name: string) => readFileSync(fixture(`multimodal/images/${name}`)).toString('base64');
const [rgb, odd] = [image('rgb.png'), image('odd.png')];
const broken = 'aGVsbG8gd29ybGQ=';

let embedder: Embedder;
let rerank: (body: object) => Promise<{ status: number; scores: number[]; message: string | undefined }>;

beforeAll(async () => {
  const bytes = new Uint8Array(readFileSync(fixture('multimodal/models/qwen3vl.gguf')));
  const model = await editedCopy(await openGguf(memorySource(bytes, 'qwen3vl')), ({ values, setFloats }) => {
    values.set('tokenizer.chat_template.rerank', { type: 'string', value: 'Q: {query} D: {document} A:' });
    const labels = { type: 'array', value: { elementType: 'string', values: ['yes', 'no'] } } as const;
    values.set('qwen3vl.classifier.output_labels', labels);
    setFloats('cls.output.weight', [64, 2], normal(128, 7, 0.1));
  });
  const mmproj = fixture('multimodal/models/mmproj-qwen3vl.gguf').pathname;
  embedder = await Embedder.load(model, { mmproj, backend: 'wasm', worker: false, pooling: 'rank' });
  const app = createApp(Promise.resolve(embedder), { mediaMarker: '<__media__>' });
  rerank = async (body) => {
    const request = new Request('http://x/rerank', { method: 'POST', body: JSON.stringify(body) });
    const response = await app.fetch(request);
    const answer = (await response.json()) as {
      results?: { index: number; relevance_score: number }[];
      error?: { message: string };
    };
    const scores: number[] = [];
    for (const { index, relevance_score } of answer.results ?? []) scores[index] = relevance_score;
    return { status: response.status, scores, message: answer.error?.message };
  };
});
afterAll(() => embedder.dispose());

it('takes every form that an input of embeddings has, on either side', async () => {
  const part = { type: 'image_url', image_url: { url: `data:image/png;base64,${rgb}` } };
  const marked = { prompt_string: '<__media__>', multimodal_data: [rgb] };
  const forms = [{ image: rgb }, part, [part], { content: [part] }, marked];
  const byDocument = await rerank({ query: 'a cat', documents: [...forms, 'a text', { prompt_string: 'a text' }] });
  expect(byDocument.status, byDocument.message).toBe(200);
  const [first, ...others] = byDocument.scores;
  expect(others.slice(0, 4)).toEqual(Array(4).fill(first));
  expect(others[4]).toBe(others[5]);
  expect(others[4]).not.toBe(first);
  const scores = [];
  for (const query of forms) scores.push((await rerank({ query, documents: ['a text', marked] })).scores);
  expect(scores).toEqual(Array(forms.length).fill(scores[0]));
  expect(scores[0]).toHaveLength(2);
});

it("takes vLLM's content of documents: each part is one", async () => {
  const parts = [{ type: 'text', text: 'a text' }, { image: rgb }, { image: odd }];
  const listed = await rerank({ query: 'a cat', documents: ['a text', { image: rgb }, { image: odd }] });
  const together = await rerank({ query: 'a cat', documents: { content: parts } });
  expect(together.status, together.message).toBe(200);
  expect(together.scores).toEqual(listed.scores);
});

it.each([
  ['a damaged document', { query: 'x', documents: ['a', { image: broken }] }, 'image 0 of document 1: '],
  ['a damaged query', { query: { image: broken }, documents: ['a', { image: rgb }] }, 'image 0 of the query: '],
  ['a wrong part', { query: 'x', documents: ['a', 'b', { image: 5 }] }, 'document 2: "image" of a content part'],
  ['a wrong query', { query: { content: 'x' }, documents: ['a'] }, 'query: "content" of an input must be a list'],
  ['another type', { query: 'x', documents: ['a', 5] }, '"documents" must be a non-empty string array'],
  ['a query of another type', { query: 5, documents: ['a'] }, '"query" must be a string'],
])('names what is wrong: %s', async (_, body, message) => {
  const answer = await rerank(body);
  expect(answer.status).toBe(400);
  expect(answer.message).toContain(message);
});

it('names the side in the library, too, and counts its images alone', async () => {
  const { Reranker } = await import('../../src/engine/index.ts');
  const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
  const reranker = Reranker.from(embedder);
  const query = [{ image: bytes(rgb) }, { image: bytes(odd) }];
  const ofDocument = reranker.rank(query, ['a', [{ image: bytes(rgb) }, { image: bytes(broken) }]]);
  await expect(ofDocument).rejects.toThrow(/^image 1 of document 1: /);
  const ofQuery = reranker.rank([...query, { image: bytes(broken) }], ['a']);
  await expect(ofQuery).rejects.toThrow(/^image 2 of the query: /);
});
