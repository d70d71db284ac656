/**
 * @file Images on the GPU as a program uses them: pairs that `Embedder.load` loads for webgpu, against llama.cpp's recorded answers. The tests in
 * `test/kernels/webgpu` look at towers and models by themselves.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Embedder } from 'gguf-embed';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeGpu } from '../kernels/webgpu/support.ts';
import { recordedCases } from '../models/vision/cases.ts';
import { pairNames } from '../models/vision/support.ts';
import { cosine, floats } from '../vectors.ts';

const folder = fileURLToPath(new URL('../fixtures/multimodal/', import.meta.url));
const bytesOf = (name: string) => new Uint8Array(readFileSync(`${folder}images/${name}`));
const inputOf = ({ text, images }: { text: string; images: readonly string[] }) =>
  images.length === 0 ? text : { text, images: images.map(bytesOf) };

describeGpu.each(pairNames)('%s on webgpu', (name) => {
  let embedder: Embedder;
  beforeAll(async () => {
    const mmproj = `${folder}models/mmproj-${name}.gguf`;
    embedder = await Embedder.load(`${folder}models/${name}.gguf`, { mmproj, backend: 'webgpu' });
  }, 240_000);
  afterAll(() => embedder?.dispose());

  /** Cosine to llama.cpp at least 0.9999 each, 0.99999 on average. */
  function expectNear(vectors: readonly Float32Array[], recorded: readonly string[]): void {
    expect(vectors.length).toBe(recorded.length);
    const cosines = vectors.map((vector, i) => cosine(vector, floats(recorded[i])));
    expect(Math.min(...cosines)).toBeGreaterThan(0.9999);
    expect(cosines.reduce((sum, value) => sum + value, 0) / cosines.length).toBeGreaterThan(0.99999);
  }

  it('gives the vectors and token counts of llama.cpp for every text with images', async () => {
    expect(embedder.info.backend).toBe('webgpu');
    const cases = recordedCases(name, 'last');
    const vectors: Float32Array[] = [];
    for (const one of cases) {
      const answer = await embedder.embed([inputOf(one)]);
      expect(answer.nTokens[0], one.text).toBe(one.prompt_tokens);
      vectors.push(answer.vectors[0]);
    }
    expectNear(
      vectors,
      cases.map(({ raw }) => raw),
    );
  });

  it.each(['mean', 'cls', 'none'] as const)('does so with pooling %s', async (pooling) => {
    const cases = recordedCases(name, pooling);
    const { vectors, dimensions } = await embedder.embed(cases.map(inputOf), { pooling });
    const rows = vectors.flatMap((vector) =>
      Array.from({ length: vector.length / dimensions }, (_, i) =>
        vector.subarray(i * dimensions, (i + 1) * dimensions),
      ),
    );
    expectNear(
      rows,
      cases.flatMap(({ raw, per_token }) => per_token ?? [raw]),
    );
  });

  it('gives the same bits alone and beside others', async () => {
    const [one, ...others] = recordedCases(name, 'last')
      .filter(({ images }) => images.length > 0)
      .slice(0, 4);
    const alone = await embedder.embed([inputOf(one)]);
    const together = await embedder.embed(['a text', ...[one, ...others].map(inputOf)]);
    expect(together.vectors[1]).toEqual(alone.vectors[0]);
  });
});
