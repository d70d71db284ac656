/**
 * @file The command `parity` as a process; the other programs are packages that answer what a test expects.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { main, model } from './run.ts';

const bert = model('bert-mean');
const texts = ['Hello world', 'the sea', 'a house'];
let folder: string;
let vectors: number[][];
let tokens: number[][];

/** A package in the folder's node_modules. */
async function install(name: string, manifest: object, files: Record<string, string>): Promise<void> {
  const root = join(folder, 'node_modules', name);
  await mkdir(root, { recursive: true });
  await writeFile(join(root, 'package.json'), JSON.stringify({ name, version: '1.0.0', ...manifest }));
  for (const [path, text] of Object.entries(files)) await writeFile(join(root, path), text);
}

const run = async (...args: string[]) => {
  const env = { PATH: process.env.PATH };
  return promisify(execFile)(process.execPath, [main, 'parity', '-m', bert, ...args], { cwd: folder, env });
};

/** Node's options that give the program a GPU: its adapter, an expression, comes after `wait` milliseconds. */
async function withAdapter(adapter: string, wait = 0): Promise<string[]> {
  const path = join(folder, 'gpu.mjs');
  const gpu = `{ requestAdapter: () => new Promise((resolve) => setTimeout(resolve, ${wait}, ${adapter})) }`;
  await writeFile(path, `Object.defineProperty(globalThis, 'navigator', { value: { gpu: ${gpu} } });`);
  return ['--import', pathToFileURL(path).href];
}

const hasTerminal = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-embed-parity-'));
  const embedder = await Embedder.load(bert, { backend: 'reference', worker: false });
  vectors = (await embedder.embed(texts)).vectors.map((vector) => Array.from(vector));
  tokens = texts.map((text) => embedder.tokenize(text, { addSpecial: false }));
  await embedder.dispose();
});
afterAll(() => rm(folder, { recursive: true }));

it('prints a table for this machine, and lists what is not compared', async () => {
  const { stdout } = await run(...texts);
  expect(stdout).toMatch(/^synthetic bert-mean, 3 texts, compared with float32 arithmetic/);
  expect(stdout).toMatch(/^\| reference \| exact \| 1 \| 0 \| 0 \| 1\.000000 \| 0 \|$/m);
  expect(stdout).toMatch(/^\| wasm \| high \| 1 \| \d\.\de-\d+ \| \d\.\de-\d+ \| [01]\.\d{6} \| 0 \|$/m);
  expect(stdout).not.toContain('other bits');
  expect(stdout).toContain('Not compared: node-llama-cpp is not installed.\n');
  expect(stdout).toContain('Not compared: ONNX Runtime needs an ONNX file of the model: --onnx.\n');
});

it('leaves out a GPU that is software, unless --backend names it', async () => {
  const info = `{ vendor: 'mesa', architecture: '', device: '', description: 'llvmpipe' }`;
  const request = `requestDevice: async () => { throw new Error('was asked'); }`;
  const gpu = await withAdapter(`{ info: ${info}, features: new Set(), limits: {}, ${request} }`);
  const env = { PATH: process.env.PATH };
  const compare = (...args: string[]) =>
    promisify(execFile)(process.execPath, [...gpu, main, 'parity', '-m', bert, ...args, ...texts], { env });
  const { stdout } = await compare();
  expect(stdout).toContain(
    'Not compared: webgpu, since mesa · llvmpipe computes on the CPU (--backend webgpu compares it).\n',
  );
  expect(stdout).toContain('| wasm |');
  await expect(compare('--backend', 'webgpu')).rejects.toMatchObject({ stderr: expect.stringContaining('was asked') });
});

it('compares one backend with the exact answers, and says that the others are left out', async () => {
  const { stdout } = await run('--backend', 'reference', '--json', ...texts);
  const { rows, notCompared } = JSON.parse(stdout);
  expect(rows).toMatchObject([{ program: 'reference', distance: 0 }]);
  expect(notCompared).toContain('backends other than reference, since --backend is reference');
});

it.skipIf(!hasTerminal)('says on a terminal what computes, and leaves no line of it', async () => {
  const command = [process.execPath, ...(await withAdapter('null', 1500)), main];
  const line = [...command, 'parity', '-m', bert, '--backend', 'webgpu', ...texts].map((arg) => `'${arg}'`).join(' ');
  const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });
  expect(stdout).toContain('\r\x1b[K14 % webgpu, exact, 1 s\r');
  expect(stdout).toContain('\r\x1b[Ksynthetic bert-mean, 3 texts');
  expect(stdout).toContain('Not compared: WebGPU found no adapter');
});

it('shows what `fast` costs as the other commands compute it, on every Node', async () => {
  const { stdout } = await run('--json', '-m', model('quant/bert-q-Q4_0'), ...texts);
  const { rows } = JSON.parse(stdout) as { rows: { program: string; precision: string; distance: number }[] };
  const worst = (precision: string) =>
    rows.find((row) => row.program === 'wasm' && row.precision === precision)!.distance;
  expect(worst('fast')).toBeGreaterThan(10 * worst('high'));
  expect(worst('fast')).toBeLessThan(1e-2);
});

it('asks the other programs that are installed', async () => {
  const answers = JSON.stringify({ texts, vectors, tokens });
  // Exact, but for the tokens of one text.
  await install(
    'node-llama-cpp',
    { type: 'module', exports: { '.': { import: './index.js' } } },
    {
      'index.js': `const { texts, vectors, tokens } = ${answers};
        export const getLlama = async () => ({
          loadModel: async () => ({
            tokenize: (text) => (text === 'the sea' ? [1] : tokens[texts.indexOf(text)]),
            createEmbeddingContext: async () => ({
              getEmbeddingFor: async (text) => ({ vector: vectors[texts.indexOf(text)] }),
            }),
          }),
          dispose: async () => {},
        });`,
    },
  );
  // Each token's hidden state is the text's vector, but the last, so that pooling shows.
  await install(
    'onnxruntime-node',
    { main: 'index.cjs' },
    {
      'index.cjs': `const { texts, vectors, tokens } = ${answers};
        class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
        exports.Tensor = Tensor;
        exports.InferenceSession = { create: async (path) => ({
          inputNames: ['input_ids', 'attention_mask', 'token_type_ids'], outputNames: ['last_hidden_state'],
          run: async ({ input_ids: ids, attention_mask: mask, token_type_ids: types }) => {
            if (!path.endsWith('onnx/model.onnx') || mask.data.some((v) => v !== 1n) || types.data.some((v) => v !== 0n)) throw new Error('wrong feeds');
            const at = tokens.findIndex((t) => t.join() === Array.from(ids.data.slice(1, -1), Number).join());
            const data = Array.from(ids.data).flatMap((_, i) => vectors[at].map((v) => (i === ids.data.length - 1 ? -v : v)));
            return { last_hidden_state: new Tensor('float32', Float32Array.from(data), [1, ids.data.length, vectors[at].length]) };
          },
          release: async () => {} }) };`,
    },
  );
  await install(
    '@huggingface/transformers',
    { exports: { node: { import: './index.mjs' } } },
    {
      'index.mjs': `export const env = {}; export const pipeline = async () => { throw new Error('no such model'); };`,
    },
  );
  await mkdir(join(folder, 'onnx-model/onnx'), { recursive: true });
  await writeFile(join(folder, 'onnx-model/onnx/model.onnx'), '');
  const { stdout } = await run(...texts, '--json', '--onnx', 'onnx-model');
  const { rows, notCompared } = JSON.parse(stdout);
  const row = (name: string) => rows.find(({ program }: { program: string }) => program.startsWith(name));
  expect(row('llama.cpp')).toMatchObject({ nOtherTokens: 1, rankCorrelation: 1 });
  expect(row('llama.cpp').distance).toBeLessThan(1e-12);
  expect(row('ONNX Runtime').distance).toBeLessThan(1e-12);
  expect(notCompared).toContain('transformers.js (@huggingface/transformers) failed');
});

it('refuses texts from two places, and no model', async () => {
  await expect(run('a', '-f', 'x')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('not both') });
});
