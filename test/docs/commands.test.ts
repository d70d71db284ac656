/**
 * @file Runs what the documentation shows, in a folder that has the files which it names: commands, programs, requests. What needs a
 * network, a cluster or a large checkout is listed here, with the reason.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { listening, main, start } from '../cli/run.ts';
import { unpackCheckout } from '../convert/support.ts';
import { adapterBytes } from '../models/adapters.ts';
import { blocksOf, commands, isProgram } from './blocks.ts';

const run = promisify(execFile);
const fixtures = resolve('test/fixtures');
const bundled = resolve('models/all-MiniLM-L6-v2-Q8_0.gguf');
const folder = mkdtempSync(join(tmpdir(), 'gguf-embed-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const photo = `${fixtures}/multimodal/images/baseline.jpg`;

beforeAll(async () => {
  const copies: Record<string, string> = {
    'model.gguf': bundled,
    'model-Q8_0.gguf': bundled,
    'reranker.gguf': `${fixtures}/models/bert-rank.gguf`,
    'bge-reranker.gguf': `${fixtures}/models/bert-rank.gguf`,
    'photo.jpg': photo,
    'a.jpg': photo,
    'b.jpg': photo,
  };
  for (const [name, from] of Object.entries(copies)) copyFileSync(from, join(folder, name));
  const pair = `${fixtures}/multimodal/models`;
  copyFileSync(`${pair}/qwen3vl.gguf`, join(folder, 'Qwen3-VL-Embedding-2B.gguf'));
  copyFileSync(`${pair}/mmproj-qwen3vl.gguf`, join(folder, 'mmproj-Qwen3-VL-Embedding-2B.gguf'));
  symlinkSync(resolve('models'), join(folder, 'models'));
  cpSync(unpackCheckout('bert-mean'), join(folder, 'checkout'), { recursive: true });
  cpSync(unpackCheckout('bge-m3'), join(folder, 'bge-m3'), { recursive: true });
  await convertFolder(join(folder, 'bge-m3'), join(folder, 'bge-m3.gguf'), 'F16');
  await convertFolder(unpackCheckout('colbert-bert'), join(folder, 'colbert.gguf'), 'F16');
  cpSync(unpackCheckout('jina-tasks'), join(folder, 'jina-embeddings-v3'), { recursive: true });
  await convertFolder(join(folder, 'jina-embeddings-v3'), join(folder, 'jina-embeddings-v3.gguf'), 'F16');
  for (const [name, base] of [
    ['adapter', '../../../models/all-MiniLM-L6-v2-Q8_0'],
    ['a', '../../../models/all-MiniLM-L6-v2-Q8_0'],
    ['b', '../../../models/all-MiniLM-L6-v2-Q8_0'],
  ]) {
    writeFileSync(join(folder, `${name}.gguf`), await adapterBytes(base, ['blk.0.ffn_up.weight']));
  }
  cpSync(unpackCheckout('mpnet-lora'), join(folder, 'adapter-folder'), { recursive: true });
  cpSync(unpackCheckout('mpnet-mean'), join(folder, 'model-folder'), { recursive: true });
  const lines = ['a cat sleeps', 'a kitten naps', 'stocks fell'];
  writeFileSync(join(folder, 'texts.txt'), lines.join('\n'));
  writeFileSync(join(folder, 'texts.jsonl'), lines.map((text) => `${JSON.stringify(text)}\n`).join(''));
  writeFileSync(join(folder, 'articles.jsonl'), lines.map((text) => `${JSON.stringify({ text })}\n`).join(''));
  mkdirSync(join(folder, 'corpus'));
  writeFileSync(join(folder, 'corpus/a.txt'), lines.join('\n'));
  mkdirSync(join(folder, 'data/2026'), { recursive: true });
  writeFileSync(join(folder, 'data/2026/a.csv'), `id,body\n${lines.map((text, i) => `${i},${text}\n`).join('')}`);
  writeFileSync(join(folder, 'sts-test.csv'), lines.map((text, i) => `${text}\ta cat naps\t${5 - 2 * i}\n`).join(''));
});

// A command may have written a model of its own there.
beforeEach(() => copyFileSync(bundled, join(folder, 'model.gguf')));

/** Commands of gguf-embed that are not run, and why. */
const notRun: [RegExp, string][] = [
  [/ (-hf|--hf-repo) | hf:|^gguf-embed pull /, 'needs a network'],
  [/^gguf-embed convert Qwen3-VL-Embedding-2B\//, 'needs a checkout of 4 GB'],
  [
    /--mmproj mmproj\.gguf|-m reranker\.gguf --mmproj/,
    'needs a pair of files; the programs and requests below use one',
  ],
  [/^gguf-embed trace .* --compare /, 'needs the same text on both sides: test/cli/trace.test.ts'],
];

const ours = commands.filter(({ words }) => words[0] === 'gguf-embed');
const chosen = ours.filter(({ line }) => !notRun.some(([pattern]) => pattern.test(line)));

describe('commands', () => {
  it('are run but for a few', () => {
    for (const [pattern, reason] of notRun)
      expect(
        ours.some(({ line }) => pattern.test(line)),
        reason,
      ).toBe(true);
    expect(chosen.length).toBeGreaterThan(12);
  });

  it.each(chosen.map(({ place, line, words }) => [`${place}: ${line}`, line, words] as const))(
    '%s',
    { timeout: 300_000 },
    async (_name, line, words) => {
      if (words[1] === 'serve') {
        const args = words.slice(1).map((word) => (word === '8080' ? '0' : word));
        const inFolder = (word: string) => word.replaceAll(/[^,]+\.gguf/g, (file) => join(folder, file));
        const port = args.includes('--port') ? [] : ['--port', '0'];
        const child = start([...args.map(inFolder), ...port]);
        const { url, end } = await listening(child);
        expect((await fetch(`${url}/health`)).status).toBe(200);
        child.kill();
        await end;
        return;
      }
      // Parts of a job with another model, which an earlier command has written.
      rmSync(join(folder, 'vectors'), { recursive: true, force: true });
      const script = `set -o pipefail; gguf-embed() { "${process.execPath}" "${main}" "$@"; }; ${line}`;
      const env = { PATH: process.env.PATH, HOME: folder, GGUF_EMBED_BACKEND: 'wasm' };
      const end = await run('bash', ['--norc', '-c', script], { cwd: folder, env, maxBuffer: 1 << 26 }).catch(
        (error) => error,
      );
      // Two backends differ, and so may two precisions: `trace` says so with its exit code.
      expect([0, /--versus/.test(line) ? 1 : 0], `${end.stderr}`).toContain(end.code ?? 0);
      expect(end.stderr).not.toMatch(/^error/m);
    },
  );
});

describe('programs', () => {
  // Below the project, whose own name the programs import.
  const place = resolve('build', `code-blocks-run-${process.pid}`);
  beforeAll(() => mkdirSync(place, { recursive: true }));
  afterAll(() => rmSync(place, { recursive: true, force: true }));
  const programs = blocksOf('ts').filter((block) => isProgram(block) && !block.code.includes("'hf:"));

  it.each(programs.map((block) => [block.place, block.code] as const))(
    '%s',
    { timeout: 120_000 },
    async (name, code) => {
      const path = join(place, `${name.replaceAll(/\W/g, '-')}.mjs`);
      const target = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
      writeFileSync(path, ts.transpileModule(code, { compilerOptions: target }).outputText);
      const env = { PATH: process.env.PATH };
      const { stderr } = await run(process.execPath, [path], { cwd: folder, env });
      // Dawn's own words about the limits of a software driver.
      expect(stderr.replaceAll(/^Warning: maxDynamic.*\n/gm, '')).toBe('');
    },
  );

  it('are at least four', () => expect(programs.length).toBeGreaterThanOrEqual(4));
});

describe('requests', () => {
  let url = '';
  let child: ChildProcess;
  beforeAll(async () => {
    const pair = `${fixtures}/multimodal/models`;
    const server = start([
      'serve',
      '-m',
      `${pair}/qwen3vl.gguf`,
      '--mmproj',
      `${pair}/mmproj-qwen3vl.gguf`,
      '--port',
      '0',
    ]);
    child = server;
    ({ url } = await listening(server));
  });
  afterAll(() => void child.kill());

  const withPhoto = (text: string) => text.replaceAll('base64,…', `base64,${readFileSync(photo).toString('base64')}`);
  const post = (path: string, headers: Record<string, string>, body: string) =>
    fetch(url + path, { method: 'POST', headers, body: withPhoto(body) });

  /** The answer has the form of OpenAI's. */
  async function expectVectors(response: Response): Promise<void> {
    const answer = await response.json();
    expect(response.status, JSON.stringify(answer)).toBe(200);
    expect(answer).toMatchObject({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: expect.arrayContaining([expect.any(Number)]) }],
      model: expect.any(String),
      usage: { prompt_tokens: expect.any(Number), total_tokens: expect.any(Number) },
    });
  }

  // Requests to a server of several models, which download one: test/server/router/manage.test.ts sends such requests.
  const curls = commands.filter(
    ({ words }) => words[0] === 'curl' && !words.some((word) => /8080\/models\b/.test(word)),
  );
  it.each(curls.map(({ place, line, words }) => [`${place}: ${line.slice(0, 70)}`, words] as const))(
    '%s',
    async (_name, words) => {
      const target = words.find((word) => word.startsWith('http://127.0.0.1:8080'))!;
      const argumentOf = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined);
      const [path, body, header] = [target.slice('http://127.0.0.1:8080'.length), argumentOf('-d'), argumentOf('-H')];
      if (body === undefined) expect((await fetch(url + path)).status).toBe(200);
      else await expectVectors(await post(path, Object.fromEntries([header!.split(': ')]), body));
    },
  );

  const bodies = blocksOf('json').filter(({ page }) => page !== 'docs/cli.md');
  it.each(bodies.map(({ place, code }) => [place, code] as const))('%s', async (_name, code) => {
    await expectVectors(await post('/v1/embeddings', {}, code));
  });

  it('get the headers that the documentation shows', async () => {
    const { headers } = await fetch(`${url}/`, { headers: { accept: 'text/html' } });
    const shown = blocksOf('http').flatMap(({ code }) => code.trim().split('\n'));
    expect(shown.length).toBeGreaterThanOrEqual(2);
    for (const line of shown) {
      const [name, value] = line.split(': ');
      expect(headers.get(name), name).toBe(value);
    }
  });

  it('are at least six', () => expect(curls.length + bodies.length).toBeGreaterThanOrEqual(6));
});
