/**
 * @file `Embedder.trace`: the same steps on the calling thread and in workers. Imports the built package by its own name,
 * because Node 20 starts no workers from TypeScript.
 */
import { Embedder } from 'gguf-embed';
import { expect, it } from 'vitest';
import { fixture } from './support.ts';

const load = (options: Parameters<typeof Embedder.load>[1]) => Embedder.load(fixture('bert-mean'), options);

it('has every step, the tokens and the vector of embed', async () => {
  const embedder = await load({ backend: 'reference', worker: false });
  const { tokens, steps, vector, dimensions, pooling } = await embedder.trace('Hello world');
  const { vectors } = await embedder.embed('Hello world');
  expect(vector).toEqual(vectors[0]);
  expect([dimensions, pooling]).toEqual([64, 'mean']);
  expect(tokens.map(({ id }) => id)).toEqual(embedder.tokenize('Hello world'));
  expect(tokens.map(({ text }) => text).join('|')).toBe('[CLS]| he|ll|o| world|[SEP]');
  expect(steps[0]).toMatchObject({ name: 'embd', rows: 6, cols: 64 });
  expect(steps.at(-1)).toMatchObject({ name: 'result_embd_pooled', rows: 1, cols: 64 });
  const raw = await embedder.embed('Hello world', { normalize: -1 });
  expect(steps.at(-1)!.values).toEqual(raw.vectors[0]);
  await embedder.dispose();
});

it('keeps the steps that are asked for', async () => {
  const embedder = await load({ backend: 'wasm', worker: false });
  const names = async (...only: string[]) => (await embedder.trace('a', { only })).steps.map(({ name }) => name);
  expect(await names('ffn_out-*', 'result_*')).toEqual([
    'ffn_out-0',
    'ffn_out-1',
    'ffn_out-2',
    'result_embd',
    'result_embd_pooled',
  ]);
  expect(await names('?cur-1')).toEqual(['Qcur-1', 'Kcur-1', 'Vcur-1']);
  expect(await names('.*')).toEqual([]);
  await expect(embedder.trace('a', { only: 'embd' as unknown as string[] })).rejects.toThrow('only must be a list');
  await expect(embedder.trace(['a', 'b'] as unknown as string)).rejects.toThrow('trace takes one input, not 2');
  await embedder.dispose();
});

it.each([
  ['one worker', { backend: 'wasm', threads: 1 }],
  ['a team', { backend: 'wasm', threads: 2 }],
  ['a worker of the reference', { backend: 'reference' }],
] as const)('%s gives the steps of the calling thread, and later calls none', async (_, options) => {
  const text = 'several tokens for a team of two workers '.repeat(4);
  const here = await load({ backend: options.backend, worker: false });
  const there = await load(options);
  const [a, b] = [await here.trace(text), await there.trace(text)];
  expect(b.steps).toEqual(a.steps);
  expect(b.vector).toEqual(a.vector);
  expect((await there.embed(text)).vectors[0]).toEqual(a.vector);
  const [first, second] = await Promise.all([there.trace('one'), there.trace('two words')]);
  expect(first.steps).toEqual((await here.trace('one')).steps);
  expect(second.steps).toEqual((await here.trace('two words')).steps);
  await Promise.all([here.dispose(), there.dispose()]);
});

it('what an observer throws, the call rejects with, in a worker, too', async () => {
  const embedder = await load({ backend: 'wasm', threads: 1 });
  const observer = () => {
    throw new Error('seen enough');
  };
  await expect(embedder.embed('a', { observer })).rejects.toThrow('seen enough');
  expect((await embedder.embed('a')).vectors).toHaveLength(1);
  await embedder.dispose();
});
