/** @file The text halves of image models: without an image they answer as llama.cpp's do, on every backend that runs everywhere. */
import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../../src/kernels/wasm/index.ts';
import type { Pooling } from '../../../src/models/index.ts';
import { createTokenizer } from '../../../src/tokenizer/index.ts';
import { cosine, floats } from '../../vectors.ts';
import { load, openFixture, readJson, run } from '../support.ts';

interface Case {
  readonly text: string;
  readonly images: readonly string[];
  readonly raw: string;
  readonly per_token?: readonly string[];
}

const backends = {
  reference: () => createReferenceBackend(),
  'wasm high': () => createWasmBackend(),
  'wasm exact': () => createWasmBackend({ precision: 'exact' }),
};

describe.each(['qwen3vl', 'qwen25vl', 'qwen2vl', 'gemma3'])('%s', (name) => {
  it.each(Object.entries(backends))('embeds texts as llama.cpp does on %s', async (_, makeBackend) => {
    const file = await openFixture(`multimodal/models/${name}.gguf`);
    const tokenizer = createTokenizer(file.metadata);
    const loaded = await load(name, file, makeBackend);
    for (const pooling of ['last', 'mean', 'cls', 'none'] as Pooling[]) {
      const { cases } = readJson<{ cases: Case[] }>(`multimodal/reference/${pooling}/${name}.json`);
      const texts = cases.filter(({ images }) => images.length === 0);
      expect(texts.length).toBeGreaterThan(0);
      for (const { text, raw, per_token } of texts) {
        const ids = tokenizer.encode(text, { addSpecial: true, parseSpecial: true });
        const rows = await run(loaded, [[...ids]], pooling);
        const expected = per_token ?? [raw];
        expect(rows.length).toBe(expected.length);
        rows.forEach((row, i) => {
          expect(1 - cosine(row, floats(expected[i]))).toBeLessThan(1e-5);
        });
      }
    }
    loaded.backend.dispose();
  });
});
