/** @file The engine with the webgpu backend in a real page: Chromium on its software Vulkan. */
import { expect, it } from 'vitest';
import { describeBrowser, visit } from '../../browser.ts';
import { readJson } from '../../models/support.ts';
import { cosine, floats } from '../../vectors.ts';

const page = `
const answer = (value) => fetch('/answer', { method: 'POST', body: JSON.stringify(value) });
try {
  const { Embedder } = await import('/dist/index.js');
  const bytes = new Uint8Array(await (await fetch('/models/all-MiniLM-L6-v2-Q8_0.gguf')).arrayBuffer());
  const vectors = [];
  let description;
  for (const worker of [false, true]) {
    const embedder = await Embedder.load(bytes, { backend: 'webgpu', worker });
    const result = await embedder.embed(['a', 'a'], { normalize: -1 });
    vectors.push(...result.vectors.map((vector) => Array.from(vector)));
    description = embedder.info.backendDescription;
    await embedder.dispose();
  }
  await answer({ vectors, description });
} catch (error) {
  await answer({ error: String(error?.stack ?? error) });
}`;

interface Answer {
  readonly vectors: number[][];
  readonly description: string;
  readonly error?: string;
}

describeBrowser('in Chromium', () => {
  it('embeds with the bundled model on the GPU, driven by the page and by a worker', { timeout: 180_000 }, async () => {
    const flags = ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--use-webgpu-adapter=swiftshader'];
    const { vectors, description, error } = await visit<Answer>(page, { flags });
    expect(error).toBeUndefined();
    expect(description).not.toBe('');
    const { cases } = readJson<{ cases: { text: string; file_f32: string }[] }>('reference/all-MiniLM-L6-v2.json');
    const wanted = floats(cases.find(({ text }) => text === 'a')?.file_f32 ?? '');
    expect(vectors).toHaveLength(4);
    for (const vector of vectors) expect(vector).toEqual(vectors[0]);
    expect(1 - cosine(vectors[0], wanted)).toBeLessThan(1e-5);
  });
});
