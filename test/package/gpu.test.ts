/**
 * @file WebGPU as a user gets it: the package `webgpu` installed beside this one, fresh processes, nothing held alive for
 * them. What the collector takes too early shows here and nowhere else.
 */
import { expect, it, vi } from 'vitest';
import { cosine } from '../vectors.ts';
import { ask, bundled, describeWebGpu, type Embeddings, script, serving, succeed } from './project.ts';

// Software Vulkan compiles a shader for a second or more.
vi.setConfig({ testTimeout: 180_000 });

const options = ['--backend', 'webgpu', '--no-autotune'];
const gpu = `backend: 'webgpu', gpu: { autotune: false }`;
const model = 'bert-mean.gguf';
const text = 'a text of a few words';

async function expected(name = model): Promise<Float32Array> {
  const { stdout } = await succeed(
    'embed',
    '-m',
    name,
    '-p',
    text,
    '--embd-output-format',
    'array',
    '--backend',
    'wasm',
  );
  return Float32Array.from((JSON.parse(stdout) as number[][])[0]);
}

describeWebGpu('installed with `webgpu` beside it', () => {
  it('embeds on the command line, the bundled model too', async () => {
    for (const name of [model, bundled]) {
      const { stdout } = await succeed('embed', '-m', name, '-p', text, '--embd-output-format', 'array', ...options);
      expect(cosine(Float32Array.from((JSON.parse(stdout) as number[][])[0]), await expected(name))).toBeGreaterThan(
        0.99999,
      );
    }
  });

  it('lists the device', async () => {
    expect((await succeed('embed', '--list-devices')).stdout).toMatch(/^webgpu {5}\S.+\n +features: /);
  });

  it('serves request after request, and ends with 0 by SIGTERM', async () => {
    const want = await expected();
    const { code, log } = await serving(['-m', model, ...options], async (url) => {
      for (let i = 0; i < 20; i++) {
        const { data } = await ask<Embeddings>(`${url}/v1/embeddings`, { input: [text, 'filler '.repeat(i + 1)] });
        expect(cosine(Float32Array.from(data[0].embedding), want)).toBeGreaterThan(0.99999);
      }
    });
    expect(code, log).toBe(0);
    expect(log).toMatch(/backend webgpu/);
  });

  it('reranks', async () => {
    const args = ['rerank', '-m', 'bert-rank.gguf', '-q', 'a question', 'one', 'two'];
    expect((await succeed(...args, ...options)).stdout.trim().split('\n')).toHaveLength(2);
  });

  for (const worker of [true, false]) {
    it(`computes in the library with worker: ${worker}, twice in a process that ends by itself`, async () => {
      const vectors = await script<number[][]>(
        `import { Embedder } from 'gguf-embed';
        const vectors = [];
        for (let i = 0; i < 2; i++) {
          const embedder = await Embedder.load('${model}', { ${gpu}, worker: ${worker} });
          vectors.push(Array.from((await embedder.embed('${text}')).vectors[0]));
          await embedder.dispose();
        }
        console.log(JSON.stringify(vectors));`,
        { seconds: 120 },
      );
      const want = await expected();
      for (const vector of vectors) expect(cosine(Float32Array.from(vector), want)).toBeGreaterThan(0.99999);
    });

    it(`outlives a collection of garbage after every batch with worker: ${worker}`, async () => {
      const worst = await script<number>(
        `import { Embedder } from 'gguf-embed';
        const collect = async () => {
          for (let i = 0; i < 3; i++) {
            globalThis.gc();
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        };
        const embedder = await Embedder.load('${model}', { ${gpu}, worker: ${worker}, onBatch: () => globalThis.gc() });
        let worst = 0;
        let first;
        for (let i = 0; i < 30; i++) {
          await collect();
          const [vector] = (await embedder.embed(['${text}', 'filler '.repeat(i + 1)])).vectors;
          first ??= vector;
          worst = Math.max(worst, ...vector.map((value, k) => Math.abs(value - first[k])));
        }
        await embedder.dispose();
        await collect();
        console.log(worst);`,
        { flags: ['--expose-gc'], seconds: 120 },
      );
      expect(worst).toBe(0);
    });
  }
});
