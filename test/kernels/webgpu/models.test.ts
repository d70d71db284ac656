/**
 * @file Whole models on the GPU: every fixture against llama.cpp's recorded answers and the reference backend, every
 * weight type, and the same bits alone and in a batch.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { convertFolder } from '../../../src/convert/file.node.ts';
import { openFile } from '../../../src/gguf/file.node.ts';
import type { GgmlTypeName } from '../../../src/gguf/ggml-types.ts';
import { type GgufFile, memorySource, openGguf } from '../../../src/gguf/index.ts';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { loaders } from '../../../src/kernels/webgpu/loaders/index.ts';
import { loadModel, type Pooling } from '../../../src/models/index.ts';
import type { Backend } from '../../../src/tensor/backend.ts';
import { unpackCheckout } from '../../convert/support.ts';
import { openFixture, readJson, run } from '../../models/support.ts';
import { cosine, floats } from '../../vectors.ts';
import { describeGpu, webgpu } from './support.ts';

const fixtures = new URL('../../fixtures/', import.meta.url);
const names = readdirSync(new URL('models/', fixtures))
  .filter((file) => file.endsWith('.gguf'))
  .map((file) => file.slice(0, -'.gguf'.length));
/** Comes with the repository. */
const bundled = new URL('../../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url);
const quants = readdirSync(new URL('models/quant/', fixtures));

/** Token ids of a model's fixture that are few enough for software Vulkan, with llama.cpp's vectors or scores. */
function sequencesOf(name: string): { ids: readonly number[]; raw?: string; score?: number }[] {
  const embed = `reference/embed/${name}.json`;
  if (existsSync(new URL(embed, fixtures))) {
    const { cases } = readJson<{ cases: { tokens: number[]; raw?: string }[] }>(embed);
    const short = cases.filter(({ tokens }) => tokens.length > 2 && tokens.length < 48);
    return short.slice(0, 4).map(({ tokens, raw }) => ({ ids: tokens, raw }));
  }
  const rank = `reference/rank/${name}.json`;
  if (existsSync(new URL(rank, fixtures))) {
    const { queries } = readJson<{ queries: { documents: { pair_tokens: number[]; score: number }[] }[] }>(rank);
    const pairs = queries.flatMap(({ documents }) => documents);
    return pairs.slice(0, 4).map(({ pair_tokens, score }) => ({ ids: pair_tokens, score }));
  }
  return [19, 3, 34].map((n, s) => ({ ids: Array.from({ length: n }, (_, i) => (i * 37 + s * 11) % 200) }));
}

const randomCases = [40, 5].map((n) => ({ ids: Array.from({ length: n }, (_, i) => (i * 29 + n) % 400) }));
/** The weight type that a file of `quant/` is named after. */
const typeOf = (quant: string) => quant.replace(/^bert-q-|\.gguf$/g, '') as GgmlTypeName;

/** The longest recorded text of a model. */
function longestOf(name: string): readonly number[] {
  const { cases } = readJson<{ cases: { tokens: number[] }[] }>(`reference/embed/${name}.json`);
  return cases.map(({ tokens }) => tokens).reduce((a, b) => (b.length > a.length ? b : a));
}

describeGpu('models', () => {
  let gpu: WebGpuBackend;
  let reference: Backend;
  beforeAll(async () => {
    gpu = await webgpu({ debug: false });
    reference = await createReferenceBackend();
  });
  afterAll(() => {
    gpu.dispose();
    reference.dispose();
  });

  async function expectAgreement(
    file: GgufFile,
    cases: readonly { ids: readonly number[]; raw?: string; score?: number }[],
    pooling?: Pooling,
  ): Promise<void> {
    const onGpu = { file, backend: gpu, model: await loadModel(file, gpu) };
    const onReference = { file, backend: reference, model: await loadModel(file, reference) };
    const sequences = cases.map(({ ids }) => ids);
    const [got, want] = [await run(onGpu, sequences, pooling), await run(onReference, sequences, pooling)];
    got.forEach((vector, i) => {
      const difference = vector.reduce((most, v, at) => Math.max(most, Math.abs(v - want[i][at])), 0);
      const size = want[i].reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
      expect(difference / size, `sequence ${i}`).toBeLessThan(1e-3);
      if (vector.length > 8) expect(1 - cosine(vector, want[i])).toBeLessThan(1e-5);
      const raw = got.length === cases.length ? cases[i].raw : undefined;
      if (raw !== undefined) expect(1 - cosine(vector, floats(raw))).toBeLessThan(1e-5);
      const score = cases[i]?.score;
      if (score !== undefined) expect(Math.abs(vector[0] - score)).toBeLessThan(4e-3);
    });
    const alone = await run(onGpu, sequences.slice(-1), pooling);
    expect(alone).toEqual(got.slice(-alone.length));
  }

  it.each(names)('%s', async (name) => {
    await expectAgreement(await openFixture(`models/${name}.gguf`), sequencesOf(name));
  });

  it.each<Pooling>(['none', 'mean', 'cls', 'last'])('bert-mean and qwen3 with %s pooling', async (pooling) => {
    for (const name of ['bert-mean', 'qwen3']) {
      const cases = sequencesOf(name).map(({ ids }) => ({ ids }));
      await expectAgreement(await openFixture(`models/${name}.gguf`), cases, pooling);
    }
  });

  // One of each kind of attention: full, two windows, ALiBi, relative positions, causal with a window.
  it.each(['bert-mean', 'modern-bert', 'gemma-embedding', 'jina-bert-v2', 't5encoder', 'gemma2'])(
    'a long text on %s',
    async (name) => {
      const ids = longestOf(name);
      expect(ids.length).toBeGreaterThan(150);
      await expectAgreement(await openFixture(`models/${name}.gguf`), [{ ids }, { ids: ids.slice(0, 7) }]);
    },
  );

  // More rows than products norm themselves; they rotate then. One of each kind of rotation.
  it.each(['nomic-bert', 'modern-bert', 'llama', 'qwen2', 'jina-bert-v3'])(
    'a batch of many rows on %s',
    async (name) => {
      const cases = [290, 11].map((n) => ({ ids: Array.from({ length: n }, (_, i) => (i * 37 + n) % 200) }));
      await expectAgreement(await openFixture(`models/${name}.gguf`), cases);
    },
  );

  it('a model with a convolution, against what transformers computed', async () => {
    const folder = unpackCheckout('deberta-conv');
    const output = join(dirname(folder), 'model.gguf');
    await convertFolder(folder, output, 'F32');
    const file = await openGguf(memorySource(readFileSync(output)));
    rmSync(dirname(folder), { recursive: true });
    const { cases } = readJson<{ cases: { tokens: number[]; raw: string }[] }>('reference/own/deberta-conv.json');
    const model = { file, backend: gpu, model: await loadModel(file, gpu) };
    const sequences = cases.map(({ tokens }) => tokens);
    const vectors = await run(model, sequences);
    for (const [i, { tokens, raw }] of cases.entries()) {
      expect(1 - cosine(vectors[i], floats(raw)), `sequence ${i}`).toBeLessThan(1e-6);
      expect((await run(model, [tokens]))[0]).toEqual(vectors[i]);
    }
  });

  it('the bundled model', async () => {
    const file = await openGguf(await openFile(fileURLToPath(bundled)));
    const model = await loadModel(file, gpu);
    const { cases } = readJson<{ cases: { tokens: number[]; raw: string; file_f32: string }[] }>(
      'reference/all-MiniLM-L6-v2.json',
    );
    const short = cases.filter(({ tokens }) => tokens.length < 24).slice(0, 4);
    const vectors = await run(
      { file, backend: gpu, model },
      short.map(({ tokens }) => tokens),
      'mean',
    );
    vectors.forEach((vector, i) => {
      expect(1 - cosine(vector, floats(short[i].file_f32))).toBeLessThan(1e-5);
      expect(1 - cosine(vector, floats(short[i].raw))).toBeLessThan(1e-3);
    });
    await file.close();
  });

  it.each(quants)('quant/%s', async (quant) => {
    await expectAgreement(await openFixture(`models/quant/${quant}`), randomCases);
  });

  // The other types, and those of the other fixtures, are read as f16 with this precision: see strategies.test.ts.
  const int8 = quants.filter((quant) => loaders.get(typeOf(quant))?.int8 !== undefined);
  it.each(int8)('quant/%s with precision fast: eight-bit activations', async (quant) => {
    const file = await openFixture(`models/quant/${quant}`);
    const sequences = randomCases.map(({ ids }) => ids);
    const onReference = { file, backend: reference, model: await loadModel(file, reference) };
    const fast = await webgpu({ precision: 'fast', debug: false });
    const onGpu = { file, backend: fast, model: await loadModel(file, fast) };
    const [got, want] = [await run(onGpu, sequences), await run(onReference, sequences)];
    got.forEach((vector, i) => {
      const distance = 1 - cosine(vector, want[i]);
      expect(distance).toBeLessThan(1e-3);
      expect(distance, 'eight bits leave a trace').toBeGreaterThan(1e-9);
    });
    expect(await run(onGpu, sequences.slice(-1))).toEqual(got.slice(-1));
    fast.dispose();
  });
});
