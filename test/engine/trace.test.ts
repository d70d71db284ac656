/**
 * @file `Embedder.trace`: the same steps on the calling thread and in workers. Imports the built package by its own name,
 * because Node 20 starts no workers from TypeScript.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Embedder, type LoadOptions, type TraceStep } from 'gguf-embed';
import { describe, expect, it } from 'vitest';
import { floats } from '../vectors.ts';
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
  ['one worker', { backend: 'wasm', threads: 1, worker: true }],
  ['a team', { backend: 'wasm', threads: 2, worker: true }],
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
  const embedder = await load({ backend: 'wasm', threads: 1, worker: true });
  const observer = () => {
    throw new Error('seen enough');
  };
  await expect(embedder.embed('a', { observer })).rejects.toThrow('seen enough');
  expect((await embedder.embed('a')).vectors).toHaveLength(1);
  await embedder.dispose();
});

describe.each(['qwen3vl', 'qwen25vl', 'qwen2vl', 'gemma3'])('with images: %s', (name) => {
  const folder = fileURLToPath(new URL('../fixtures/multimodal/', import.meta.url));
  const image = (file: string) => `${folder}images/${file}`;
  const open = (options: LoadOptions) =>
    Embedder.load(`${folder}models/${name}.gguf`, { mmproj: `${folder}models/mmproj-${name}.gguf`, ...options });
  const input = { text: 'a <__media__> b', images: [image('odd.png')] };

  it("has llama.cpp's steps of the tower, then those of the text model, and the vector of embed", async () => {
    const embedder = await open({ backend: 'reference', worker: false });
    const { tokens, images, steps, vector, pooledFrom, dimensions } = await embedder.trace(input);
    const answer = await embedder.embed([input]);
    expect(vector).toEqual(answer.vectors[0]);
    expect(tokens).toHaveLength(answer.nTokens[0]);
    const [{ nx, ny, firstToken, patches, order, windows, rgb, width, height }] = images;
    expect(nx * ny).toBe(answer.nImageTokens[0]);
    const place = tokens.findIndex(({ id }) => id === -1);
    expect(firstToken).toBe(place);
    expect(tokens[place + nx].text).toBe('image 0 (0, 1)');
    expect(tokens.filter(({ id }) => id === -1)).toHaveLength(nx * ny);
    expect(pooledFrom).toBe(place + nx * ny);
    expect(rgb).toHaveLength(3 * width * height);
    expect(order.toSorted()).toEqual(Int32Array.from({ length: patches.nx * patches.ny }, (_, i) => i));
    expect(windows.at(-1)).toBe(patches.nx * patches.ny);
    expect(windows.length).toBe(name === 'qwen25vl' ? 3 : 2);

    const tower = steps.filter((step) => step.image === 0);
    expect(steps.slice(0, tower.length)).toEqual(tower);
    const { intermediates } = JSON.parse(readFileSync(`${folder}reference/vision/${name}-odd-png.json`, 'utf8'));
    const wanted = intermediates.filter((step: { name: string }) => !step.name.endsWith(' (reshaped)'));
    expect(wanted.length).toBeGreaterThan(5);
    for (const step of wanted) {
      const expected = floats(step.values);
      const values = tower.findLast((one) => one.name === step.name)!.values;
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const apart = values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
      expect(apart / largest, step.name).toBeLessThan(2e-3);
    }
    const shares = tower.find((step) => step.name === 'kq_soft_max-0')!;
    expect(shares.cols).toBe(windows[1]);
    expect(shares.values.subarray(0, shares.cols).reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
    const text = steps.filter((step) => step.image === undefined);
    expect(text.find((step) => step.name === 'ffn_out-0')!.rows).toBe(tokens.length);
    expect(text.at(-1)).toMatchObject({ name: 'result_embd_pooled', rows: 1, cols: dimensions });
    await embedder.dispose();
  });

  it('gives the same steps in a team, for each of several images, and however the layers are divided', async () => {
    const several = { text: '<__media__><__media__> b', images: [image('tiny.png'), image('odd.png')] };
    const digest = ({ values }: { values: Float32Array }) =>
      createHash('sha256')
        .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
        .digest('hex');
    const digests = (steps: readonly TraceStep[], index?: number) =>
      steps.filter((step) => step.image === index).map((step) => `${step.name} ${digest(step)}`);
    const here = await open({ backend: 'wasm', worker: false });
    const expected = await here.trace(several);
    const alone = await here.trace(input);
    expect(digests(expected.steps, 1)).toEqual(digests(alone.steps, 0));
    expect(digests(expected.steps, 0).length).toBeGreaterThan(5);
    const team = await open({ backend: 'wasm', threads: 2, worker: true, nUbatch: 1 });
    const { steps, vector } = await team.trace(several);
    for (const index of [0, 1, undefined]) expect(digests(steps, index)).toEqual(digests(expected.steps, index));
    expect(vector).toEqual(expected.vector);
    await Promise.all([here.dispose(), team.dispose()]);
  }, 60_000);
});
