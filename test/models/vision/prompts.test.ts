/** @file Prompts with images against llama.cpp: every recorded case of every pair and pooling. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../../src/kernels/wasm/index.ts';
import { countTokens, type Pooling } from '../../../src/models/index.ts';
import { expectCases, recordedCases } from './cases.ts';
import { chunksOf, loadPair, type Pair, pairNames, prepare, runInputs } from './support.ts';

const backends = {
  reference: () => createReferenceBackend(),
  'wasm high': () => createWasmBackend(),
  'wasm exact': () => createWasmBackend({ precision: 'exact' }),
};

describe.each(pairNames)('%s', (name) => {
  describe.each(Object.entries(backends))('on %s', (_, makeBackend) => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await loadPair(name, await makeBackend());
    });
    afterAll(() => pair?.backend.dispose());

    it.each(['last', 'mean', 'cls', 'none'] as Pooling[])('embeds with pooling %s', async (pooling) => {
      await expectCases(pair, name, pooling);
    });

    it('embeds within other limits of tokens', async () => {
      await expectCases(pair, name, 'flags');
    });

    it('gives the same bits in a batch of texts and images as alone', async () => {
      const cases = recordedCases(name, 'last').filter(({ images }) => !images.includes('large.jpg'));
      const inputs = await Promise.all(
        cases.slice(0, 12).map(async ({ text, images }) => {
          const pixels = await Promise.all(images.map((image) => prepare(image, pair.tower)));
          return { text, pixels };
        }),
      );
      const chunks = [];
      for (const { text, pixels } of inputs) chunks.push(await chunksOf(pair, text, pixels));
      for (const pooling of ['last', 'mean', 'cls', 'none'] as const) {
        const together = await runInputs(pair, chunks, pooling);
        for (const [i, input] of chunks.entries())
          expect(together[i]).toEqual((await runInputs(pair, [input], pooling))[0]);
      }
    });

    it('pools everything if asked to', async () => {
      const [image] = [await prepare('rgb.png', pair.tower)];
      const input = await chunksOf(pair, 'A <__media__> b', [image]);
      const [all] = await runInputs(pair, [input], 'none', 'whole');
      expect(all.length).toBe(countTokens(input));
      const [[mean]] = await runInputs(pair, [input], 'mean', 'whole');
      const exact = mean.map((_, c) => all.reduce((sum, row) => sum + row[c], 0) / all.length);
      mean.forEach((value, c) => {
        expect(Math.abs(value - exact[c])).toBeLessThan(1e-4);
      });
      const [after] = await runInputs(pair, [input], 'none');
      expect(after).toEqual(all.slice(-after.length));
    });
  });
});
