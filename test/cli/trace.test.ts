/**
 * @file The command `trace` as a process.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evalCallbackText, llamaTrace } from '../audit/support.ts';
import { model, run } from './run.ts';

const bert = model('bert-mean');
const args = ['trace', '-m', bert, '-p', 'Hello world'];
const reference = { env: { GGUF_EMBED_BACKEND: 'reference' } };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-embed-trace-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('prints a table, or JSON; auto shows every step', async () => {
  const { code, stdout } = await run(args, { env: { GGUF_EMBED_BACKEND: 'auto' } });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^synthetic bert-mean: reference, .*\n6 tokens: 101 "\[CLS\]"/);
  expect(stdout).toMatch(/^kq_soft_max-2 +\[24, 6\]/m);
  const json = JSON.parse((await run([...args, '--json', '--only', 'ffn_out-*'], reference)).stdout);
  expect(json.backend.name).toBe('reference');
  expect(json.steps.map(({ name }: { name: string }) => name)).toEqual(['ffn_out-0', 'ffn_out-1', 'ffn_out-2']);
  expect(json.vector).toHaveLength(64);
});

it('writes files that it compares with', async () => {
  const [npz, safetensors, json] = ['t.npz', 't.safetensors', 't.json'].map((name) => join(folder, name));
  const written = await run([...args, '--json', '--npz', npz, '--safetensors', safetensors], reference);
  await writeFile(json, written.stdout);
  for (const path of [npz, safetensors, json]) {
    const { code, stdout } = await run([...args, '--compare', path], reference);
    expect([code, stdout.split('\n')[0]]).toEqual([0, expect.stringContaining('tensors agree with')]);
    const fast = await run([...args, '--compare', path, '--tolerance', '1e-12'], {
      env: { GGUF_EMBED_BACKEND: 'wasm' },
    });
    expect([fast.code, fast.stdout]).toEqual([
      1,
      expect.stringMatching(/^\d+ of \d+ tensors differ from .*\nfirst difference: /),
    ]);
  }
  const other = await run(['trace', '-m', bert, '-p', 'Hello', '--compare', npz], reference);
  expect([other.code, other.stderr]).toEqual([1, expect.stringMatching(/^error: the other trace has the tokens/)]);
});

it("compares with what llama.cpp's llama-eval-callback prints", async () => {
  const llama = llamaTrace('bert-mean');
  const path = join(folder, 'llama.txt');
  await writeFile(path, evalCallbackText(llama));
  const { text } = JSON.parse(
    await readFile(new URL('../fixtures/reference/trace/bert-mean.json', import.meta.url), 'utf8'),
  );
  const { code, stdout } = await run(
    ['trace', '-m', bert, '-p', text, '--compare', path, '--json', '--tolerance', '0.01'],
    reference,
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ with: path, tolerance: 0.01, onlyHere: ['result_embd_pooled'] });
});

it('compares two backends', async () => {
  const { code, stdout } = await run([...args, '--versus', 'wasm:exact'], reference);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^\d+ tensors agree with wasm \(WebAssembly .*\) within 0\.0001 of their largest value\n/);
});

it.each([
  [['--versus', 'cuda'], '--versus must be one of webgpu, wasm, reference'],
  [['--versus', 'wasm:best'], '--versus must be one of'],
  [['--versus', 'wasm', '--compare', 'x'], '--compare and --versus cannot be used together'],
  [['--compare', 'missing.npz'], '--compare: cannot read missing.npz: the file does not exist'],
  [['--compare', bert], 'it is not a trace'],
  [['--npz', join('missing-folder', 'x.npz')], 'there is no folder missing-folder'],
  [['--npz', bert], 'is also an input file'],
])('refuses %j', async (more, message) => {
  const { code, stdout, stderr } = await run([...args, ...more], reference);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^error: /);
  expect(stderr).toContain(message);
});

it('puts a prompt around the text by its name', async () => {
  const prompts = join(folder, 'prompts.json');
  await writeFile(prompts, JSON.stringify({ q: 'query: ' }));
  const named = await run(['trace', '-m', bert, '-p', 'Hello', '--prompts', prompts, '--prompt-name', 'q', '--json']);
  const plain = await run(['trace', '-m', bert, '-p', 'query: Hello', '--json']);
  expect(named.code).toBe(0);
  expect(JSON.parse(named.stdout).vector).toEqual(JSON.parse(plain.stdout).vector);
  const unknown = await run(['trace', '-m', bert, '-p', 'Hello', '--prompt-name', 'other']);
  expect(unknown.stderr).toContain('there is no prompt "other"');
});
