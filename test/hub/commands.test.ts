/**
 * @file The commands that take a model by name, as fresh processes: what they download, share, resume, list and remove.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { finished, model as fixture, listening, run as runProgram, start as startProgram } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { randomBytes } from './random-bytes.ts';
import { COMMIT, SIGNATURE, sha256, startHub } from './server.ts';

const hub = await startHub();
const temporary = temporaryFolder();
const small = readFileSync(fixture('bert-mean'));
const ranker = readFileSync(fixture('bert-rank'));
const large = randomBytes(24 * 2 ** 20, 7);
const REPO = 'someone/tiny-embed-GGUF';
let env: Record<string, string> = {};
let home = '';
let runs = 0;

beforeEach(() => {
  hub.reset();
  hub.add(REPO, { 'tiny-Q8_0.gguf': small, 'tiny-F32.gguf': ranker });
  home = temporary.file(`home-${runs++}`);
  env = { HOME: home, HF_ENDPOINT: hub.endpoint };
});

const start = (...args: string[]) => startProgram(args, env);
const run = (...args: string[]) => runProgram(args, { env, input: 'a text' });
const cache = () => join(home, '.cache/huggingface/hub');

/** Runs the program, which must succeed. */
async function succeed(...args: string[]) {
  const end = await run(...args);
  expect(end.code, end.stderr).toBe(0);
  expect(end.stderr).not.toContain(SIGNATURE);
  return end;
}

/** Waits until `isTrue`. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('a model by name', () => {
  const vector = async (...args: string[]) =>
    JSON.parse((await succeed('embed', ...args, '--embd-output-format', 'array')).stdout);

  it('embeds, tokenizes and ranks as the same file does', async () => {
    expect(await vector('-hf', REPO)).toEqual(await vector('-m', fixture('bert-mean')));
    expect(await vector('-hf', `${REPO}:q8_0`, '--offline')).toEqual(await vector('-m', `HF:${REPO}`));
    const tokens = await succeed('tokenize', '-hf', REPO, '--ids');
    expect(tokens.stdout).toBe((await run('tokenize', '-m', fixture('bert-mean'), '--ids')).stdout);
    const ranked = await succeed('rerank', '-hf', REPO, '--hf-file', 'tiny-F32.gguf', '-q', 'one', 'two', 'three');
    expect(ranked.stdout).toBe((await run('rerank', '-m', fixture('bert-rank'), '-q', 'one', 'two', 'three')).stdout);
  });

  it('brings the vision tower that belongs to it, unless it is told not to', async () => {
    const pair = (name: string) => readFileSync(new URL(`../fixtures/multimodal/models/${name}.gguf`, import.meta.url));
    const picture = fileURLToPath(new URL('../fixtures/multimodal/images/rgb.png', import.meta.url));
    const files = { 'vl-Q8_0.gguf': pair('qwen3vl'), 'mmproj-vl-F16.gguf': pair('mmproj-qwen3vl') };
    hub.add('someone/vl-GGUF', files);
    const embedded = await vector('-hf', 'someone/vl-GGUF', '--image', picture);
    expect(embedded[0].length).toBe(64);
    expect(await vector('-m', 'hf:someone/vl-GGUF', '--image', picture)).toEqual(embedded);
    const without = await run('embed', '-hf', 'someone/vl-GGUF', '--no-mmproj', '--image', picture);
    expect(without.stderr).toContain('it was loaded without a vision tower');
    const tower = `${hub.endpoint}someone/vl-GGUF/resolve/main/mmproj-vl-F16.gguf`;
    const alsoWithout = await run('embed', '-m', 'hf:someone/vl-GGUF', '--no-mmproj', '--image', picture);
    expect(alsoWithout.stderr).toContain('it was loaded without a vision tower');
    const byUrl = await vector('-hf', 'someone/vl-GGUF', '--mmproj-url', tower, '--image', picture);
    expect(byUrl).toEqual(embedded);
    const wrong = await run('embed', '-hf', 'someone/vl-GGUF', '--mmproj-url', 'mmproj.gguf', '--image', picture);
    expect(wrong.stderr).toContain('--mmproj-url must be a URL of http or https');
  });

  it('takes a vision tower of another repository by name', async () => {
    const fixtures = new URL('../fixtures/multimodal/', import.meta.url);
    const path = (name: string) => fileURLToPath(new URL(name, fixtures));
    const picture = ['--image', path('images/rgb.png')];
    const model = path('models/qwen3vl.gguf');
    const tower = readFileSync(path('models/mmproj-qwen3vl.gguf'));
    const other = readFileSync(path('models/mmproj-gemma3.gguf'));
    const TOWERS = 'someone/towers-GGUF';
    hub.add(TOWERS, { 'a-Q8_0.gguf': readFileSync(model), 'mmproj-a-F16.gguf': other, 'mmproj-a-Q8_0.gguf': tower });
    const expected = await vector('-m', model, '--mmproj', path('models/mmproj-qwen3vl.gguf'), ...picture);
    expect(await vector('-m', model, '--mmproj', `hf:${TOWERS}:q8_0`, ...picture)).toEqual(expected);
    expect(hub.seen.some(({ path }) => path.endsWith('/a-Q8_0.gguf'))).toBe(false);
    expect(await vector('-m', model, '--mmproj', `hf:${TOWERS}`, '--offline', ...picture)).toEqual(expected);
    const url = `${hub.endpoint}${TOWERS}/resolve/main/mmproj-a-Q8_0.gguf`;
    expect(await vector('-m', model, '--mmproj', url, ...picture)).toEqual(expected);
    const refused = async (name: string) => (await run('embed', '-m', model, '--mmproj', name, ...picture)).stderr;
    expect(await refused(`hf:${TOWERS}:BF16`)).toContain(
      `${TOWERS} has no vision tower for BF16: it has F16, Q8_0; did you mean ${TOWERS}:F16?`,
    );
    hub.add('someone/texts-GGUF', { 'a-Q8_0.gguf': readFileSync(model) });
    expect(await refused('hf:someone/texts-GGUF')).toContain(
      'someone/texts-GGUF has no vision tower, a GGUF file with mmproj in its name; its files are a-Q8_0.gguf',
    );
  });

  it('is named by variables, too', async () => {
    env = { ...env, LLAMA_ARG_HF_REPO: `${REPO}:F32`, LLAMA_ARG_OFFLINE: '1' };
    expect((await run('tokenize')).stderr).toMatch(/is not in the cache.*requests are switched off/);
    env.LLAMA_ARG_OFFLINE = '0';
    await succeed('tokenize');
  });

  it('is served', async () => {
    const server = await listening(start('serve', '-hf', REPO, '--port', '0'));
    const answer = await fetch(`${server.url}/v1/embeddings`, { method: 'POST', body: '{"input":"a text"}' });
    expect(answer.status).toBe(200);
    server.child.kill('SIGTERM');
    expect((await server.end).code).toBe(0);
    expect(server.log()).toContain(`downloading ${REPO}/tiny-Q8_0.gguf`);
  });

  it('that is wrong ends in one line', async () => {
    const end = await run('embed', '-hf', `${REPO}:Q9_0`);
    expect(end).toMatchObject({ code: 1, stdout: '' });
    expect(end.stderr).toBe(`error: ${REPO} has no file for Q9_0: it has Q8_0, F32; did you mean ${REPO}:Q8_0?\n`);
    for (const args of [
      ['pull', 'tiny'],
      ['embed', '-hf', 'tiny'],
    ]) {
      expect((await run(...args)).stderr).toBe(
        'error: "tiny" is not the name of a model: user/repo or user/repo:quant was expected\n',
      );
    }
    expect((await run('embed', '--hf-file', 'x.gguf')).stderr).toContain('--hf-file needs a repository');
    expect((await run('embed', REPO)).stderr).toContain(`give a text with -p`);
    expect((await run('serve', REPO)).stderr).toContain(`give a model with -hf ${REPO}`);
  });

  it('goes into a cache that can be written', async () => {
    const file = temporary.write('no-folder', '');
    const end = await runProgram(['pull', REPO], { env: { ...env, HF_HOME: file } });
    expect(end).toMatchObject({ code: 1, stdout: '' });
    expect(end.stderr).toMatch(/^error: .* cannot be written: a part of its path is not a folder\n$/m);
  });

  it('sends the token of --hf-token to the hub alone', async () => {
    await succeed('pull', REPO, '--hf-token', 'hf_secret');
    const sent = hub.seen.filter(({ authorization }) => authorization === 'Bearer hf_secret');
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.every(({ origin }) => origin === 'hub')).toBe(true);
  });
});

describe('pull', () => {
  it('prints where the model is, and fetches it once', async () => {
    const first = await succeed('pull', REPO);
    expect(first.stdout).toBe(
      `${join(cache(), 'models--someone--tiny-embed-GGUF/snapshots', COMMIT, 'tiny-Q8_0.gguf')}\n`,
    );
    const before = hub.fileRequests();
    for (const scheme of ['hf:', 'HF:']) {
      expect((await succeed('pull', `${scheme}${REPO}:Q8_0`)).stdout).toBe(first.stdout);
    }
    expect(hub.fileRequests()).toBe(before);
  });

  it('of two processes fetches once', async () => {
    hub.add(REPO, { 'large-Q8_0.gguf': large });
    hub.behaviour.pause = 3;
    const ends = await Promise.all([1, 2, 3].map(() => succeed('pull', REPO)));
    expect(new Set(ends.map(({ stdout }) => stdout)).size).toBe(1);
    expect(hub.fileRequests()).toBe(2);
    expect(ends.filter(({ stderr }) => stderr.includes('waiting for another process'))).toHaveLength(2);
  });

  it('goes on after a kill', async () => {
    hub.add(REPO, { 'large-Q8_0.gguf': large });
    hub.behaviour.pause = 10;
    const child = start('pull', REPO);
    const killed = finished(child);
    const blobs = join(cache(), 'models--someone--tiny-embed-GGUF/blobs');
    const journal = join(blobs, `${sha256(large)}.gguf-embed.partial.json`);
    const stored = () => {
      try {
        const { done } = JSON.parse(readFileSync(journal, 'utf8')) as { done: number[] };
        return done.reduce((sum, n) => sum + n, 0);
      } catch {
        return 0;
      }
    };
    await until(() => stored() > 2 ** 21);
    child.kill('SIGKILL');
    await killed;
    const kept = stored();
    hub.behaviour.pause = 0;
    hub.seen.length = 0;
    const { stdout } = await succeed('pull', REPO);
    expect(sha256(readFileSync(stdout.trim()))).toBe(sha256(large));
    const begins = hub.seen.flatMap(({ range }) => /^bytes=(\d+)-(?!0$)/.exec(range ?? '')?.[1] ?? []).map(Number);
    expect(Math.min(...begins)).toBeGreaterThan(0);
    expect(kept).toBeGreaterThan(2 ** 21);
    expect(readdirSync(blobs)).toEqual([sha256(large)]);
  });

  it('is ended by a signal with what to do', async () => {
    hub.add(REPO, { 'large-Q8_0.gguf': large });
    hub.behaviour.pause = 10;
    const child = start('pull', REPO);
    const end = finished(child);
    await until(() => hub.fileRequests() > 0);
    child.kill('SIGTERM');
    expect((await end).stderr).toContain('run the command again to continue');
  });

  it('without a terminal, prints only an occasional line', async () => {
    hub.add(REPO, { 'large-Q8_0.gguf': large });
    const { stderr } = await succeed('pull', REPO);
    expect(stderr).toBe(`downloading ${REPO}/large-Q8_0.gguf\n${REPO} is in the cache\n`);
  });
});

describe('a model by URL', () => {
  const url = (path = 'x/y/tiny-F32.gguf', query = '') => `${hub.filesOrigin}/${path}${query}`;
  const folder = () => join(home, '.cache/llama.cpp');

  beforeEach(() => hub.add('x/y', { 'tiny-F32.gguf': small, 'tiny-2.gguf': ranker }));

  it('is kept under its name with its ETag, and fetched again when that changes', async () => {
    const { stdout } = await succeed('pull', url('x/y/tiny-F32.gguf', `?${SIGNATURE}`));
    expect(stdout).toBe(`${join(folder(), 'tiny-F32.gguf')}\n`);
    expect(readFileSync(join(folder(), 'tiny-F32.gguf.etag'), 'utf8')).toBe(`"${sha256(small).slice(0, 32)}"`);
    await succeed('pull', url());
    expect(hub.fileRequests()).toBe(1);
    hub.add('x/y', { 'tiny-F32.gguf': ranker });
    await succeed('pull', url());
    expect(readFileSync(stdout.trim()).equals(ranker)).toBe(true);
    await succeed('pull', url(), '--offline');
    expect((await run('pull', url('x/y/other.gguf'), '--offline')).stderr).toContain('requests are switched off');
  });

  it('is used without a network, and found where llama.cpp has put it', async () => {
    await succeed('pull', url());
    hub.behaviour.intercept = (_, __, response) => {
      response.destroy();
      return true;
    };
    expect((await succeed('tokenize', '-mu', url())).stderr).toContain('using the existing file');
  });

  it('goes to the path of -m, but never over a file that was not downloaded', async () => {
    const path = temporary.file(`mine-${runs}.gguf`);
    await succeed('tokenize', '-mu', url(), '-m', path);
    expect(readFileSync(path).equals(small)).toBe(true);
    const own = temporary.write(`own-${runs}.gguf`, ranker);
    expect((await succeed('tokenize', '-mu', url(), '-m', own)).stderr).toContain('was not downloaded');
    expect(readFileSync(own).equals(ranker)).toBe(true);
  });

  it('of the hub is in the cache of the hub', async () => {
    const { stdout } = await succeed('pull', `${hub.endpoint}${REPO}/blob/main/tiny-F32.gguf`);
    expect(stdout).toContain('models--someone--tiny-embed-GGUF/snapshots');
  });

  it('never gets the token of the hub', async () => {
    await succeed('pull', url(), '--hf-token', 'hf_secret');
    expect(hub.seen.some(({ authorization }) => authorization !== undefined)).toBe(false);
  });
});

describe('what is no model', () => {
  const url = () => `${hub.filesOrigin}/x/y/model`;
  const folder = () => join(home, '.cache/llama.cpp');
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 9\n`;
  const bodies: [string, Uint8Array | string][] = [
    ['a web page', '<!DOCTYPE html><title>Sign in</title>'],
    ['a Git LFS pointer', pointer],
    ['JSON text', '{"error":"Invalid token"}'],
    ['empty', ''],
    ['a zip archive', 'PK\x03\x04rest'],
    ['a web page', gzipSync('<html>packed</html>')],
    ['begins with the bytes 00010203', Uint8Array.of(0, 1, 2, 3, 4)],
  ];

  it.each(bodies)('is named and not kept: %s', async (name, body) => {
    hub.add('x/y', { model: body });
    for (const ranges of [true, false]) {
      hub.behaviour.ranges = ranges;
      const end = await run('pull', url());
      expect(end).toMatchObject({ code: 1, stdout: '' });
      expect(end.stderr).toContain(`${url()} is not a GGUF file: it `);
      expect(end.stderr).toContain(name);
      expect(readdirSync(folder())).toEqual([]);
    }
  });

  it('is fetched again when it was kept before, and refused offline', async () => {
    hub.add('x/y', { model: small });
    await succeed('pull', url());
    const page = '<!doctype html>'.padEnd(small.length);
    writeFileSync(join(folder(), 'model'), page);
    expect((await run('pull', url(), '--offline')).stderr).toContain('is not a GGUF file: it is a web page');
    await succeed('pull', url());
    expect(readFileSync(join(folder(), 'model')).equals(small)).toBe(true);
  });

  it('is refused in a repository, where other files may be anything', async () => {
    hub.add(REPO, { 'tiny-Q8_0.gguf': pointer, 'config.json': '{}' });
    expect((await run('pull', REPO)).stderr).toContain('it is a Git LFS pointer');
    expect(readdirSync(join(cache(), 'models--someone--tiny-embed-GGUF/blobs'))).toEqual([]);
    await succeed('pull', REPO, '--hf-file', 'config.json');
  });

  it('may be a model that is packed', async () => {
    hub.add('x/y', { 'm.gguf.gz': gzipSync(small) });
    await succeed('tokenize', '-mu', `${hub.filesOrigin}/x/y/m.gguf.gz`);
  });
});

describe('a failure that lasts', () => {
  it.each([
    ['http://127.0.0.1:1/x.gguf', 'fetch sends no requests to this port'],
    ['https://127.0.0.1:PORT/x.gguf', 'cannot reach'],
  ])('of %s is not tried again', async (address, message) => {
    for (const command of ['inspect', 'pull']) {
      const { code, stderr } = await run(command, address.replace('PORT', new URL(hub.endpoint).port));
      expect(code).toBe(1);
      expect(stderr).toContain(message);
      expect(stderr).not.toContain('trying again');
    }
  });

  it('of a server that does not implement it is not tried again', async () => {
    hub.behaviour.intercept = (_, __, response) => {
      response.writeHead(501).end();
      return true;
    };
    expect((await run('inspect', `${hub.filesOrigin}/x/y/m.gguf`)).stderr).toContain('failed with status 501');
    expect(hub.seen).toHaveLength(1);
  });
});

describe('HF_HUB_DISABLE_IMPLICIT_TOKEN', () => {
  it('keeps the token of the environment and of a login back, but not that of --hf-token', async () => {
    const sent = () => hub.seen.flatMap(({ authorization }) => authorization ?? []);
    mkdirSync(join(home, '.cache/huggingface'), { recursive: true });
    writeFileSync(join(home, '.cache/huggingface/token'), 'hf_login\n');
    await succeed('inspect', `hf:${REPO}`);
    expect(new Set(sent())).toEqual(new Set(['Bearer hf_login']));
    env = { ...env, HF_TOKEN: 'hf_environment' };
    hub.seen.length = 0;
    await succeed('inspect', `hf:${REPO}`);
    expect(new Set(sent())).toEqual(new Set(['Bearer hf_environment']));
    env = { ...env, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' };
    hub.seen.length = 0;
    await succeed('pull', REPO);
    expect(sent()).toEqual([]);
    await succeed('inspect', `hf:${REPO}`, '--hf-token', 'hf_asked');
    expect(new Set(sent())).toEqual(new Set(['Bearer hf_asked']));
  });
});

describe('inspect of a remote file', () => {
  it('reads the header by ranges alone and says how many bytes that took', async () => {
    const name = fileURLToPath(new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
    const bytes = readFileSync(name);
    hub.add(REPO, { 'minilm-Q8_0.gguf': bytes });
    const local = await run('inspect', name);
    const { stdout, stderr } = await succeed('inspect', `hf:${REPO}`);
    expect(stdout.slice(stdout.indexOf('\n'))).toBe(local.stdout.slice(local.stdout.indexOf('\n')));
    const [, read, unit] = /^read ([\d.]+) (kB|MB) of 25\.3 MB$/m.exec(stderr) ?? [];
    expect(Number(read) * (unit === 'MB' ? 1e6 : 1e3)).toBeLessThan(2e6);
    expect(existsSync(cache())).toBe(false);
    const ranges = hub.seen.filter(({ origin, range }) => origin === 'files' && range !== undefined);
    expect(ranges.length).toBeGreaterThan(0);
    const asked = ranges
      .map(({ range }) => /(\d+)-(\d+)/.exec(range!)!)
      .reduce((sum, [, a, b]) => sum + Number(b) - Number(a) + 1, 0);
    expect(asked).toBeLessThan(2e6);
  });

  it('works by URL, and without ranges', async () => {
    hub.add('x/y', { 'm.gguf': small });
    expect((await succeed('inspect', `${hub.filesOrigin}/x/y/m.gguf`)).stdout).toContain('metadata keys');
    hub.behaviour.ranges = false;
    expect((await succeed('inspect', '-mu', `${hub.filesOrigin}/x/y/m.gguf`)).stdout).toContain('metadata keys');
  });
});

describe('models', () => {
  const old = new Date('2020-01-02T03:04:05Z');

  it('lists what is in the cache with size and last use', async () => {
    expect((await succeed('models')).stderr).toContain('gguf-embed pull USER/REPO');
    await succeed('pull', REPO, `${REPO}:F32`);
    const { stdout } = await succeed('pull', REPO);
    utimesSync(stdout.trim(), old, old);
    const today = new Date().toISOString().slice(0, 10);
    const list = async () => (await succeed('models')).stdout.split('\n').map((line) => line.split(/\s{2,}/));
    expect((await list())[1]).toEqual([`${REPO}:Q8_0`, expect.stringMatching(/^\d+\.\d kB$/), 'last used 2020-01-02']);
    await succeed('tokenize', '-hf', REPO);
    expect((await list())[1][2]).toBe(`last used ${today}`);
    expect(JSON.parse((await succeed('models', '--json')).stdout)).toHaveLength(2);
    expect((await succeed('embed', '--cache-list')).stdout).toBe(
      `number of models in cache: 2\n   1. ${REPO}:F32\n   2. ${REPO}:Q8_0\n`,
    );
  });

  it('says of each folder what it holds', async () => {
    hub.add('x/y', { 'by-url.gguf': small });
    expect((await succeed('models')).stderr).toBe(
      `there is no model in ${cache()} or ${join(home, '.cache/llama.cpp')}: gguf-embed pull USER/REPO downloads one\n`,
    );
    await succeed('pull', REPO, `${REPO}:F32`, `${hub.filesOrigin}/x/y/by-url.gguf`);
    const { stderr } = await succeed('models');
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^2 models, \d+\.\d [kM]B, in /),
      expect.stringMatching(/^1 model, \d+\.\d [kM]B, in /),
      '',
    ]);
    expect(stderr).toContain(`in ${cache()}\n`);
    expect(stderr).toContain(`in ${join(home, '.cache/llama.cpp')}\n`);
  });

  it('lists a vision tower without its model, and removes it alone', async () => {
    const TOWERS = 'someone/towers-GGUF';
    hub.add(TOWERS, { 'a-Q8_0.gguf': small, 'mmproj-a-F16.gguf': ranker, 'mmproj-a-Q8_0.gguf': small });
    await succeed('pull', REPO);
    for (const tower of ['mmproj-a-F16.gguf', 'mmproj-a-Q8_0.gguf']) await succeed('pull', TOWERS, '--hf-file', tower);
    const { stdout, stderr } = await succeed('models');
    const note = `vision tower of ${TOWERS}, without its model`;
    expect(stdout.split('\n').map((line) => line.split(/\s{2,}/).filter((_, i) => i !== 1 && i !== 2))).toEqual([
      [`${REPO}:Q8_0`],
      [`${TOWERS}:F16`, note],
      [`${TOWERS}:Q8_0`, note],
      [''],
    ]);
    expect(stderr).toMatch(/^1 model, 2 vision towers, /);
    const kinds = JSON.parse((await succeed('models', '--json')).stdout).map(({ kind }: { kind: string }) => kind);
    expect(kinds).toEqual(['model', 'projector', 'projector']);
    expect((await succeed('embed', '--cache-list')).stdout).toBe(`number of models in cache: 1\n   1. ${REPO}:Q8_0\n`);
    await succeed('models', 'rm', `${TOWERS}:F16`);
    expect((await succeed('models')).stdout).toContain(`${TOWERS}:Q8_0`);
    expect((await succeed('models')).stdout).not.toContain(`${TOWERS}:F16`);
    await succeed('pull', `${TOWERS}:Q8_0`);
    expect((await succeed('models')).stderr).toMatch(/^2 models, /);
    await succeed('models', 'rm', TOWERS);
    expect(existsSync(join(cache(), 'models--someone--towers-GGUF'))).toBe(false);
  });

  it('removes a model, and with the last one the repository', async () => {
    hub.add(REPO, { 'a-Q8_0.gguf': small, 'a-F32.gguf': ranker });
    await succeed('pull', `${REPO}:Q8_0`, `${REPO}:F32`);
    const folder = join(cache(), 'models--someone--tiny-embed-GGUF');
    expect((await succeed('models', 'rm', `${REPO}:Q8_0`)).stderr).toMatch(/removed .*:Q8_0: \d+\.\d kB freed/);
    expect(readdirSync(join(folder, 'blobs'))).toEqual([sha256(ranker)]);
    expect((await run('models', 'rm', `${REPO}:Q8_0`)).stderr).toContain(`did you mean ${REPO}:F32?`);
    await succeed('models', 'rm', REPO);
    expect(existsSync(folder)).toBe(false);
  });

  it('keeps files of other programs', async () => {
    hub.add(REPO, { 'a-Q8_0.gguf': small, 'config.json': '{"x":1}' });
    await succeed('pull', REPO);
    await succeed('pull', REPO, '--hf-file', 'config.json');
    await succeed('models', 'rm', REPO);
    const folder = join(cache(), 'models--someone--tiny-embed-GGUF');
    expect(readFileSync(join(folder, 'snapshots', COMMIT, 'config.json'), 'utf8')).toBe('{"x":1}');
    expect(readdirSync(join(folder, 'blobs'))).toHaveLength(1);
  });

  it('prunes old commits, blobs without one, and downloads that were given up', async () => {
    await succeed('pull', REPO);
    hub.add(REPO, { 'tiny-Q8_0.gguf': ranker }, '2'.repeat(40));
    await succeed('pull', REPO);
    const blobs = join(cache(), 'models--someone--tiny-embed-GGUF/blobs');
    writeFileSync(join(blobs, `${'a'.repeat(64)}.downloadInProgress`), 'half');
    writeFileSync(join(blobs, `${'b'.repeat(64)}.incomplete`), 'fresh');
    utimesSync(join(blobs, `${'a'.repeat(64)}.downloadInProgress`), old, old);
    const dry = await succeed('models', 'prune', '--dry-run');
    expect(dry.stderr).toContain('would be freed');
    expect(readdirSync(blobs)).toHaveLength(4);
    const wet = await succeed('models', 'prune');
    expect(wet.stdout).toBe(dry.stdout);
    expect(readdirSync(blobs).sort()).toEqual([`${'b'.repeat(64)}.incomplete`, sha256(ranker)].sort());
    await succeed('tokenize', '-hf', REPO, '--offline');
    expect(statSync(blobs).isDirectory()).toBe(true);
  });

  it('prunes no commit that a reference in a folder names, as huggingface_hub keeps pull requests', async () => {
    await succeed('pull', REPO);
    const folder = join(cache(), 'models--someone--tiny-embed-GGUF');
    mkdirSync(join(folder, 'refs/refs/pr'), { recursive: true });
    writeFileSync(join(folder, 'refs/refs/pr/1'), COMMIT);
    hub.add(REPO, { 'tiny-Q8_0.gguf': ranker }, '2'.repeat(40));
    await succeed('pull', REPO);
    expect((await succeed('models', 'prune')).stdout).toBe('');
    expect(readdirSync(join(folder, 'blobs'))).toHaveLength(2);
  });

  it('says what it takes', async () => {
    expect((await run('models', 'remove')).stderr).toContain('gguf-embed models rm NAME');
    expect((await run('models', 'rm')).stderr).toMatch(/^error: which model\? gguf-embed models,/);
    for (const args of [['--dry-run'], ['rm', REPO, '--dry-run'], ['prune', '--known'], ['rm', REPO, '--json']]) {
      const { code, stderr } = await run('models', ...args);
      expect(code).toBe(1);
      expect(stderr).toContain(`${args.find((arg) => arg.startsWith('--'))} `);
    }
    expect((await run('pull')).stderr).toContain('gguf-embed pull USER/REPO[:QUANT]');
  });
});
