/** @file Text models and vision towers on the GPU, against llama.cpp's recorded answers. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { Pooling } from '../../../src/models/index.ts';
import { expectCases } from '../../models/vision/cases.ts';
import { loadPair, type Pair, pairNames } from '../../models/vision/support.ts';
import { describeGpu, webgpu } from './support.ts';

describeGpu('images', () => {
  describe.each(pairNames)('%s', (name) => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await loadPair(name, await webgpu({ debug: false }));
    });
    afterAll(() => pair?.backend.dispose());

    it.each(['last', 'mean', 'cls', 'none'] as Pooling[])(
      'embeds with pooling %s as llama.cpp does',
      async (pooling) => {
        await expectCases(pair, name, pooling);
      },
    );
  });
});
