/**
 * @file Models by name or URL in the library: through the cache, and by ranges as in browsers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { memorySource, openGguf, wholeSource } from '../../src/gguf/index.ts';
import { connectionOf, openRemoteModel } from '../../src/hub/remote-model.ts';
import { Embedder, HubError, loadTokenizer, modelUrls } from '../../src/index.ts';
import { model as fixture } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { splitModel } from '../gguf/split-model.ts';
import { randomBytes } from './random-bytes.ts';
import { COMMIT, startHub } from './server.ts';

const hub = await startHub();
const temporary = temporaryFolder();
const file = readFileSync(fixture('bert-mean'));
const REPO = 'someone/tiny-embed-GGUF';
const local = { worker: false, backend: 'wasm' } as const;
let options = {};
let runs = 0;

beforeEach(() => {
  hub.reset();
  hub.add(REPO, { 'tiny-Q8_0.gguf': file, 'sub/tiny-F16.gguf': file });
  options = { endpoint: hub.endpoint, cacheFolder: temporary.file(`cache-${runs++}`) };
});

describe('modelUrls', () => {
  const urls = async (name: string, more = {}) =>
    (await modelUrls(name, { endpoint: hub.endpoint, ...more })).map(({ href }) => href.replace(hub.endpoint, ''));

  it('gives the address of a file by quant, by path, and without either', async () => {
    const base = `${REPO}/resolve/${COMMIT}/`;
    expect(await urls(`hf:${REPO}:F16`)).toEqual([`${base}sub/tiny-F16.gguf`]);
    expect(await urls(REPO)).toEqual([`${base}tiny-Q8_0.gguf`]);
    expect(await urls(REPO, { file: 'sub/tiny-F16.gguf' })).toEqual([`${base}sub/tiny-F16.gguf`]);
    await expect(urls(`${REPO}:Q5_0`)).rejects.toThrow(HubError);
    await expect(urls('https://somewhere/file')).rejects.toThrow(/not the name of a model/);
  });

  it('gives all parts of a split model, in order', async () => {
    hub.add(REPO, { 'big-Q8_0-00002-of-00002.gguf': 'b', 'big-Q8_0-00001-of-00002.gguf': 'a' });
    expect(await urls(REPO)).toEqual([1, 2].map((n) => `${REPO}/resolve/${COMMIT}/big-Q8_0-0000${n}-of-00002.gguf`));
  });
});

describe('Embedder.load', () => {
  it('takes a name of the hub, as text and as URL', async () => {
    const usual = await Embedder.load(fixture('bert-mean'), local);
    const expected = (await usual.embed('a text')).vectors;
    const stages = new Set<string>();
    const onProgress = ({ stage }: { stage: string }) => stages.add(stage);
    for (const source of [
      `hf:${REPO}`,
      `hf:${REPO}:Q8_0`,
      new URL(`hf:${REPO}`),
      `${hub.endpoint}${REPO}/resolve/main/tiny-Q8_0.gguf`,
    ]) {
      const embedder = await Embedder.load(source, { ...local, hub: options, onProgress });
      expect((await embedder.embed('a text')).vectors).toEqual(expected);
      expect(embedder.info.source).toContain(join('snapshots'));
      await embedder.dispose();
    }
    expect(stages).toEqual(new Set(['download', 'load']));
    await usual.dispose();
  });

  it('takes a file of the repository by its path, and the cache alone', async () => {
    const of = { ...options, file: 'sub/tiny-F16.gguf' };
    const tokenizer = await loadTokenizer(`hf:${REPO}`, { hub: of });
    expect(tokenizer.encode('hello')).toEqual((await loadTokenizer(fixture('bert-mean'))).encode('hello'));
    hub.seen.length = 0;
    await loadTokenizer(`hf:${REPO}`, { hub: { ...of, offline: true } });
    expect(hub.seen).toEqual([]);
  });

  it('takes a vision tower by name, whatever file of its own repository the model is', async () => {
    const pair = (name: string) => new URL(`../fixtures/multimodal/models/${name}.gguf`, import.meta.url);
    const tower = readFileSync(pair('mmproj-qwen3vl'));
    hub.add('someone/vl-GGUF', { 'sub/vl.gguf': readFileSync(pair('qwen3vl')), 'mmproj-vl-F16.gguf': tower });
    const embedder = await Embedder.load('hf:someone/vl-GGUF', {
      ...local,
      mmproj: 'hf:someone/vl-GGUF',
      hub: { ...options, file: 'sub/vl.gguf' },
    });
    expect(embedder.info.vision).toBeDefined();
    await embedder.dispose();
  });

  it('refuses with a HubError', async () => {
    const load = (name: string) => Embedder.load(name, { ...local, hub: options });
    await expect(load('hf:nobody/nothing')).rejects.toBeInstanceOf(HubError);
    await expect(load('hf:nothing')).rejects.toMatchObject({ code: 'name' });
    await expect(load('http://127.0.0.1:9/x.gguf')).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a model that is read where it is', () => {
  const connection = () => connectionOf({ endpoint: hub.endpoint });

  it('may be a vision tower', async () => {
    hub.add(REPO, { 'tiny-Q8_0.gguf': file, 'mmproj-tiny-F16.gguf': file });
    const { source } = await openRemoteModel(`hf:${REPO}`, connection(), { blockBytes: 1000, kind: 'projector' });
    expect(source.name).toContain('mmproj-tiny-F16.gguf');
    await source.close();
  });

  const bytes = randomBytes(300_000, 11);

  /** Reads ranges of all kinds and compares them. */
  async function check(blockBytes: number): Promise<void> {
    const { source } = await openRemoteModel(`hf:${REPO}:Q8_0`, connection(), { blockBytes });
    expect(source.size).toBe(bytes.length);
    const ranges = [
      [0, 10],
      [65_530, 20],
      [0, 300_000],
      [299_999, 1],
      [150_000, 100_000],
      [300_000, 0],
    ];
    await Promise.all(
      ranges.map(async ([offset, length]) => {
        const into = new Uint8Array(length);
        await source.read(offset, into);
        expect(Buffer.compare(into, bytes.subarray(offset, offset + length))).toBe(0);
      }),
    );
    await expect(source.read(299_999, new Uint8Array(2))).rejects.toThrow(HubError);
    await source.close();
  }

  beforeEach(() => hub.add(REPO, { 'random-Q8_0.gguf': bytes }));

  it.for([0, 1000, 70_000, 2 ** 22])('has its bytes, %d at a time', (blockBytes) => check(blockBytes));

  it('has them after cut connections, and without ranges', async () => {
    hub.behaviour.cutAfter = 200_000;
    let cuts = 0;
    hub.behaviour.intercept = () => {
      if (++cuts > 6) hub.behaviour.cutAfter = Number.POSITIVE_INFINITY;
      return false;
    };
    await check(2 ** 22);
    hub.behaviour.ranges = false;
    await check(1000);
  });

  it.each([false, true])(
    'has them from a server that does not say how long the file is, ranges: %s',
    async (ranges) => {
      hub.behaviour.intercept = ({ origin, range }, _, response) => {
        if (origin !== 'files') return false;
        if (ranges && range !== undefined) {
          response.writeHead(206, { 'content-range': 'bytes 0-9/*' }).end(bytes.subarray(0, 10));
          return true;
        }
        response.writeHead(200);
        response.write(bytes.subarray(0, 100_000));
        response.end(bytes.subarray(100_000));
        return true;
      };
      await check(1000);
    },
  );

  it('fetches neighbouring reads once', async () => {
    const { source } = await openRemoteModel(`hf:${REPO}`, connection(), { blockBytes: 100_000 });
    for (let at = 0; at < bytes.length; at += 1000) await source.read(at, new Uint8Array(1000));
    expect(hub.fileRequests()).toBe(4);
    expect(source.fetched).toBeLessThan(1.5 * bytes.length);
  });

  it('says when it changes under way', async () => {
    const { source } = await openRemoteModel(`hf:${REPO}`, connection(), { blockBytes: 0 });
    hub.behaviour.etag = '"another"';
    await expect(source.read(100_000, new Uint8Array(10))).rejects.toMatchObject({ code: 'changed' });
  });

  it('finds the other parts of a split model', async () => {
    const original = await openGguf(memorySource(file));
    const parts = await splitModel(original, 3);
    hub.add(REPO, Object.fromEntries(parts.map((part, i) => [`s-0000${i + 1}-of-00003.gguf`, part])));
    const { source, openSibling } = await openRemoteModel(`hf:${REPO}`, connection(), { blockBytes: 0 });
    const whole = await openGguf(await wholeSource(source, openSibling));
    expect([...whole.tensors.keys()]).toEqual([...original.tensors.keys()]);
    await whole.close();
  });
});
