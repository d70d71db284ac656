/** @file Images in workers: decoded in one of their own, encoded by the team, with the same bits as on one thread. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BatchReport, type ByteSource, Embedder, ImageError, type LoadOptions } from 'gguf-embed';
import { afterAll, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../fixtures/multimodal/', import.meta.url));
const bytesOf = (name: string) => new Uint8Array(readFileSync(`${folder}images/${name}`));
const loaded: Embedder[] = [];
afterAll(() => Promise.all(loaded.map((embedder) => embedder.dispose())));

async function load(name: string, options: LoadOptions): Promise<Embedder> {
  const mmproj = `${folder}models/mmproj-${name}.gguf`;
  const embedder = await Embedder.load(`${folder}models/${name}.gguf`, { mmproj, backend: 'wasm', ...options });
  loaded.push(embedder);
  return embedder;
}

it.each(['qwen3vl', 'qwen25vl', 'gemma3'])(
  '%s: the same bits on any number of threads',
  async (name) => {
    const inputs = [
      { text: 'a <__media__> b', images: [bytesOf('rgb.png')] },
      'a text',
      { image: bytesOf('large.jpg') },
      { image: bytesOf('tiny.png') },
      { text: '<__media__><__media__>', images: [bytesOf('tall.png'), bytesOf('s422.jpg')] },
    ];
    const here = await load(name, { worker: false });
    const expected = await here.embed(inputs);
    // A batch of one token is less work than a layer of the tower, after each of which texts then have their turn.
    for (const options of [{ threads: 1 }, { threads: 3 }, { threads: 3, nUbatch: 1 }, { worker: false, nUbatch: 1 }]) {
      const team = await load(name, options);
      const answer = await team.embed(inputs);
      expect(answer.vectors).toEqual(expected.vectors);
      expect(answer.nImageTokens).toEqual(expected.nImageTokens);
    }
  },
  60_000,
);

it.each(['qwen3vl', 'qwen25vl'])(
  '%s: a rank that reads slowly does not disturb the tower that another rank loads already',
  async (pair) => {
    const input = { text: 'a <__media__> b', images: [bytesOf('rgb.png')] };
    const here = await load(pair, { worker: false, precision: 'exact' });
    const expected = await here.embed(input);
    const slow = (name: string, isSlow: (offset: number) => boolean): ByteSource => {
      const bytes = new Uint8Array(readFileSync(`${folder}models/${name}.gguf`));
      return {
        name,
        size: bytes.length,
        async read(offset, into) {
          if (isSlow(offset)) await new Promise((resolve) => setTimeout(resolve, 100));
          into.set(bytes.subarray(offset, offset + into.length));
        },
        close: async () => {},
      };
    };
    for (let part = 0; part < 6; part++) {
      const isSlow = (offset: number) => Math.floor(offset / 40_000) % 6 === part;
      const embedder = await Embedder.load(slow(pair, isSlow), {
        mmproj: slow(`mmproj-${pair}`, () => false),
        backend: 'wasm',
        threads: 2,
        precision: 'exact',
      });
      loaded.push(embedder);
      expect((await embedder.embed(input)).vectors).toEqual(expected.vectors);
      expect((await embedder.embed('a text')).vectors).toEqual((await here.embed('a text')).vectors);
    }
  },
  60_000,
);

it('the calling thread stays free while a large image is decoded and encoded', async () => {
  const embedder = await load('qwen3vl', { threads: 2 });
  const { encodePng } = await import('../image/encode-png.ts');
  const image = encodePng(1600, 1200);
  await embedder.embed('warm');
  const start = performance.now();
  let [last, longest, nTurns] = [start, 0, 0];
  const timer = setInterval(() => {
    nTurns++;
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const { nImageTokens } = await embedder.embed([{ image }]);
  clearInterval(timer);
  const whole = performance.now() - start;
  expect(nImageTokens[0]).toBeGreaterThan(1800);
  // Relative to the whole, because this machine may have other work.
  expect(longest).toBeLessThan(whole / 3);
  expect(nTurns).toBeGreaterThan(20);
}, 60_000);

it.each([{ threads: 2 }, { worker: false }])(
  'texts get their turns while a large image is in the tower: %o',
  async (options) => {
    const { encodePng } = await import('../image/encode-png.ts');
    const towers: number[] = [];
    const onBatch = ({ nImages, seconds }: BatchReport) => void (nImages > 0 && towers.push(seconds));
    const embedder = await load('qwen3vl', { ...options, nUbatch: 1, onBatch });
    const [expected] = (await embedder.embed('a text')).vectors;
    /** Seconds until a text is answered. */
    const askText = async () => {
      const start = performance.now();
      expect((await embedder.embed('a text')).vectors[0]).toEqual(expected);
      return (performance.now() - start) / 1000;
    };
    const large = { image: encodePng(1000, 800) };
    const answer = embedder.embed([large]);
    const waits: number[] = [];
    while (towers.length === 0) waits.push(await askText());
    // The tower has four layers, after each of which a text has its turn.
    expect(waits.filter((seconds) => seconds > towers[0] / 10).length).toBeGreaterThanOrEqual(3);
    const { vectors } = await answer;
    const whole = await load('qwen3vl', options);
    expect((await whole.embed([large])).vectors).toEqual(vectors);

    /** Starts on another image, and returns after a part of its layers. */
    const startImage = async (width: number, signal?: AbortSignal) => {
      const failing = expect(embedder.embed([{ image: encodePng(width, 800) }], { signal })).rejects;
      while ((await askText()) < towers[0] / 10);
      return failing;
    };
    const controller = new AbortController();
    const aborted = (await startImage(1001, controller.signal)).toThrow('enough');
    controller.abort(new Error('enough'));
    await aborted;
    await askText();
    await askText();
    expect(towers.length).toBe(1);
    const disposed = (await startImage(1002)).toThrow('disposed');
    await embedder.dispose();
    await disposed;
    expect(towers.length).toBe(1);
  },
  60_000,
);

it('an image that cannot be decoded is an ImageError here, too', async () => {
  const embedder = await load('qwen3vl', { threads: 2 });
  const broken = bytesOf('large.jpg').slice(0, 6000);
  const failing = embedder.embed(['a text', { image: broken }]);
  await expect(failing).rejects.toBeInstanceOf(ImageError);
  await expect(failing).rejects.toMatchObject({ index: 1, problem: 'damaged' });
  await expect(embedder.embed([{ image: bytesOf('large.jpg') }])).resolves.toMatchObject({ truncated: [false] });
});
