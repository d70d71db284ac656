/** @file What images need of the webgpu backend, against the reference backend. */
import { afterAll, beforeAll, it } from 'vitest';
import type { WebGpuBackend } from '../../../src/kernels/webgpu/index.ts';
import { imageCases } from '../image-graphs.ts';
import { describeGpu, expectAsReference, webgpu } from './support.ts';

describeGpu('what images need', () => {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await webgpu();
  });
  afterAll(() => gpu?.dispose());

  it.each(Object.entries(imageCases))('%s', async (_, { sources, batch, graph }) => {
    await expectAsReference(gpu, sources, batch, graph);
  });
});
