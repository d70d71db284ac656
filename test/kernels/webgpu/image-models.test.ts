/** @file Text models and vision towers on the GPU, against llama.cpp's recorded answers. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutTiles, decodeImage } from '../../../src/image/index.ts';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import type { Pooling } from '../../../src/models/index.ts';
import { loadTower } from '../../../src/models/vision/index.ts';
import type { TargetTypeName } from '../../../src/quantize/types.ts';
import { openFixture, readJson } from '../../models/support.ts';
import { expectCases } from '../../models/vision/cases.ts';
import { quantisedTower, towerRows } from '../../models/vision/quantised-tower.ts';
import { loadPair, type Pair, pairNames } from '../../models/vision/support.ts';
import { cosine, floats } from '../../vectors.ts';
import { gpu as dawn, describeGpu, webgpu } from './support.ts';

const hasHalves = (await dawn?.requestAdapter())?.features.has('shader-f16') === true;

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

    it.each(['F16', 'BF16', 'Q8_0', 'Q4_K_M'] as TargetTypeName[])('has the rows of a tower in %s', async (type) => {
      const file = await quantisedTower(name, type);
      const reference = await towerRows(file, await createReferenceBackend());
      const gpu = await webgpu({ debug: false });
      expect(1 - cosine(await towerRows(file, gpu), reference)).toBeLessThan(1e-5);
      gpu.dispose();
    });

    it.skipIf(!hasHalves)('has the rows of a tower with operands in f16', async () => {
      const file = await quantisedTower(name, 'F16');
      const reference = await towerRows(file, await createReferenceBackend());
      const gpu = await webgpu({ precision: 'fast', strategy: 'float', debug: false });
      expect(1 - cosine(await towerRows(file, gpu), reference)).toBeLessThan(1e-5);
      gpu.dispose();
    });
  });

  it('idefics3 has the rows of llama.cpp of every tile', async () => {
    const gpu = await webgpu({ debug: false });
    const tower = await loadTower(await openFixture('idefics3/mmproj.gguf'), gpu);
    const pictures = readJson<{ image: string; tiles: { rows: string }[] }[]>('idefics3/reference.json');
    for (const { image, tiles } of pictures) {
      const bytes = new Uint8Array(readFileSync(new URL(`../../fixtures/multimodal/images/${image}`, import.meta.url)));
      const cut = cutTiles(await decodeImage(bytes), { size: 48, longest: 144, unit: 24 });
      const rows = await tower.encode(gpu.ops, cut);
      for (const [i, tile] of tiles.entries()) expect(1 - cosine(rows[i], floats(tile.rows)), image).toBeLessThan(2e-5);
    }
    gpu.dispose();
  });
});
