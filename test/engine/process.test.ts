/**
 * @file A process of its own that uses the package: it must end by itself, and give back what it took.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { bundled, fixture } from './support.ts';

it('ends when its work is done, without dispose', async () => {
  const script = `
    import { Embedder } from 'gguf-embed';
    const embedder = await Embedder.load(${JSON.stringify(fixture('bert-mean'))}, { backend: 'reference' });
    const { vectors } = await embedder.embed(['a', 'b']);
    console.log(vectors.length, vectors[0].length);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
  });
  expect(stdout).toBe('2 64\n');
});

it('starts workers under V8 flags', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-'));
  const file = join(folder, 'use.mjs');
  await writeFile(
    file,
    `import { Embedder } from ${JSON.stringify(import.meta.resolve('gguf-embed'))};
    const embedder = await Embedder.load(${JSON.stringify(fixture('bert-mean'))}, { backend: 'wasm', threads: 2, worker: true });
    console.log((await embedder.embed('a')).vectors.length);`,
  );
  const flags = ['--expose-gc', '--max-old-space-size=1000'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, file], { timeout: 20_000 });
  await rm(folder, { recursive: true });
  expect(stdout).toBe('1\n');
});

it('starts more workers than a stream has listeners without a warning of a leak', async () => {
  const script = `
    import { Embedder } from 'gguf-embed';
    const load = () => Embedder.load(${JSON.stringify(fixture('bert-mean'))}, { backend: 'wasm', threads: 6, worker: true });
    const embedders = await Promise.all([load(), load()]);
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    for (const embedder of embedders) await embedder.dispose();
    await new Promise((resolve) => setTimeout(resolve, 100));
    console.log(process.stdout.getMaxListeners(), process.stderr.getMaxListeners());`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(stderr).toBe('');
  expect(stdout).toBe('10 10\n');
});

/** Node before 22.8 has no compile cache. */
const hasCompileCache = 'getCompileCacheDir' in module;

it.skipIf(!hasCompileCache)('starts workers with the compile cache of the process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-'));
  const script = `
    import module from 'node:module';
    if (process.argv[1] !== undefined) module.enableCompileCache(process.argv[1]);
    const { Embedder } = await import('gguf-embed');
    const embedder = await Embedder.load(${JSON.stringify(fixture('bert-mean'))}, { backend: 'reference', worker: true });
    await embedder.embed('a');
    await embedder.dispose();`;
  const cached = async (...args: string[]) => {
    const env = { ...process.env, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' };
    const flags = ['--input-type=module', '-e', script, ...args];
    const { stderr } = await promisify(execFile)(process.execPath, flags, { env, timeout: 20_000 });
    return /cache for ESM [^\n]*team-worker\.js/.test(stderr);
  };
  expect(await cached(folder)).toBe(true);
  expect(await cached()).toBe(false);
  await rm(folder, { recursive: true });
});

it('gives the memory back when it is disposed of, whoever keeps the embedder', async () => {
  const script = `
    import { Embedder } from 'gguf-embed';
    const kept = [];
    for (const options of [{ worker: false }, { threads: 1, worker: true }, { threads: 2, worker: true }, { threads: 2 }, { worker: false }]) {
      const embedder = await Embedder.load(${JSON.stringify(bundled)}, { backend: 'wasm', ...options });
      await embedder.embed('a');
      await embedder.dispose();
      kept.push(embedder);
    }
    for (let i = 0; i < 3; i++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    console.log(process.memoryUsage.rss() / 1e6);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--input-type=module', '-e', script]);
  // Five models take 180 MB more than none.
  expect(Number(stdout)).toBeLessThan(150);
});

it.each([0, 10, 300])(
  'gives the memory back when it is disposed of %i ms after the first batch, whoever keeps the embedder',
  async (delay) => {
    const script = `
      let left = 0;
      const registry = new FinalizationRegistry(() => left--);
      WebAssembly.Memory = class extends WebAssembly.Memory {
        constructor(descriptor) {
          super(descriptor);
          if (!descriptor.shared) return;
          left++;
          registry.register(this);
        }
      };
      const { Embedder } = await import('gguf-embed');
      const kept = [];
      for (let i = 0; i < 5; i++) {
        const embedder = await Embedder.load(${JSON.stringify(fixture('bert-mean'))}, { backend: 'wasm', threads: 2 });
        await embedder.embed('a');
        await new Promise((resolve) => setTimeout(resolve, ${delay}));
        await embedder.dispose();
        kept.push(embedder);
      }
      const made = left;
      for (let i = 0; i < 10 && left > 0; i++) {
        globalThis.gc();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      console.log(made > 0, left, kept.length);`;
    const flags = ['--expose-gc', '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, flags);
    expect(stdout).toBe('true 0 5\n');
  },
);
