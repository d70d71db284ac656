/** @file Every tower against llama.cpp's: preprocessed pixels, named intermediates, rows of all pictures. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../../src/kernels/wasm/index.ts';
import { isUnfinished, type TowerResult } from '../../../src/models/vision/index.ts';
import { cosine, floats } from '../../vectors.ts';
import { largestDifference, readJson } from '../support.ts';
import { loadPair, type Pair, pairNames, prepare } from './support.ts';

interface VisionFixture {
  readonly image: string;
  readonly preprocessed: { width: number; height: number; sha256_rgb8: string };
  readonly output: { n_tokens: number; n_values: number; values: string };
  readonly intermediates?: readonly { name: string; shape: number[]; values: string }[];
}

const folder = new URL('../../fixtures/multimodal/reference/vision/', import.meta.url);
const recorded = (name: string) =>
  readdirSync(folder)
    .filter((file) => file.startsWith(`${name}-`))
    .map((file) => readJson<VisionFixture>(`multimodal/reference/vision/${file}`));
/** What pooling makes has no name of its own. */
const unnamed = / \(reshaped\)$/;

/** Rows of patches that come square by square of `merge` patches a side, row by row of the image instead. */
function inRasterOrder(values: Float32Array, nx: number, merge: number): Float32Array {
  const nPatches = (nx * merge) ** 2;
  const width = values.length / nPatches;
  const ordered = new Float32Array(values.length);
  for (let t = 0; t < nPatches; t++) {
    const [square, inner] = [Math.floor(t / merge ** 2), t % merge ** 2];
    const x = (square % nx) * merge + (inner % merge);
    const y = Math.floor(square / nx) * merge + Math.floor(inner / merge);
    ordered.set(values.subarray(t * width, (t + 1) * width), (y * nx * merge + x) * width);
  }
  return ordered;
}

const backends = {
  reference: () => createReferenceBackend(),
  'wasm high': () => createWasmBackend(),
  'wasm exact': () => createWasmBackend({ precision: 'exact' }),
};

describe.each(pairNames)('the tower of %s', (name) => {
  describe.each(Object.entries(backends))('on %s', (kind, makeBackend) => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await loadPair(name, await makeBackend());
    });
    afterAll(() => pair?.backend.dispose());

    it('makes the rows of llama.cpp of every picture', async () => {
      const { tower, backend } = pair;
      for (const { image, preprocessed, output } of recorded(name)) {
        const pixels = await prepare(image, tower);
        const { width, height } = preprocessed;
        expect({ width: pixels.width, height: pixels.height }).toEqual({ width, height });
        expect(createHash('sha256').update(pixels.rgb).digest('hex')).toBe(preprocessed.sha256_rgb8);
        const { nx, ny } = tower.grid(pixels);
        expect([nx * ny, tower.width]).toEqual([output.n_tokens, output.n_values]);
        const [rows] = await tower.encode(backend.ops, [pixels]);
        const expected = floats(output.values);
        expect(rows.length).toBe(expected.length);
        for (let at = 0; at < rows.length; at += tower.width) {
          const [row, other] = [rows.subarray(at, at + tower.width), expected.subarray(at, at + tower.width)];
          expect(1 - cosine(row, other), `${image}, row ${at / tower.width}`).toBeLessThan(2e-5);
        }
      }
    });

    it('gives an image the same bits beside others', async () => {
      const { tower, backend } = pair;
      const images = await Promise.all(['odd.png', 'wide.png', 'rgb.png'].map((image) => prepare(image, tower)));
      const together = await tower.encode(backend.ops, images);
      for (const [i, image] of images.entries()) {
        expect(together[i]).toEqual((await tower.encode(backend.ops, [image]))[0]);
      }
    });

    it('gives the same bits, however the layers are divided', async () => {
      const { tower, backend } = pair;
      const images = await Promise.all(['odd.png', 'tall.png'].map((image) => prepare(image, tower)));
      const expected = await tower.encode(backend.ops, images);
      for (const nLayers of [1, 2, 3]) {
        let at: TowerResult = await tower.advance(backend.ops, images, nLayers, false);
        let nParts = 1;
        for (; isUnfinished(at); nParts++) {
          // A copy, as a worker gets it; and what the backend holds is overwritten in between.
          const from = structuredClone(at);
          await tower.encode(backend.ops, [images[1]]);
          at = await tower.advance(backend.ops, from, nLayers, false);
        }
        expect(nParts).toBe(Math.ceil(tower.parameters.nLayer / nLayers));
        expect(at).toEqual(expected);
      }
    });

    it('has the intermediates of llama.cpp', async () => {
      const { tower, backend } = pair;
      const fixture = recorded(name).find(({ intermediates }) => intermediates !== undefined)!;
      const seen = new Map<string, Float32Array>();
      backend.observe((step, values) => seen.set(step, values));
      const image = await prepare(fixture.image, tower);
      await tower.advance(backend.ops, [image], Infinity, true);
      backend.observe(undefined);
      const wanted = fixture.intermediates!.filter((step) => !unnamed.test(step.name));
      expect(wanted.length).toBeGreaterThan(5);
      for (const step of wanted) {
        const expected = floats(step.values);
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const values = seen.get(step.name);
        // A fused kernel shows its last step only.
        if (values === undefined && kind !== 'reference') continue;
        expect(values, step.name).toBeDefined();
        const ours = name === 'gemma3' ? inRasterOrder(values!, tower.grid(image).nx, 3) : values!;
        expect(largestDifference(ours, expected) / largest, step.name).toBeLessThan(kind === 'wasm high' ? 5e-3 : 2e-3);
      }
      expect(seen.size).toBeGreaterThan(5);
    });
  });
});
