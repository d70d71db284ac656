/**
 * @file scripts/check-real-models.mjs, tried against the hub of the tests: vectors that are near, vectors that are not, and models that cannot be compared.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/index.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { startHub } from './server.ts';

const script = fileURLToPath(new URL('../../scripts/check-real-models.mjs', import.meta.url));
const minilm = new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url);
const hub = await startHub();
const temporary = temporaryFolder();
const NAME = 'all-MiniLM-L6-v2';

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, HF_ENDPOINT: hub.endpoint, HF_HOME: temporary.file('cache'), HF_TOKEN: '' };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe('check-real-models', () => {
  const path = () => temporary.file('numbers.json');
  let vectors: number[][];
  beforeAll(async () => {
    hub.add('leliuga/all-MiniLM-L6-v2-GGUF', { 'all-MiniLM-L6-v2.Q8_0.gguf': readFileSync(minilm) });
    const { texts, models } = JSON.parse((await run('--list')).stdout) as {
      texts: string[];
      models: { name: string }[];
    };
    expect(texts.length).toBe(10);
    expect(models.map(({ name }) => name)).toContain(NAME);
    const embedder = await Embedder.load(minilm, { backend: 'wasm', worker: false });
    vectors = (await embedder.embed(texts)).vectors.map((vector) => [...vector]);
    await embedder.dispose();
  });

  it('fetches a model by name and finds its vectors near', async () => {
    writeFileSync(path(), JSON.stringify({ [NAME]: vectors }));
    const { code, stdout } = await run(path(), NAME);
    expect(stdout).toContain(`${NAME}: ok, cosine 1.000000 (Q8_0, at least 0.99)`);
    expect(code).toBe(0);
    expect(hub.fileRequests()).toBeGreaterThan(0);
  });

  it.each([
    ['of another text', () => [vectors[1], ...vectors.slice(1)], 'FAILED, cosine 0.'],
    ['of another width', () => vectors.map((vector) => vector.slice(1)), 'FAILED, cosine NaN'],
    ['of fewer texts', () => vectors.slice(1), 'FAILED, cosine'],
  ])('fails for vectors %s', async (_, change, message) => {
    writeFileSync(path(), JSON.stringify({ [NAME]: change() }));
    const { code, stdout } = await run(path(), NAME);
    expect(stdout).toContain(message);
    expect(code).toBe(1);
  });

  it('says what it does not compare', async () => {
    writeFileSync(path(), '{}');
    expect(await run(path(), NAME)).toMatchObject({ code: 1, stdout: `${NAME}: not compared (no recorded vectors)\n` });
    expect((await run(path(), 'LaBSE')).stdout).toContain('LaBSE: not compared (no GGUF files: convert the original)');
    expect(await run(path(), 'nothing')).toMatchObject({ code: 1, stderr: 'nothing is not a known embedder\n' });
    writeFileSync(path(), JSON.stringify({ 'e5-small-v2': vectors }));
    const gone = await run(path(), 'e5-small-v2');
    expect([gone.code, gone.stdout]).toEqual([1, expect.stringContaining('e5-small-v2: FAILED, ')]);
    expect((await run()).code).toBe(2);
  });
});
