/**
 * @file The digest of the bundled model's vectors, which stands in docs/reproducibility.md: on any number of threads, with and
 * without packing, alone or in a batch. Imports the built package for workers.
 */
import { readFile } from 'node:fs/promises';
import { Embedder, type LoadOptions } from 'gguf-embed';
import { expect, it } from 'vitest';
import { digestVectors } from '../../src/audit/fingerprint/digest.ts';
import { fingerprintTexts } from '../../src/audit/fingerprint/texts.ts';
import { run } from '../cli/run.ts';
import { bundled } from '../engine/support.ts';

const page = await readFile('docs/reproducibility.md', 'utf8');
const digest = (mode: string) => new RegExp(`^\\| ${mode} \\| \`([0-9a-f]{64})\` \\|`, 'm').exec(page)?.[1];
const reproducible = digest('`--reproducible`, or without relaxed SIMD');

it.each<LoadOptions>([
  { worker: false },
  { worker: false, packing: true },
  { threads: 2 },
  { threads: 2, worker: true },
  { threads: 4, worker: true, nUbatch: 64 },
  { worker: false, nUbatch: 4096 },
  { worker: false, backend: 'auto', keepBlocks: true },
])('is the recorded one with %j', async (options) => {
  const embedder = await Embedder.load(bundled, { ...options, reproducible: true });
  expect(embedder.info.backendDescription).not.toContain('relaxed');
  expect(await digestVectors(embedder)).toBe(reproducible);
  await embedder.dispose();
});

it('comes from vectors that do not depend on their batch', async () => {
  const embedder = await Embedder.load(bundled, { reproducible: true, worker: false });
  const together = await embedder.embed(fingerprintTexts, { truncate: true });
  for (const [i, text] of fingerprintTexts.entries()) {
    expect((await embedder.embed([text], { truncate: true })).vectors[0]).toEqual(together.vectors[i]);
  }
  await embedder.dispose();
});

it('is the recorded one without the option too', async () => {
  const embedder = await Embedder.load(bundled, { backend: 'wasm', worker: false });
  const relaxed = embedder.info.backendDescription.includes('relaxed');
  // CPUs that do not fuse give the same bits with relaxed SIMD.
  expect(relaxed ? [digest('default, with relaxed SIMD'), reproducible] : [reproducible]).toContain(
    await digestVectors(embedder),
  );
  await embedder.dispose();
});

it.each(['reference', 'webgpu'] as const)('refuses the backend %s', async (backend) => {
  await expect(Embedder.load(bundled, { backend, reproducible: true })).rejects.toThrow(
    `the ${backend} backend does not give the same bits everywhere`,
  );
});

it('is printed and compared by the command line', async () => {
  const same = await run(['fingerprint', '-m', bundled, '--check', reproducible!]);
  expect(same).toMatchObject({ code: 0 });
  expect(same.stdout).toMatch(new RegExp(`^reproducible ${reproducible} high, WebAssembly SIMD`));
  expect(await run(['fingerprint', '-m', bundled, '--check', '0'.repeat(64)])).toMatchObject({ code: 1 });
  const invalid = await run(['fingerprint', '-m', bundled, '--check', 'abc']);
  expect(invalid.stderr).toContain('64 hexadecimal digits');
  expect((await run(['fingerprint', '-m', bundled, '--backend', 'wasm'])).stdout.trim().split('\n')).toHaveLength(2);
});
