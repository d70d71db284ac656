/** @file Images in workers: decoded in one of their own, encoded by the team, with the same bits as on one thread. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ByteSource, Embedder, ImageError, type LoadOptions } from 'gguf-embed';
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
    for (const threads of [1, 3]) {
      const team = await load(name, { threads });
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

it('an image that cannot be decoded is an ImageError here, too', async () => {
  const embedder = await load('qwen3vl', { threads: 2 });
  const broken = bytesOf('large.jpg').slice(0, 6000);
  const failing = embedder.embed(['a text', { image: broken }]);
  await expect(failing).rejects.toBeInstanceOf(ImageError);
  await expect(failing).rejects.toMatchObject({ index: 1, problem: 'damaged' });
  await expect(embedder.embed([{ image: bytesOf('large.jpg') }])).resolves.toMatchObject({ truncated: [false] });
});
