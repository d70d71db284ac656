/**
 * @file `serve` with several models, by the built program: flags, a folder, preset files.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startHub } from '../hub/server.ts';
import { editedBytes } from '../models/edit.ts';
import { listening, model, run, start } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'gguf-embed-several-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hub = await startHub();
const children: ReturnType<typeof start>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts a server on a free port and waits until it listens. */
async function serve(...args: string[]) {
  const child = start(['serve', '--port', '0', '-t', '1', ...args]);
  children.push(child);
  return listening(child);
}

async function post(url: string, body: unknown) {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: answer.status, json: await answer.json() };
}

const list = async (url: string) =>
  (
    (await (await fetch(`${url}/models`)).json()) as {
      data: { id: string; aliases: string[]; source: string; status: { value: string } }[];
    }
  ).data;

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

it('--model twice: an embedder and a reranker behind one port, which ends with code 0', async () => {
  const { url, child, end, log } = await serve('-m', model('bert-mean'), '-m', model('bert-rank'), '--metrics');
  expect(log()).not.toContain('twice');
  expect((await list(url)).map(({ id, source }) => [id, source])).toEqual([
    ['bert-mean', 'command_line'],
    ['bert-rank', 'command_line'],
  ]);
  const vector = await post(`${url}/v1/embeddings`, { input: 'a text' });
  expect(vector.json.model).toBe('bert-mean');
  const ranking = await post(`${url}/rerank`, { query: 'q', documents: ['a', 'b'] });
  expect(ranking.json.model).toBe('bert-rank');
  // In a worker.
  const large = await post(`${url}/v1/embeddings`, { input: 'a text', model: 'bert-mean', x: ' '.repeat(100_000) });
  expect(large.json).toEqual(vector.json);
  expect((await post(`${url}/v1/embeddings`, { input: 'a', model: 'x' })).json.error.message).toBe(
    "model 'x' not found: this server has bert-mean, bert-rank",
  );
  child.kill('SIGTERM');
  expect((await end).code).toBe(0);
});

it('--models-dir: files and sub-folders; broken files are listed and fail when they are used', async () => {
  const models = join(folder, 'models');
  mkdirSync(join(models, 'sub'), { recursive: true });
  mkdirSync(join(models, 'empty'));
  copyFileSync(model('bert-mean'), join(models, 'one.gguf'));
  copyFileSync(model('bert-rank'), join(models, 'sub', 'x.gguf'));
  copyFileSync(model('bert-rank'), join(models, 'sub.gguf'));
  for (const name of ['broken.gguf', 'mmproj-one.gguf', 'mtp-one.gguf', 'notes.txt'])
    writeFileSync(join(models, name), 'x');
  const { url, log } = await serve('--models-dir', models, '--models-max', '1');
  expect((await list(url)).map(({ id }) => id)).toEqual(['broken', 'one', 'sub']);
  expect((await post(`${url}/v1/embeddings`, { input: 'a text' })).json.model).toBe('one');
  expect((await post(`${url}/rerank`, { query: 'q', documents: ['a'] })).json.model).toBe('sub');
  expect((await list(url)).map(({ status }) => status.value)).toEqual(['unloaded', 'unloaded', 'loaded']);
  const { status, json } = await post(`${url}/v1/embeddings`, { input: 'a', model: 'broken' });
  expect([status, json.error.message]).toEqual([500, 'model name=broken failed to load']);
  expect(log()).toMatch(/error: broken: .*GGUF/);
  rmSync(join(models, 'one.gguf'));
  expect((await post(`${url}/v1/embeddings`, { input: 'a', model: 'one' })).status).toBe(500);
  expect(log()).toContain(`one: ${join(models, 'one.gguf')}: cannot open the file: the file does not exist\n`);
  const [left, kept] = [join(models, 'sub.gguf'), join(models, 'sub', 'x.gguf')];
  expect(log()).toContain(`${left} is left out: ${kept} has the name 'sub', too\n`);
});

it('--models-preset: sections over defaults, and flags over both', async () => {
  const preset = file(
    'preset.ini',
    `version = 1
[*]
embd-normalize = -1 ; of all
n-gpu-layers = 99
ctx-size = 64

[small] # a comment
model = ${model('bert-mean')}
alias = tiny, s, tiny
tags = test
load-on-startup = true
LLAMA_ARG_CTX_SIZE = 128

[plain]
m = ${model('bert-mean')}
embd-normalize = 2
host = 0.0.0.0
`,
  );
  const { url, log } = await serve('--models-preset', preset, '-ub', '256');
  await expect.poll(async () => (await list(url)).map(({ status }) => status.value)).toEqual(['unloaded', 'loaded']);
  expect((await list(url)).map(({ aliases }) => aliases)).toEqual([[], ['s', 'tiny']]);
  const norm = async (name: string) => {
    const { json } = await post(`${url}/v1/embeddings`, { input: 'a text', model: name });
    return Math.hypot(...json.data[0].embedding);
  };
  expect(await norm('plain')).toBeCloseTo(1, 4);
  expect(Math.abs((await norm('tiny')) - 1)).toBeGreaterThan(0.01);
  const context = async (name: string) =>
    (await (await fetch(`${url}/props?model=${name}`)).json()).default_generation_settings.n_ctx;
  expect([await context('s'), await context('plain')]).toEqual([128, 64]);
  expect(log()).toContain("preset '*': n-gpu-layers is ignored");
  expect(log()).toContain("preset 'plain': host is ignored: it is an option of the whole server");
  const { url: other } = await serve('--models-preset', preset, '-c', '32');
  expect((await (await fetch(`${other}/props?model=s`)).json()).default_generation_settings.n_ctx).toBe(32);
});

/** A cross-encoder whose file does not say that it is one. */
async function silentReranker(pooling?: number): Promise<string> {
  const path = join(folder, `silent-${pooling ?? 'none'}.gguf`);
  const bytes = await editedBytes('bert-rank', ({ values }) => {
    values.delete('bert.pooling_type');
    if (pooling !== undefined) values.set('bert.pooling_type', { type: 'uint32', value: pooling });
  });
  writeFileSync(path, bytes);
  return path;
}

describe.each([
  ['without flags', undefined, []],
  ['with --rerank', undefined, ['--rerank']],
  ['with --pooling rank', undefined, ['--pooling', 'rank']],
  ['with --rerank, and a file that names another pooling', 1, ['--rerank']],
  [
    'with rerank in the section of all models',
    undefined,
    ['--models-preset', file('all-rank.ini', '[*]\nrerank = true\n')],
  ],
])('a classifier ranks and an embedder embeds, %s', (_, pooling, args) => {
  it('answers both', async () => {
    const path = await silentReranker(pooling);
    const { url, log } = await serve('-m', model('bert-mean'), '-m', path, ...args);
    const ranking = await post(`${url}/rerank`, { query: 'q', documents: ['a', 'b'] });
    expect([ranking.status, ranking.json.results?.length]).toEqual([200, 2]);
    const vector = await post(`${url}/v1/embeddings`, { input: 'a text' });
    expect([vector.status, vector.json.model]).toEqual([200, 'bert-mean']);
    expect(log()).not.toContain('is not a reranker');
  });
});

it('a classifier embeds where its section says so, and a section that asks an embedder to rank fails', async () => {
  const preset = file(
    'own.ini',
    `[a]\nmodel = ${await silentReranker()}\npooling = mean\n[b]\nmodel = ${model('bert-mean')}\nrerank = true\n`,
  );
  const { url } = await serve('--models-preset', preset);
  expect((await post(`${url}/v1/embeddings`, { input: 'a text', model: 'a' })).status).toBe(200);
  expect((await post(`${url}/rerank`, { query: 'q', documents: ['a'], model: 'b' })).status).toBe(500);
});

it('options of sections without effect are named, and those of all models only where no model has a use for them', async () => {
  const preset = file(
    'unused.ini',
    `[*]
gpu-memory = 10
[a]
model = ${model('bert-mean')}
backend = webgpu
gpu-weights = f16
image-max-tokens = 10
[b]
model = ${model('bert-mean')}
`,
  );
  const { log } = await serve('--models-preset', preset, '--backend', 'wasm');
  const ignored = log()
    .split('\n')
    .filter((line) => line.includes('preset'));
  const byBackend = 'is ignored: it works with --backend webgpu only, not with --backend wasm';
  expect(ignored).toEqual([
    `preset 'a': gpu-weights ${byBackend}`,
    "preset 'a': image-max-tokens is ignored: it works with --mmproj, --mmproj-url, --hf-repo or -m hf:USER/REPO only",
    `preset '*': gpu-memory ${byBackend}`,
  ]);
  const auto = await serve(
    '--backend',
    'auto',
    '--models-preset',
    file('used.ini', `[*]\ngpu-memory = 10\n[a]\nm = ${model('bert-mean')}\n`),
  );
  expect(auto.log()).not.toContain('preset');
});

it('a section that leaves its own option without effect is refused', async () => {
  const preset = file('own-effect.ini', `[a]\nm = ${model('bert-mean')}\nbackend = wasm\ngpu-memory = 10\n`);
  const { code, stderr } = await run(['serve', '--models-preset', preset], { env: { GGUF_EMBED_BACKEND: '' } });
  expect([code, stderr]).toEqual([
    1,
    "error: preset 'a': gpu-memory works with --backend webgpu only, not with --backend wasm; remove one of the two\n",
  ]);
});

describe('refused at the start, with one line', () => {
  const one = model('bert-mean');
  it.each<[string, string[], string]>([
    [
      'two options that say different things',
      ['--models-preset', file('i.ini', `[a]\nm = ${one}\nrerank = true\npooling = mean\n`)],
      "preset 'a': rerank works with --pooling rank only, not with --pooling mean",
    ],
    [
      'images that no model sees',
      ['--models-preset', file('j.ini', `[a]\nm = ${one}\nimage-exif = rotate\n`)],
      "preset 'a': image-exif works with --mmproj, --mmproj-url, --hf-repo or -m hf:USER/REPO only; add one of them or remove it",
    ],
    [
      'an unknown key',
      ['--models-preset', file('a.ini', '[a]\nfoo = 1\n')],
      "option 'foo' not recognized in preset 'a'",
    ],
    ['no preset', ['--models-preset', join(folder, 'none.ini')], '--models-preset: cannot read '],
    ['no INI', ['--models-preset', file('b.ini', 'hello\n')], 'failed to parse server config file: '],
    [
      'a section without a name',
      ['--models-preset', file('nameless.ini', `[ ]\nm = ${one}\n`)],
      'failed to parse server config file: ',
    ],
    ['no model', ['--models-preset', file('c.ini', '[a]\nctx-size = 5\n')], "preset 'a' names no model"],
    [
      'a wrong value',
      ['--models-preset', file('d.ini', '[a]\nctx-size = x\n')],
      "preset 'a': ctx-size must be an integer",
    ],
    [
      'a switch that is neither on nor off',
      ['--models-preset', file('neither.ini', '[a]\nrerank = yes\n')],
      `preset 'a': rerank must be 1, true, on or enabled, or 0, false, off or disabled, not "yes"`,
    ],
    [
      'a switch of the preset that is neither on nor off',
      ['--models-preset', file('neither-start.ini', '[*]\nload-on-startup =\n')],
      `preset '*': load-on-startup must be 1, true`,
    ],
    [
      'a refused key',
      ['--models-preset', file('e.ini', '[a]\ncontrol-vector = x\n')],
      "preset 'a': control-vector is not supported",
    ],
    [
      'too many at the start',
      [
        '--models-max',
        '1',
        '--models-preset',
        file('f.ini', `[*]\nload-on-startup = True\n[a]\nm = ${one}\n[b]\nm = ${one}\n`),
      ],
      'number of models to load on startup (2) exceeds models_max (1)',
    ],
    [
      'an alias that is a name',
      ['--models-preset', file('g.ini', `[a]\nm = ${one}\nalias = b\n[b]\nm = ${one}\n`)],
      "model name 'b' conflicts with alias of model 'a'",
    ],
    ['no folder', ['--models-dir', join(folder, 'nowhere')], 'the file does not exist'],
    ['two of a name', ['-m', one, '-m', one], "two models have the name 'bert-mean'"],
    ['--alias', ['-m', one, '-m', model('bert-rank'), '-a', 'x'], '--models-preset'],
  ])('%s', async (_, args, message) => {
    const { code, stderr } = await run(['serve', '--port', '0', ...args]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

it('POST and DELETE /models: a model of the hub comes and goes, with events, and a stop ends the events', async () => {
  hub.add('someone/tiny-GGUF', { 'tiny-Q8_0.gguf': readFileSync(model('bert-rank')) });
  const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hub') };
  const child = start(['serve', '--port', '0', '-t', '1', '-m', model('bert-mean'), '-m', model('bert-cls')], env);
  children.push(child);
  const { url, end, log } = await listening(child);
  let events = '';
  const stream = await fetch(`${url}/models/sse`);
  const ended = (async () => {
    for await (const bytes of stream.body as unknown as AsyncIterable<Uint8Array>) events += Buffer.from(bytes);
  })();
  expect(await post(`${url}/models`, { model: 'someone/tiny-GGUF' })).toEqual({ status: 200, json: { success: true } });
  await expect
    .poll(async () => (await list(url)).map(({ id }) => id), { timeout: 20_000 })
    .toContain('someone/tiny-GGUF:Q8_0');
  const entry = (await list(url)).find(({ source }) => source === 'cache');
  expect(entry).toMatchObject({ id: 'someone/tiny-GGUF:Q8_0', aliases: ['someone/tiny-GGUF'], can_remove: true });
  expect((await post(`${url}/rerank`, { query: 'q', documents: ['a'] })).json.model).toBe('someone/tiny-GGUF:Q8_0');
  expect((await post(`${url}/models`, { model: 'someone/tiny-GGUF:q8_0' })).status).toBe(400);
  const cached = () => readdirSync(join(folder, 'hub', 'hub')).filter((name) => name.startsWith('models--'));
  expect(cached()).toHaveLength(1);
  const removed = await fetch(`${url}/models?model=someone/tiny-GGUF:Q8_0`, { method: 'DELETE' });
  expect([removed.status, await removed.json()]).toEqual([200, { success: true }]);
  expect(cached()).toEqual([]);
  expect((await list(url)).map(({ id }) => id)).toEqual(['bert-cls', 'bert-mean']);
  expect((await post(`${url}/models`, { model: 'nobody/nothing' })).status).toBe(200);
  await expect.poll(() => events, { timeout: 20_000 }).toContain('"model":"nobody/nothing","event":"download_failed"');
  expect(log()).toContain('error: nobody/nothing: ');
  for (const event of ['download_progress', 'download_finished', 'model_remove', '"status":"loaded"']) {
    expect(events).toContain(event);
  }
  expect(events).toContain(`"${hub.endpoint}someone/tiny-GGUF":{"done":`);
  child.kill('SIGTERM');
  await ended;
  expect((await end).code).toBe(0);
});
