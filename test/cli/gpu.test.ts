/**
 * @file The program on the GPU, from end to end: `serve` and `embed` give what the wasm backend gives.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { describeGpu } from '../kernels/webgpu/support.ts';
import { cosine } from '../vectors.ts';
import { listening, model, run, start } from './run.ts';

const env = { GALLIVM_PERF: 'nopt', XDG_CACHE_HOME: '/nonexistent' };
/** For what no real adapter does when a test wants it. */
const altered = { ...env, NODE_OPTIONS: `--import=${new URL('./dawn.mjs', import.meta.url)}` };
const bert = model('bert-mean');
const children: ReturnType<typeof start>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts a server and waits until it listens. */
async function serve(backend: string, more: Record<string, string> = {}) {
  const child = start(['serve', '-m', bert, '--port', '0', '--backend', backend], { ...env, ...more });
  children.push(child);
  const { end, url, log } = await listening(child);
  const ask = (input: unknown) => fetch(`${url}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ input }) });
  return { child, end, ask, log };
}

/** Serves a model, asks once, ends the server. */
async function answerOf(backend: string): Promise<{ vectors: number[][]; log: string; code: number | null }> {
  const { child, end, ask, log } = await serve(backend);
  const answer = await ask(['a text', 'another, longer text', 'a text']);
  expect(answer.status).toBe(200);
  const { data } = (await answer.json()) as { data: { embedding: number[] }[] };
  child.kill('SIGTERM');
  return { vectors: data.map(({ embedding }) => embedding), log: log(), code: (await end).code };
}

describeGpu('--backend webgpu', () => {
  it('serves the vectors of the wasm backend', async () => {
    const [gpu, wasm] = [await answerOf('webgpu'), await answerOf('wasm')];
    expect(gpu.log).toMatch(/backend webgpu \(.+\), precision high/);
    expect(gpu.code).toBe(0);
    expect(gpu.vectors[2]).toEqual(gpu.vectors[0]);
    for (const [i, vector] of gpu.vectors.entries()) {
      expect(cosine(Float32Array.from(vector), Float32Array.from(wasm.vectors[i]))).toBeGreaterThan(0.99999);
    }
  });

  it('answers 503 when the device is lost in its worker, then goes on, once', async () => {
    const { child, end, ask, log } = await serve('webgpu', { ...altered, LOSE_DEVICE_AT: '2' });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await ask('a text')).status);
    expect(statuses).toEqual([200, 503, 200, 503, 503]);
    const last = await ask('a text');
    expect(await last.json()).toMatchObject({
      error: {
        type: 'unavailable_error',
        message: expect.stringMatching(/lost a second time .* load the model again/),
      },
    });
    expect(log()).toMatch(/^the GPU device was lost: .*; the next input uses a new device$/m);
    expect(log()).toMatch(/^the GPU device was lost, and the model was loaded again/m);
    expect(log()).toMatch(/^the GPU device was lost a second time/m);
    child.kill('SIGTERM');
    expect((await end).code).toBe(0);
  });

  it('embeds texts and lines, with the options of the GPU', async () => {
    const options = [
      '--backend',
      'webgpu',
      '--gpu-memory',
      '256',
      '--gpu-weights',
      'f16',
      '--gpu-debug',
      '--no-autotune',
    ];
    for (const text of ['a text', 'many words '.repeat(30).trim()]) {
      const args = ['embed', '-m', bert, '-p', text, '--embd-output-format', 'array'];
      const { code, stdout, stderr } = await run([...args, ...options], { env });
      expect(code, stderr).toBe(0);
      const [vector] = JSON.parse(stdout) as number[][];
      const [expected] = JSON.parse((await run([...args, '--backend', 'wasm'])).stdout) as number[][];
      expect(cosine(Float32Array.from(vector), Float32Array.from(expected))).toBeGreaterThan(0.99999);
    }
    const jsonl = await run(['embed', '-m', bert, '--jsonl', ...options], { env, input: '"a text"\n"another"\n' });
    expect(jsonl.code, jsonl.stderr).toBe(0);
    expect(jsonl.stdout.trim().split('\n')).toHaveLength(2);
  });

  it('keeps what it found about kernels in the cache folder, and does without a damaged file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gguf-embed-'));
    const args = ['embed', '-m', bert, '--jsonl', '--backend', 'auto', '-v'];
    const embed = (...more: string[]) =>
      run([...args, ...more], {
        env: { ...altered, XDG_CACHE_HOME: folder, LOCALAPPDATA: folder, ADAPTER_VENDOR: 'acme' },
        input: '"a"\n',
      });
    expect((await embed('--no-autotune')).stderr).toContain('synthetic bert-mean: acme');
    expect(await readdir(folder)).not.toContain('gguf-embed');
    expect(await embed()).toMatchObject({ code: 0 });
    const [name, ...others] = await readdir(join(folder, 'gguf-embed'));
    expect(name).toMatch(/^webgpu-v\d+-acme\.json$/);
    expect(others).toEqual([]);
    const file = join(folder, 'gguf-embed', name);
    const found = await readFile(file, 'utf8');
    await writeFile(file, found.slice(0, 20));
    const again = await embed();
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(/the stored tuning results of this GPU are not used \(webgpu-v\d+-acme\)/);
    expect(Object.keys(JSON.parse(await readFile(file, 'utf8')).tiles)).toEqual(Object.keys(JSON.parse(found).tiles));
    await rm(folder, { recursive: true });
  });

  it('says when the memory is not enough', async () => {
    const bundled = new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url).pathname;
    const args = ['embed', '-m', bundled, '-p', 'a', '--backend', 'webgpu', '--gpu-memory', '8'];
    const { code, stderr } = await run(args, { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: .+ needs [\d.]+ MiB of GPU memory; [\d.]+ MiB of a budget of 8\.0 MiB are in use$/m,
    );
  });

  it('lists adapters with features and limits', async () => {
    const { stdout } = await run(['embed', '--list-devices'], { env });
    expect(stdout).toMatch(/^webgpu {5}\S.+\n +features: .+\n +limits: buffer [\d.]+ MiB, binding [\d.]+ MiB, .+\n/);
  });
});

const installed = await import('webgpu' as string).then(
  () => true,
  () => false,
);

it.skipIf(installed)('says how to get the package that is missing', async () => {
  const { code, stderr } = await run(['embed', '-m', bert, '-p', 'a', '--backend', 'webgpu']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/needs the package `webgpu` .* npm install webgpu/);
});
