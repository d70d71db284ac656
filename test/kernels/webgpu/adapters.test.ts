/**
 * @file LoRA adapters on the GPU: llama.cpp's vectors (test/fixtures/make/lora.cpp), and the bits of the model without one.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { loadModel, runForward } from '../../../src/models/index.ts';
import { openAdapter } from '../../models/adapters.ts';
import { openFixture, readJson } from '../../models/support.ts';
import { cosine, floats } from '../../vectors.ts';
import { pack } from '../graphs.ts';
import { describeGpu, webgpu } from './support.ts';

const sequences = [
  [5, 17, 42, 9, 23, 8, 61],
  [3, 4],
  [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22],
];
const targets = ['blk.0.attn_qkv.weight', 'blk.1.ffn_up.weight', 'token_embd.weight'];

describeGpu('adapters', () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await webgpu();
  });
  afterAll(() => backend.dispose());

  it('add up to the vectors of llama.cpp, and leave the model alone without a scale', async () => {
    const base = await openFixture('models/jina-bert-v3.gguf');
    const first = await openAdapter('jina-bert-v3', targets);
    const second = await openAdapter('jina-bert-v3', targets.slice(0, 2), { rank: 4, alpha: 0, seed: 2 });
    const plain = await loadModel(base, backend);
    const model = await loadModel(base, backend, { adapters: [first, second] });
    const batch = pack(sequences);
    const own = await runForward(backend, plain, batch, 'mean', false);
    expect(await runForward(backend, model, batch, 'mean', false)).toEqual(own);
    const adapted = await runForward(backend, model, { ...batch, adapters: [0.5, -0.75] }, 'mean', false);
    const recorded = readJson<Record<string, string[]>>('reference/lora.json')['jina-bert-v3'].map(floats);
    const width = adapted.length / sequences.length;
    for (const [i, vector] of recorded.entries()) {
      expect(1 - cosine(adapted.slice(i * width, (i + 1) * width), vector)).toBeLessThan(1e-5);
      expect(1 - cosine(own.slice(i * width, (i + 1) * width), vector)).toBeGreaterThan(1e-3);
    }
  });
});
