/**
 * @file Every fixture model with precision `fast` and operands in f16: near the reference backend, and the same bits alone and in a batch.
 */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { loadModel } from '../../../src/models/index.ts';
import type { Backend } from '../../../src/tensor/backend.ts';
import { openFixture, run } from '../../models/support.ts';
import { cosine } from '../../vectors.ts';
import { gpu, webgpu } from './support.ts';

const adapter = await gpu?.requestAdapter();
const names = readdirSync(new URL('../../fixtures/models/', import.meta.url))
  .filter((file) => file.endsWith('.gguf'))
  .map((file) => file.slice(0, -'.gguf'.length));
const sequences = [19, 7, 34].map((n, s) => Array.from({ length: n }, (_, i) => (i * 29 + s * 17 + 40) % 200));

describe.skipIf(adapter?.features.has('shader-f16') !== true)('models with operands in f16', () => {
  let fast: WebGpuBackend;
  let reference: Backend;
  beforeAll(async () => {
    fast = await webgpu({ precision: 'fast', strategy: 'float', debug: false });
    reference = await createReferenceBackend();
  });
  afterAll(() => {
    fast.dispose();
    reference.dispose();
  });

  it.each(names)('%s', async (name) => {
    const file = await openFixture(`models/${name}.gguf`);
    const onGpu = { file, backend: fast, model: await loadModel(file, fast) };
    const onReference = { file, backend: reference, model: await loadModel(file, reference) };
    const [got, want] = [await run(onGpu, sequences), await run(onReference, sequences)];
    got.forEach((vector, i) => {
      const largest = want[i].reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
      const difference = vector.reduce((most, v, at) => Math.max(most, Math.abs(v - want[i][at])), 0);
      expect(difference / largest, `sequence ${i}`).toBeLessThan(2e-2);
      if (vector.length > 8) expect(1 - cosine(vector, want[i])).toBeLessThan(1e-5);
    });
    const alone = await run(onGpu, sequences.slice(-1));
    expect(alone).toEqual(got.slice(-alone.length));
  });
});
