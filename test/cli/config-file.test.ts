/**
 * @file `--config`: options from a YAML or JSON file, below flags and variables; its mistakes are named with file, line and key.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CommandName } from '../../src/cli/options/option-types.ts';
import { parseWithConfiguration } from '../../src/cli/options/parse-options.ts';
import { listening, model, run, start } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const { file, write } = temporaryFolder();

/** Parses a command line with a configuration. */
async function parse(text: string, line = 'serve', env: Record<string, string> = {}, name = 'c.yaml') {
  const path = await write(name, text);
  const [command, ...args] = line.split(' ');
  const parsed = await parseWithConfiguration(command as CommandName, [...args, '--config', path], env);
  return { ...parsed, path };
}

const refusal = (text: string, line = 'serve') =>
  parse(text, line).then(
    () => 'accepted',
    ({ message }) => message as string,
  );

describe('the values of a configuration', () => {
  it('have the types of their options, under any spelling of a flag', async () => {
    const { values, notes } = await parse(`# a server
port: 9000
m: hf:user/repo
embd_normalize: -1
rope-freq-scale: 0.5
cors-origins: "*"
no-packing: true
slots: false
alias: [one, "two, three"]
tags: a, b
override-kv:
  - a.b=int:1
n-gpu-layers: 99
`);
    expect(values).toMatchObject({
      port: 9000,
      model: 'hf:user/repo',
      embdNormalize: -1,
      ropeFreqScale: 0.5,
      corsOrigins: '*',
      packing: false,
      slots: false,
      alias: ['one', 'two, three'],
      tags: ['a', 'b'],
      overrideKv: ['a.b=int:1'],
    });
    expect(notes).toEqual([expect.stringMatching(/c\.yaml:13: n-gpu-layers is ignored: /)]);
  });

  it('are the same from JSON, indented by tabs', async () => {
    const { values } = await parse(
      '{\n\t"port": 9000,\n\t"tags": ["a"],\n\t"packing": false\n}\n',
      'serve',
      {},
      'c.json',
    );
    expect(values).toMatchObject({ port: 9000, tags: ['a'], packing: false });
  });

  it('are none in an empty file', async () => {
    for (const text of ['', '# nothing\n', '---\n']) expect((await parse(text)).values.port).toBe(8080);
  });

  it('may be several models, as with several flags', async () => {
    const { given } = await parse('model: [a.gguf, hf:u/r]\nmodels-memory: 10\n');
    expect(given.get('model')).toEqual([file('a.gguf'), 'hf:u/r']);
  });

  it('come after flags and variables, and before defaults', async () => {
    const text = 'port: 1\nhost: a\ntimeout: 3\n';
    const { values } = await parse(text, 'serve --port 2', { LLAMA_ARG_PORT: '4', LLAMA_ARG_HOST: 'b' });
    expect(values).toMatchObject({ port: 2, host: 'b', timeout: 3, maxQueue: 1024 });
  });

  it('give way to a flag or variable that says the same in another way', async () => {
    const text = 'hf-repo: user/repo\nmmproj: tower.gguf\nthreads-batch: 2\nreranking: true\n';
    const { values, notes, path } = await parse(text, 'serve -m other.gguf -t 4 --pooling mean');
    expect(values).toMatchObject({ model: 'other.gguf', hfRepo: undefined, mmproj: undefined, threads: 4 });
    expect(values).toMatchObject({ threadsBatch: undefined, reranking: false, pooling: 'mean' });
    expect(notes).toContain(`${path}:1: hf-repo is ignored: --model overrides it`);
    expect(notes).toContain(`${path}:3: threads-batch is ignored: --threads overrides it`);
  });

  it('of paths are relative to the folder of the file', async () => {
    mkdirSync(file('sub'), { recursive: true });
    const text = 'model: m.gguf\nmmproj: ../t.gguf\nprompts: /abs/p.json\nhf-file: a/b.gguf\nmodels-dir: .\n';
    const { values } = await parse(text, 'serve', {}, 'sub/c.yaml');
    expect(values).toMatchObject({ model: file('sub/m.gguf'), mmproj: file('t.gguf'), promptsFile: '/abs/p.json' });
    expect(values).toMatchObject({ hfFile: 'a/b.gguf', modelsDir: join(file('sub'), '.') });
    expect((await parse('image: [a.png, hf:x]\n', 'embed')).values.images).toEqual([file('a.png'), 'hf:x']);
    expect((await parse('output: vectors/\n', 'embed')).values.output).toBe(file('vectors/'));
    expect((await parse('out: site\n', 'page')).values.out).toBe(file('site'));
    expect((await parse('lora-scaled: a.gguf:0.5\n')).values.loraScaled).toEqual([file('a.gguf:0.5')]);
  });

  it('serve several commands: others are left alone, and a section comes first', async () => {
    const text = 'threads: 2\nport: 9000\nembed:\n  threads: 3\n  json: true\ninspect:\n  json: true\n';
    const shared = text.replace('  json: true\ninspect', '  truncate: end\ninspect');
    expect((await parse(shared, 'embed')).values).toMatchObject({ threads: 3, truncate: 'end', json: false });
    expect((await parse(shared, 'serve')).values).toMatchObject({ threads: 2, port: 9000 });
    expect((await parse(shared, 'inspect')).values.json).toBe(true);
    expect((await parse('rerank: true\n', 'serve')).values.reranking).toBe(true);
    const empty = 'port: 9000\nembed:\n  # threads: 3\nserve:\n';
    for (const command of ['serve', 'embed']) await parse(empty, command);
    expect((await parse(empty)).values.port).toBe(9000);
    expect((await parse('base: &t 5\n'.replace('base', 'threads') + 'max-queue: *t\n')).values.maxQueue).toBe(5);
  });

  it('are not read for the help', async () => {
    expect((await parse('nonsense: 1\n', 'serve --help')).values.help).toBe(true);
  });
});

describe('a configuration is refused by file, line and key', () => {
  it.each([
    ['port: 1\nmodle: a\n', ':2: unknown option modle: did you mean model?'],
    ['serve:\n  prot: 1\n', ':2: unknown option prot: did you mean port?'],
    ['embed:\n  prot: 1\n', ':2: unknown option prot'],
    ['srve:\n  port: 1\n', ':1: unknown option srve: did you mean serve?'],
    ['serve:\n  jsonl: true\n', ':2: jsonl is an option of'],
    ['port: 1\nembed: 1\n', ':2: embed is a command: put its options below it, as "option: value"'],
    ['serve: [port]\n', ':1: serve is a command: put its options below it'],
    ['rerank:\n', ':1: rerank has no value'],
    ['port: "8080"\n', ':1: port must be an integer, not the text "8080"'],
    ['port: 70000\n', ':1: port must be an integer from 0 to 65535, not "70000"'],
    ['port: 1.5\n', ':1: port must be an integer'],
    ['port: [1, 2]\n', ':1: port takes one value, not a list'],
    ['port:\n', ':1: port has no value'],
    ['port:\n  a: 1\n', ':1: port must be a value, not a group of options'],
    ['metrics: yes\n', ':1: metrics must be true or false, not the text "yes"'],
    ['metrics: 1\n', ':1: metrics must be true or false, not 1'],
    ['api-key: 123\n', ':1: api-key must be a text, not 123: put it in quotes'],
    ['tags: [a, 1]\n', ':1: tags must be a text, not 1'],
    ['api-key: []\n', ':1: api-key is empty'],
    [
      'pooling: sum\n',
      ':1: pooling must be one of none, mean, cls, last, rank, max, weighted-mean, mean-sqrt-len, or several of mean, cls, last, max, weighted-mean, mean-sqrt-len joined by +, not "sum"',
    ],
    ['model: a\nm: b\n', ':2: m says again what '],
    ['port: 1\nport: 2\n', ':2: Map keys must be unique'],
    ['port: 1\n  host: x\n', ':1: Nested mappings are not allowed'],
    ['- port\n', ': must have a line "option: value" for each option'],
    ['1: 2\n', ':1: the name of an option must be a text'],
    ['help: true\n', ':1: help is for the command line only'],
    ['config: other.yaml\n', ':1: config is for the command line only'],
    ['control-vector: a.gguf\n', ':1: control-vector is not supported: '],
    ['port: 1\n---\nport: 2\n', ':2: a configuration is one document'],
    [`port: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n`, ':1: it is nested too deeply'],
    ['port: *nowhere\n', ':1: port names an anchor that is not there'],
    ['cache-memory: 10\n', ':1: cache-memory works with --cache-size only; add --cache-size or remove it'],
    [
      'port: 1\nbackend: wasm\ngpu-memory: 10\n',
      ':3: gpu-memory works with --backend webgpu only, not with --backend wasm',
    ],
  ])('%j', async (text, message) => {
    expect(await refusal(text)).toContain(`c.yaml${message}`);
  });

  it('but not for what only a flag leaves without effect', async () => {
    const { values, notes, path } = await parse('backend: webgpu\ngpu-memory: 10\n', 'serve --backend wasm');
    expect(notes).toEqual([
      `${path}:2: gpu-memory is ignored: it works with --backend webgpu only, not with --backend wasm`,
    ]);
    expect(values.gpuMemory).toBe(undefined);
    expect((await parse('cache-memory: 10\n', 'serve --cache-size 5')).notes).toEqual([]);
  });
});

describe('the built program', () => {
  it('reads the file that a flag or a variable names, and says which one it cannot read', async () => {
    const path = await write('embed.yaml', `model: ${model('bert-mean')}\nembed:\n  embd-output-format: array\n`);
    const plain = await run(['embed', '-m', model('bert-mean'), '--embd-output-format', 'array', '-p', 'a text']);
    expect(await run(['embed', '--config', path, '-p', 'a text'])).toEqual(plain);
    expect(await run(['embed', '-p', 'a text'], { env: { GGUF_EMBED_CONFIG: path } })).toEqual(plain);
    const missing = await run(['embed', '-p', 'a text'], { env: { GGUF_EMBED_CONFIG: 'none.yaml' } });
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toContain('GGUF_EMBED_CONFIG: cannot read none.yaml');
    const wrong = await write('wrong.yaml', 'modle: a\n');
    expect((await run(['tokenize', '--config', wrong])).stderr).toBe(
      `error: ${wrong}:1: unknown option modle: did you mean model?\n`,
    );
  });

  it('serves several models of a configuration, below the sections of a preset', async () => {
    const preset = await write(
      'p.ini',
      `[small]\nmodel = ${model('bert-mean')}\nctx-size = 32\n[plain]\nmodel = ${model('bert-mean')}\n`,
    );
    const path = await write(
      'serve.yaml',
      `model: [${model('bert-rank')}, ${model('qwen3')}]\nmodels-preset: ${preset}\nctx-size: 64\nport: 0\nthreads: 1\n`,
    );
    const child = start(['serve', '--config', path]);
    try {
      const { url } = await listening(child);
      const { data } = (await (await fetch(`${url}/models`)).json()) as { data: { id: string }[] };
      expect(data.map(({ id }) => id)).toEqual(['bert-rank', 'plain', 'qwen3', 'small']);
      const context = async (name: string) => {
        const body = JSON.stringify({ model: name, input: 'a' });
        expect((await fetch(`${url}/v1/embeddings`, { method: 'POST', body })).status).toBe(200);
        const props = await (await fetch(`${url}/props?model=${name}`)).json();
        return props.default_generation_settings.n_ctx;
      };
      expect([await context('small'), await context('plain')]).toEqual([32, 64]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
