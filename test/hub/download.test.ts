/**
 * @file Models by name from a hub that behaves, and from one that does not.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { HubError } from '../../src/hub/errors.ts';
import { fetchModel } from '../../src/hub/fetch-model.node.ts';
import { fetchUrl } from '../../src/hub/fetch-url.node.ts';
import type { HubEvents, HubOptions as Options } from '../../src/hub/options.ts';
import { hubSettings } from '../../src/hub/settings.node.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { randomBytes } from './random-bytes.ts';
import { COMMIT, SIGNATURE, sha256, startHub } from './server.ts';

type HubOptions = Options & HubEvents;

const hub = await startHub();
const temporary = temporaryFolder();
const MiB = 2 ** 20;
const model = randomBytes(3 * MiB + 17, 1);
const REPO = 'someone/tiny-embed-GGUF';

let cache = '';
let messages: string[] = [];
let runs = 0;

beforeEach(() => {
  hub.reset();
  hub.add(REPO, { 'README.md': '# tiny', 'tiny-Q8_0.gguf': model });
  cache = temporary.file(`cache-${runs++}`);
  messages = [];
});

const settings = (options: HubOptions = {}) =>
  hubSettings(
    { endpoint: hub.endpoint, cacheFolder: cache, onMessage: (message) => messages.push(message), ...options },
    {},
  );

const fetched = async (name = REPO, options: HubOptions = {}, request = {}) =>
  fetchModel(name, request, await settings(options));

/** The error of a fetch that must fail. */
async function failure(name = REPO, options: HubOptions = {}, request = {}): Promise<HubError> {
  const error = await fetched(name, options, request).then(
    ({ path }) => new Error(`it did not fail: ${path}`),
    (error) => error,
  );
  expect(error, String(error.stack)).toBeInstanceOf(HubError);
  expect(`${error.message}`).not.toContain(SIGNATURE.slice(0, 6));
  return error;
}

const folder = () => join(cache, 'models--someone--tiny-embed-GGUF');
const blobs = () => readdirSync(join(folder(), 'blobs')).sort();

describe('a model by name', () => {
  it('comes into the layout that llama.cpp and huggingface_hub share', async () => {
    const { path, commit } = await fetched();
    expect(commit).toBe(COMMIT);
    expect(path).toBe(join(folder(), 'snapshots', COMMIT, 'tiny-Q8_0.gguf'));
    expect(readlinkSync(path)).toBe(join('..', '..', 'blobs', sha256(model)));
    expect(Buffer.compare(readFileSync(path), model)).toBe(0);
    expect(blobs()).toEqual([sha256(model)]);
    expect(readFileSync(join(folder(), 'refs/main'), 'utf8')).toBe(COMMIT);
  });

  it('costs two requests when it is there already, and none offline', async () => {
    const first = await fetched();
    hub.seen.length = 0;
    expect(await fetched()).toEqual(first);
    expect(hub.seen.map(({ path }) => path)).toEqual([
      `/api/models/${REPO}/refs`,
      `/api/models/${REPO}/tree/${COMMIT}?recursive=true`,
    ]);
    hub.seen.length = 0;
    expect(await fetched(REPO, { offline: true })).toEqual(first);
    expect(hub.seen).toEqual([]);
  });

  it('is found where another program has put it', async () => {
    const snapshot = join(folder(), 'snapshots', COMMIT);
    mkdirSync(join(snapshot, 'sub'), { recursive: true });
    mkdirSync(join(folder(), 'blobs'));
    writeFileSync(join(folder(), 'blobs', sha256(model)), model);
    symlinkSync(`../../../blobs/${sha256(model)}`, join(snapshot, 'sub/tiny-Q8_0.gguf'));
    hub.add(REPO, { 'sub/tiny-Q8_0.gguf': model });
    expect((await fetched(REPO, { offline: true })).path).toBe(join(snapshot, 'sub/tiny-Q8_0.gguf'));
    expect((await fetched()).path).toBe(join(snapshot, 'sub/tiny-Q8_0.gguf'));
    expect(hub.fileRequests()).toBe(0);
  });

  it('is downloaded again when the blob of its link has another size', async () => {
    const { path } = await fetched();
    writeFileSync(join(folder(), 'blobs', sha256(model)), 'cut');
    await fetched();
    expect(Buffer.compare(readFileSync(path), model)).toBe(0);
  });

  it('shares a blob with another commit, and is taken from the old one offline when only that has it', async () => {
    const first = await fetched(`${REPO}:Q8_0`);
    const other = randomBytes(MiB, 2);
    hub.add(REPO, { 'tiny-Q8_0.gguf': model, 'tiny-F16.gguf': other }, '2'.repeat(40));
    const second = await fetched(`${REPO}:F16`);
    expect(second.commit).toBe('2'.repeat(40));
    expect((await fetched(`${REPO}:Q8_0`, { offline: true })).path).toBe(first.path);
    hub.seen.length = 0;
    await fetched(`${REPO}:Q8_0`);
    expect(hub.seen.some(({ origin }) => origin === 'files')).toBe(false);
  });

  it('comes in parallel ranges, which together are the file, and says how far it is', async () => {
    const large = randomBytes(40 * MiB, 3);
    hub.add(REPO, { 'large-Q8_0.gguf': large });
    const progress: number[] = [];
    const onProgress = (done: number, total: number) => {
      expect(total).toBe(large.length);
      progress.push(done);
    };
    const { path } = await fetched(REPO, { onProgress });
    expect(sha256(readFileSync(path))).toBe(sha256(large));
    expect(hub.fileRequests()).toBe(3);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(large.length);
  });

  it('of several parts comes whole, with its projector when that is wanted', async () => {
    const parts = [1, 2, 3].map((seed) => randomBytes(20_000, seed));
    hub.add(REPO, {
      'q4/x-Q4_K_M-00001-of-00003.gguf': parts[0],
      'q4/x-Q4_K_M-00002-of-00003.gguf': parts[1],
      'q4/x-Q4_K_M-00003-of-00003.gguf': parts[2],
      'mmproj-x-F16.gguf': randomBytes(5000, 5),
      'mmproj-x-Q8_0.gguf': randomBytes(5000, 6),
    });
    const plain = await fetched();
    expect(plain.projector).toBeUndefined();
    const { path, projector } = await fetched(REPO, {}, { projector: true });
    expect(path).toMatch(/q4[\\/]x-Q4_K_M-00001-of-00003\.gguf$/);
    expect(readdirSync(join(path, '..'))).toHaveLength(3);
    expect(projector).toMatch(/mmproj-x-Q8_0\.gguf$/);
    expect(await fetched(REPO, { offline: true }, { projector: true })).toMatchObject({ path, projector });
  });

  it.each([
    ['with ranges', true, 'x-Q8_0.gguf', {}],
    ['without ranges', false, 'x-Q8_0.gguf', {}],
    [
      'as the second part of a split model',
      true,
      'x-Q8_0-00002-of-00002.gguf',
      { 'x-Q8_0-00001-of-00002.gguf': model },
    ],
    ['as a projector', true, 'mmproj-x-F16.gguf', { 'x-Q8_0.gguf': model }],
  ])('that is none is refused from its first bytes, %s', async (_, ranges, name, others) => {
    hub.add(REPO, { ...(others as Record<string, Uint8Array>), [name]: Buffer.from('<html>'.padEnd(80 * MiB)) });
    hub.behaviour.ranges = ranges;
    hub.behaviour.pause = 1;
    let done = 0;
    const onProgress = (bytes: number) => {
      done = bytes;
    };
    const error = await failure(REPO, { onProgress }, { projector: true });
    expect(error.message).toContain(`${name} is not a GGUF file: it is a web page`);
    expect(done).toBeLessThan(20 * MiB);
    expect(blobs().filter((blob) => blob.includes('partial'))).toEqual([]);
  });

  it('that is packed and is none is refused from its first bytes, too, and so is one of unknown length', async () => {
    const packed = gzipSync(randomBytes(40 * MiB, 7).fill(60, 0, 9));
    let sent = 0;
    hub.behaviour.intercept = ({ range }, _, response) => {
      response.writeHead(200);
      if (range !== undefined) response.write(packed.subarray(0, 1));
      else {
        sent++;
        response.write(packed.subarray(0, 30 * MiB));
      }
      return true;
    };
    const own = await settings();
    const wrong = fetchUrl(new URL(`${hub.filesOrigin}/x.gguf.gz`), { ...own, urlFolder: cache });
    await expect(wrong).rejects.toThrow('x.gguf.gz is not a GGUF file');
    expect(sent).toBe(1);
    expect(readdirSync(cache)).toEqual([]);
  });

  it.each([
    ['100%.gguf', '100%.gguf'],
    ['a%20b%ff%zz.gguf', 'a b%ff%zz.gguf'],
  ])('by URL keeps what is no escape in a name: %s', async (last, name) => {
    hub.behaviour.intercept = (_, __, response) => {
      response.writeHead(200, { etag: '"one"' }).end(model);
      return true;
    };
    const path = await fetchUrl(new URL(`${hub.filesOrigin}/${last}`), { ...(await settings()), urlFolder: cache });
    expect(path).toBe(join(cache, name));
  });

  it('refuses a URL whose name no file can have', async () => {
    const wrong = fetchUrl(new URL(`${hub.filesOrigin}/a%00.gguf`), { ...(await settings()), urlFolder: cache });
    await expect(wrong).rejects.toThrow('does not end with a file name');
  });

  it('has a small file that git keeps checked by its git id', async () => {
    hub.add(REPO, { 'small.gguf': 'GGUF small' });
    const { path } = await fetched();
    expect(readFileSync(path, 'utf8')).toBe('GGUF small');
  });
});

describe('the token', () => {
  const token = 'hf_0123456789abcdefghijABCDEFGHIJ012345';

  it('goes to the hub alone, however the answer redirects', async () => {
    await fetched(REPO, { token });
    const sent = hub.seen.filter(({ authorization }) => authorization !== undefined);
    expect(sent.length).toBeGreaterThan(2);
    expect(new Set(sent.map(({ origin }) => origin))).toEqual(new Set(['hub']));
    expect(sent.every(({ authorization }) => authorization === `Bearer ${token}`)).toBe(true);
  });

  it('does not come back when a foreign host redirects to the hub', async () => {
    const back = `${hub.endpoint}${REPO}/resolve/${COMMIT}/tiny-Q8_0.gguf?back`;
    hub.behaviour.intercept = (seen, _, response) => {
      if (seen.origin !== 'files') return false;
      response.writeHead(302, { location: back }).end();
      return true;
    };
    const error = await failure(REPO, { token });
    expect(error.message).toContain('redirects more than 20 times');
    const returned = hub.seen.filter(({ path }) => path.endsWith('?back'));
    expect(returned.length).toBeGreaterThan(0);
    expect(returned.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('comes from the environment or the file of a login, and is refused when no header can hold it', async () => {
    const file = temporary.write('token', `${token}\n`);
    const given = async (env: Record<string, string>, options = {}) =>
      (await hubSettings(options, { HOME: '/nowhere', ...env })).token;
    expect(await given({ HF_TOKEN: token, HF_TOKEN_PATH: '/none' })).toBe(token);
    expect(await given({ HF_TOKEN_PATH: file })).toBe(token);
    expect(await given({ HF_TOKEN_PATH: file, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined();
    expect(await given({ HF_TOKEN: 'hf_env' }, { token })).toBe(token);
    expect(await given({})).toBeUndefined();
    await expect(given({ HF_TOKEN: 'two\nlines' })).rejects.toMatchObject({ code: 'name' });
  });
});

describe('a name that is wrong', () => {
  it.for(['model', 'a/b/c', 'a b/c', 'a/b:', '../x', 'a/..', `${'a'.repeat(250)}/bcdefgh`])(
    '%s is refused at once',
    async (name) => {
      expect((await failure(name)).code).toBe('name');
      expect(hub.seen).toEqual([]);
    },
  );

  it('says which names are near', async () => {
    const error = await failure('someone/tiny-embedd-GGUF');
    expect(error.code).toBe('not-found');
    expect(error.message).toContain(`did you mean ${REPO}?`);
  });

  it('says which quants there are', async () => {
    hub.add(REPO, { 'x-Q8_0.gguf': model, 'x-F16.gguf': model, 'imatrix-x.gguf': model });
    const { message } = await failure(`${REPO}:Q8_1`);
    expect(message).toBe(`${REPO} has no file for Q8_1: it has Q8_0, F16; did you mean ${REPO}:Q8_0?`);
    expect((await failure(REPO, {}, { file: 'x-Q9_0.gguf' })).message).toContain('did you mean x-Q8_0.gguf?');
  });

  it('of a file after the colon, and a repository without a GGUF file, say what to do', async () => {
    expect((await failure(`${REPO}:x.gguf`)).message).toContain('--hf-file');
    hub.add(REPO, { 'model.safetensors': model });
    expect((await failure()).message).toContain('look for a repository of the same model with GGUF in its name');
  });
});

describe('a refusal', () => {
  const refuse = (status: number, headers: Record<string, string>, when: (path: string) => boolean, times = 1e9) => {
    hub.behaviour.intercept = ({ path }, _, response) => {
      if (!when(path) || times-- <= 0) return false;
      response.writeHead(status, headers).end('{"error":"so it is"}');
      return true;
    };
  };
  const isFile = (path: string) => path.includes('/resolve/');

  it('401: unknown or private', async () => {
    const error = await failure('someone/other');
    expect(error).toMatchObject({ code: 'not-found', status: 401 });
    expect(error.message).toContain('it does not exist, or it is private and needs a token');
    expect((await failure('someone/other', { token: 'hf_x' })).message).toContain('the token may not read it');
  });

  it('403: gated', async () => {
    refuse(403, { 'x-error-code': 'GatedRepo', 'x-error-message': 'Access is restricted' }, isFile);
    const error = await failure();
    expect(error).toMatchObject({ code: 'denied', status: 403 });
    expect(error.message).toContain(`accept the terms at ${hub.endpoint}${REPO}`);
    expect(error.message).toContain('Access is restricted');
  });

  it('404: no such file any more', async () => {
    refuse(404, {}, isFile);
    expect(await failure()).toMatchObject({ code: 'not-found', status: 404 });
  });

  it('429: waits as long as it is asked to', async () => {
    refuse(429, { 'retry-after': '1' }, isFile, 1);
    const started = performance.now();
    await fetched();
    expect(performance.now() - started).toBeGreaterThan(950);
    expect(messages.join('\n')).toContain('too many requests, try again in 1 s (so it is); trying again in 1 s');
  });

  it('429: gives up when the wait is too long', async () => {
    refuse(429, { 'retry-after': '86400' }, isFile);
    expect(await failure()).toMatchObject({ code: 'rate-limited', retryAfter: 86400 });
  });

  it('500 for a moment is tried again', async () => {
    refuse(503, { 'retry-after': '0' }, () => true, 2);
    await fetched();
  });

  it.for([401, 403, 404, 429, 503])('%d of the listing: the cache is used', async (status) => {
    const { path } = await fetched();
    refuse(status, { 'retry-after': status === 429 ? '86400' : '0' }, (path) => path.includes('/api/'));
    expect((await fetched()).path).toBe(path);
    expect(messages.at(-1)).toContain('using the cache');
  });

  it('no connection: the cache is used, and without one the host is named', async () => {
    const { path } = await fetched();
    const nobody = { endpoint: 'http://127.0.0.1:9/' };
    expect((await fetched(REPO, nobody)).path).toBe(path);
    expect((await failure('someone/other', nobody)).message).toContain('cannot reach 127.0.0.1:9');
  });

  it('offline without the file says so', async () => {
    const error = await failure(REPO, { offline: true });
    expect(error.code).toBe('offline');
    expect(error.message).toContain('is not in the cache');
  });
});

describe('a download', () => {
  it('goes on after cut connections', async () => {
    hub.behaviour.cutAfter = 700_000;
    const { path } = await fetched();
    expect(sha256(readFileSync(path))).toBe(sha256(model));
    expect(hub.fileRequests()).toBeGreaterThan(4);
  });

  it('comes whole from a server without ranges, also after a cut', async () => {
    hub.behaviour.ranges = false;
    hub.behaviour.cutAfter = 1_000_000;
    hub.behaviour.intercept = ({ origin, range }) => {
      if (origin === 'files' && range === undefined && hub.fileRequests() > 1) {
        hub.behaviour.cutAfter = Number.POSITIVE_INFINITY;
      }
      return false;
    };
    const { path } = await fetched();
    expect(sha256(readFileSync(path))).toBe(sha256(model));
    expect(hub.fileRequests()).toBe(2);
  });

  it('comes whole and checked from a server that does not say its length, also after a cut', async () => {
    let cuts = 1;
    const other = Uint8Array.from(model);
    other[1_000_000] ^= 1;
    let bytes = model;
    hub.behaviour.intercept = ({ origin, range }, _, response) => {
      if (origin !== 'files') return false;
      response.writeHead(200);
      response.write(bytes.subarray(0, MiB));
      if (range === undefined && cuts-- > 0) setTimeout(() => response.destroy(), 50);
      else response.end(bytes.subarray(MiB));
      return true;
    };
    const { path } = await fetched();
    expect(sha256(readFileSync(path))).toBe(sha256(model));
    rmSync(folder(), { recursive: true });
    bytes = other;
    expect((await failure()).code).toBe('checksum');
    expect(blobs()).toEqual([]);
  });

  it.each(['no length', 'ranges of an unknown length'])('by URL comes whole with %s', async (kind) => {
    let cuts = 1;
    hub.behaviour.intercept = (seen, _, response) => {
      if (kind !== 'no length' && seen.range !== undefined) {
        response.writeHead(206, { 'content-range': 'bytes 0-0/*', etag: '"one"' }).end(model.subarray(0, 1));
        return true;
      }
      response.writeHead(200, { etag: '"one"' });
      response.write(model.subarray(0, MiB));
      if (seen.range === undefined && cuts-- > 0) setTimeout(() => response.destroy(), 50);
      else response.end(model.subarray(MiB));
      return true;
    };
    const progress: [number, number][] = [];
    const own = await settings({ onProgress: (done, total) => progress.push([done, total]) });
    const fetchIt = () => fetchUrl(new URL(`${hub.filesOrigin}/x.gguf`), { ...own, urlFolder: cache });
    const path = await fetchIt();
    expect(sha256(readFileSync(path))).toBe(sha256(model));
    expect(readdirSync(cache).sort()).toEqual(['x.gguf', 'x.gguf.etag']);
    expect(progress[0][1]).toBe(Number.POSITIVE_INFINITY);
    expect(progress.at(-1)).toEqual([model.length, model.length]);
    hub.seen.length = 0;
    await fetchIt();
    expect(hub.seen).toHaveLength(1);
  });

  it('that trickles arrives', async () => {
    hub.behaviour.pause = 20;
    const { path } = await fetched();
    expect(sha256(readFileSync(path))).toBe(sha256(model));
  });

  it('of other bytes than announced leaves nothing', async () => {
    const other = Uint8Array.from(model);
    other[1_000_000] ^= 1;
    hub.behaviour.intercept = ({ origin }, request, response) => {
      if (origin !== 'files') return false;
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      const part = other.subarray(Number(first), Number(last) + 1);
      const range = `bytes ${first}-${Number(first) + part.length - 1}/${other.length}`;
      response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part);
      return true;
    };
    const error = await failure();
    expect(error.code).toBe('checksum');
    expect(error.message).toContain(sha256(model));
    expect(blobs()).toEqual([]);
    expect(existsSync(join(folder(), 'snapshots'))).toBe(false);
  });

  it('that changes under way is begun again', async () => {
    hub.behaviour.cutAfter = 700_000;
    let requests = 0;
    hub.behaviour.intercept = ({ origin, range }) => {
      if (origin === 'files' && range !== 'bytes=0-0' && ++requests === 2) hub.behaviour.etag = '"another"';
      return false;
    };
    const { path } = await fetched();
    expect(sha256(readFileSync(path))).toBe(sha256(model));
    expect(messages.join('\n')).toContain('changed during the download; starting over');
  });

  it('that keeps changing ends', async () => {
    let version = 0;
    hub.behaviour.intercept = () => {
      hub.behaviour.etag = `"${version++}"`;
      return false;
    };
    expect((await failure()).code).toBe('changed');
  });

  it('of another length than announced is refused before anything is stored', async () => {
    hub.behaviour.intercept = ({ origin }, _, response) => {
      if (origin !== 'files') return false;
      response.writeHead(206, { 'content-range': 'bytes 0-0/99', 'content-length': 1 }).end('x');
      return true;
    };
    expect((await failure()).message).toContain(`has 99 bytes, but ${model.length} were announced`);
    expect(blobs()).toEqual([]);
  });

  it.for([
    ['more than it announces', 'bytes 0-9/3145745', 'more bytes'],
    ['another range', 'bytes 5-14/3145745', 'another range'],
    ['an invalid range', 'bytes 9-2/3145745', 'invalid Content-Range'],
    ['no range at all', '', 'invalid Content-Range'],
  ])('that gives %s is refused', async ([, range, message]) => {
    hub.behaviour.intercept = (seen, _, response) => {
      if (seen.origin !== 'files' || seen.range === 'bytes=0-0') return false;
      response.writeHead(206, { 'content-range': range, etag: `"${sha256(model).slice(0, 32)}"` }).end(model);
      return true;
    };
    const error = await failure();
    expect(error).toMatchObject({ code: 'bad-answer' });
    expect(error.message).toContain(message);
  });

  it.for(['file:///etc/passwd', 'ftp://127.0.0.1/x', 'http://[', ''])(
    'that redirects to "%s" is refused',
    async (location) => {
      hub.behaviour.intercept = ({ path }, _, response) => {
        if (!path.includes('/resolve/')) return false;
        response.writeHead(302, { location }).end();
        return true;
      };
      expect((await failure()).code).toBe('bad-answer');
    },
  );

  it('stops when it is told to, and goes on from there', async () => {
    hub.behaviour.pause = 5;
    const stop = new AbortController();
    const onProgress = (done: number) => {
      if (done > MiB) stop.abort(new Error('enough'));
    };
    await expect(fetched(REPO, { signal: stop.signal, onProgress })).rejects.toThrow('enough');
    expect(blobs()).toEqual([`${sha256(model)}.gguf-embed.partial`, `${sha256(model)}.gguf-embed.partial.json`]);
    hub.seen.length = 0;
    const resumed: number[] = [];
    const { path } = await fetched(REPO, { onProgress: (done) => resumed.push(done) });
    expect(resumed[0]).toBeGreaterThan(MiB);
    expect(sha256(readFileSync(path))).toBe(sha256(model));
    expect(blobs()).toEqual([sha256(model)]);
  });

  it('begins again when what was resumed is damaged', async () => {
    hub.behaviour.pause = 5;
    const stop = new AbortController();
    const onProgress = (done: number) => done > MiB && stop.abort(new Error('enough'));
    await expect(fetched(REPO, { signal: stop.signal, onProgress })).rejects.toThrow('enough');
    const partial = join(folder(), 'blobs', `${sha256(model)}.gguf-embed.partial`);
    const bytes = readFileSync(partial);
    bytes[500] ^= 1;
    writeFileSync(partial, bytes);
    hub.behaviour.pause = 0;
    const { path } = await fetched();
    expect(sha256(readFileSync(path))).toBe(sha256(model));
    expect(messages.join('\n')).toContain('was damaged; starting over');
  });

  it('by URL of an unknown version begins again, since nothing would show that the file was replaced', async () => {
    Object.assign(hub.behaviour, { pause: 5, etag: null });
    const url = new URL(`${hub.filesOrigin}/${REPO}/tiny-Q8_0.gguf`);
    const stop = new AbortController();
    const onProgress = (done: number) => done > MiB && stop.abort(new Error('enough'));
    await expect(settings({ signal: stop.signal, onProgress }).then((one) => fetchUrl(url, one))).rejects.toThrow(
      'enough',
    );
    hub.behaviour.pause = 0;
    const other = randomBytes(model.length, 2);
    hub.add(REPO, { 'tiny-Q8_0.gguf': other });
    expect(sha256(readFileSync(await fetchUrl(url, await settings())))).toBe(sha256(other));
  });

  it.skipIf(!existsSync('/dev/full'))('says when the disk is full, and goes on when there is room', async () => {
    mkdirSync(join(folder(), 'blobs'), { recursive: true });
    const partial = join(folder(), 'blobs', `${sha256(model)}.gguf-embed.partial`);
    symlinkSync('/dev/full', partial);
    const error = await failure();
    expect(error.code).toBe('disk');
    expect(error.message).toContain('the disk is full; free some space');
    expect(lstatSync(partial).isSymbolicLink()).toBe(true);
  });
});

describe('a hostile listing', () => {
  const listed = (entry: object, more: object = {}) => {
    hub.behaviour.intercept = ({ path }, _, response) => {
      if (!path.includes('/tree/')) return false;
      const file = { type: 'file', path: 'x.gguf', size: 5, oid: 'a'.repeat(40), ...entry };
      response.writeHead(200).end(JSON.stringify([file, { ...file, path: 'y.gguf', ...more }]));
      return true;
    };
  };

  it.for([
    '../x.gguf',
    'a/../../x.gguf',
    '/etc/x.gguf',
    'C:/x.gguf',
    'C:x.gguf',
    'a\\..\\x.gguf',
    'a\0.gguf',
    'a//x.gguf',
    './x.gguf',
    '',
  ])('with the path %j is refused', async (path) => {
    listed({ path });
    expect((await failure()).message).toContain('invalid path');
    expect(existsSync(folder())).toBe(false);
  });

  it.for([
    [{ oid: '../../x' }, {}, 'no hash'],
    [{ lfs: { oid: 'z'.repeat(64), size: 5 } }, {}, 'no hash'],
    [{ size: -1 }, {}, 'no size'],
    [{ size: 1e300 }, {}, 'no size'],
    [{}, { size: 6 }, 'two sizes'],
  ] as const)('with %j and %j is refused', async ([entry, more, message]) => {
    listed(entry, more);
    expect((await failure()).message).toContain(message);
  });

  it('that never ends, is not JSON, or continues on another host is refused', async () => {
    const answer = (body: string, headers = {}) => {
      hub.behaviour.intercept = ({ path }, _, response) => {
        if (!path.includes('/tree/')) return false;
        response.writeHead(200, headers).end(body);
        return true;
      };
    };
    answer('<html>');
    expect((await failure()).message).toContain('is not JSON');
    answer(`[${' '.repeat(33 * MiB)}]`);
    expect((await failure()).message).toContain('longer than');
    answer('[]', { link: `<${hub.filesOrigin}/more>; rel="next"` });
    expect((await failure()).message).toContain('another host');
    answer('[]', { link: `<${hub.endpoint}api/models/${REPO}/tree/${COMMIT}?again>; rel="next"` });
    expect((await failure()).message).toContain('more than');
  });

  it('of several pages is read to its end', async () => {
    const second = `${hub.endpoint}api/models/${REPO}/tree/${COMMIT}?recursive=true&cursor=2`;
    hub.behaviour.intercept = ({ path }, _, response) => {
      if (!path.includes('/tree/') || path.includes('cursor')) return false;
      response.writeHead(200, { link: `<${second}>; rel="next"` }).end('[]');
      return true;
    };
    expect((await fetched()).path).toMatch(/tiny-Q8_0\.gguf$/);
  });
});
