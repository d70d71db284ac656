/** @file The tower idefics3 against llama.cpp's: tiles pixel for pixel, rows of each; and the tokens around tiles in a prompt. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Embedder as Built } from 'gguf-embed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limitTokens } from '../../../src/engine/images/options.ts';
import { type GgufFile, memorySink, memorySource, openGguf } from '../../../src/gguf/index.ts';
import { cutTiles, decodeImage, tileGrid } from '../../../src/image/index.ts';
import type { Tiling } from '../../../src/image/tiles.ts';
import { Embedder } from '../../../src/index.ts';
import { createReferenceBackend } from '../../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../../src/kernels/wasm/index.ts';
import { type LoadedTower, loadTower, outlineTower } from '../../../src/models/vision/index.ts';
import { quantize } from '../../../src/quantize/quantize.ts';
import type { TargetTypeName } from '../../../src/quantize/types.ts';
import type { Backend } from '../../../src/tensor/backend.ts';
import { createTokenizer } from '../../../src/tokenizer/index.ts';
import { cosine, floats } from '../../vectors.ts';
import { editedCopy } from '../edit.ts';
import { openFixture, readJson } from '../support.ts';

interface Picture {
  readonly image: string;
  readonly columns: number;
  readonly rows: number;
  /** The whole picture is the last. */
  readonly tiles: readonly { sha256_rgb8: string; rows: string }[];
}

const fixture = (path: string) => fileURLToPath(new URL(`../../fixtures/${path}`, import.meta.url));
const bytesOf = (image: string) => new Uint8Array(readFileSync(fixture(`multimodal/images/${image}`)));
const pictures = readJson<Picture[]>('idefics3/reference.json');
interface LimitedPicture {
  readonly image: string;
  readonly longest?: number;
  /** 0 for none. */
  readonly minTokens: number;
  readonly maxTokens: number;
  readonly columns: number;
  readonly rows: number;
  readonly sha256_rgb8: string;
}
const limited = readJson<LimitedPicture[]>('idefics3/limits.json');
/** What llama.cpp makes of prompts; a piece without tokens is a tile. */
const prompts =
  readJson<{ prompt: string; image: string; pieces: number[][]; vector: string }[]>('idefics3/prompts.json');
const tiling = { size: 48, longest: 144, unit: 24 };
const sha256 = (...parts: readonly Uint8Array[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

it.each(pictures)('$image is cut into the tiles of llama.cpp', async ({ image, columns, rows, tiles }) => {
  const picture = await decodeImage(bytesOf(image));
  expect(tileGrid(picture, tiling)).toMatchObject({ columns, rows });
  expect(cutTiles(picture, tiling).map(({ rgb }) => sha256(rgb))).toEqual(tiles.map((tile) => tile.sha256_rgb8));
});

it.each(limited)(
  '$image has the tiles of llama.cpp with the longest side $longest and $minTokens to $maxTokens tokens',
  async ({ image, longest, minTokens, maxTokens, columns, rows, sha256_rgb8 }) => {
    const picture = await decodeImage(bytesOf(image));
    const wanted = limitTokens(
      { kind: 'tiles', size: 48, unit: 24, longest },
      { minTokens: minTokens || undefined, maxTokens: maxTokens || undefined },
    ) as Tiling;
    expect(tileGrid(picture, wanted)).toEqual({ columns, rows, scaled: undefined });
    expect(sha256(...cutTiles(picture, wanted).map(({ rgb }) => rgb))).toBe(sha256_rgb8);
  },
);

it('keeps a pixel of the shorter side', () => {
  expect(tileGrid({ width: 10000, height: 1 }, tiling)).toEqual({
    columns: 3,
    rows: 1,
    scaled: { width: 144, height: 1 },
  });
});

it('refuses more tiles or pixels than the limits before it takes memory', () => {
  const large = { width: 8000, height: 8000 };
  expect(() => tileGrid(large, { size: 48, unit: 24 }, 'a.png')).toThrow(
    'a.png: the picture would be cut into 167x167 tiles of 48x48 pixels; at most 1024 tiles and 134217728 pixels',
  );
  expect(() => tileGrid({ width: 65535, height: 10 }, { size: 4096, unit: 32 })).toThrow('16x1 tiles of 4096x4096');
  expect(tileGrid(large, { size: 512, unit: 32 })).toMatchObject({ columns: 16, rows: 16 });
});

describe.each(
  Object.entries({
    reference: () => createReferenceBackend(),
    'wasm high': () => createWasmBackend(),
    'wasm exact': () => createWasmBackend({ precision: 'exact' }),
  }),
)('on %s', (_, makeBackend) => {
  let backend: Backend;
  let tower: LoadedTower;
  beforeAll(async () => {
    backend = await makeBackend();
    tower = await loadTower(await openFixture('idefics3/mmproj.gguf'), backend);
  });
  afterAll(() => backend.dispose());

  it.each(pictures)('the tiles of $image have the rows of llama.cpp', async ({ image, tiles }) => {
    const cut = cutTiles(await decodeImage(bytesOf(image)), tiling);
    const rows = await tower.encode(backend.ops, cut);
    expect(tower.grid(cut[0])).toEqual({ nx: 2, ny: 2 });
    for (const [i, tile] of tiles.entries()) {
      const wanted = floats(tile.rows);
      expect(rows[i].length).toBe(wanted.length);
      for (let at = 0; at < wanted.length; at += tower.width) {
        const [own, other] = [rows[i].subarray(at, at + tower.width), wanted.subarray(at, at + tower.width)];
        expect(1 - cosine(own, other), `tile ${i}`).toBeLessThan(2e-5);
      }
    }
    for (const [i, tile] of cut.entries()) expect((await tower.encode(backend.ops, [tile]))[0]).toEqual(rows[i]);
  });

  it.each<[TargetTypeName, number]>([
    ['F16', 1e-5],
    ['BF16', 1e-3],
    ['Q8_0', 1e-3],
    ['Q4_K_M', 5e-2],
  ])('a tower in %s has nearly the same rows', async (type, most) => {
    const [tile] = cutTiles(await decodeImage(bytesOf('odd.png')), tiling);
    const sink = memorySink();
    await quantize(await openFixture('idefics3/mmproj.gguf'), sink, type);
    const quantised = await loadTower(await openGguf(memorySource(sink.bytes())), backend);
    const [[own], [exact]] = [await quantised.encode(backend.ops, [tile]), await tower.encode(backend.ops, [tile])];
    expect(1 - cosine(own, exact)).toBeLessThan(most);
  });
});

it.each(prompts)('the prompt $prompt with $image has the tokens of llama.cpp', async ({ prompt, image, pieces }) => {
  const { tiles, begin, end } = outlineTower(await openFixture('idefics3/mmproj.gguf'));
  const tokenizer = createTokenizer((await openFixture('idefics3/text.gguf')).metadata);
  const { columns, rows } = tileGrid(await decodeImage(bytesOf(image)), tiling);
  const [before, after] = prompt.split('<__media__>');
  const ids = (...texts: readonly string[]) =>
    texts.flatMap((text) => [...tokenizer.encode(text, { addSpecial: false, parseSpecial: true })]);
  const expected: number[][] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const first = row + column === 0 ? [before] : column === 0 ? [tiles!.rowEnd] : [];
      expected.push(ids(...first, tiles!.before(row, column)), []);
    }
  }
  expected.push(ids(begin), [], ids(end, after));
  expect(pieces).toEqual(expected);
});

it('prompts have the vectors of llama.cpp, on any number of threads', async () => {
  const vectors: Float32Array[][] = [];
  // In the built package images are decoded in a worker and encoded by a team.
  for (const [load, options] of [
    [Embedder.load, { backend: 'reference' }],
    [Embedder.load, { backend: 'wasm', worker: false }],
    [Built.load, { backend: 'wasm', threads: 1 }],
    [Built.load, { backend: 'wasm', threads: 3, imageCache: 0 }],
  ] as const) {
    const embedder = await load(fixture('idefics3/text.gguf'), {
      mmproj: fixture('idefics3/mmproj.gguf'),
      pooling: 'last',
      ...options,
    });
    const inputs = prompts.map(({ prompt, image }) => ({ text: prompt, images: [bytesOf(image)] }));
    const { nTokens, nImageTokens, vectors: own } = await embedder.embed(inputs);
    await embedder.dispose();
    for (const [i, { prompt, pieces, vector }] of prompts.entries()) {
      const nTiles = pieces.filter((piece) => piece.length === 0).length;
      expect(nImageTokens[i]).toBe(4 * nTiles);
      expect(nTokens[i]).toBe(4 * nTiles + pieces.flat().length);
      expect(1 - cosine(own[i], floats(vector)), prompt).toBeLessThan(1e-5);
    }
    vectors.push(own);
  }
  for (const own of vectors.slice(2)) expect(own).toEqual(vectors[1]);
});

it('limits of tokens change the number of tiles', async () => {
  const embedder = await Embedder.load(fixture('idefics3/text.gguf'), {
    mmproj: fixture('idefics3/mmproj.gguf'),
    images: { minTokens: 64, maxTokens: 400 },
  });
  const { nImageTokens } = await embedder.embed([{ image: bytesOf('tiny.png') }]);
  await embedder.dispose();
  expect(nImageTokens).toEqual([4 * (4 * 4 + 1)]);
});

async function edited(key: string, value: number | undefined): Promise<GgufFile> {
  const bytes = await editedCopy(await openFixture('idefics3/mmproj.gguf'), ({ values }) => {
    values.delete(key);
    if (value !== undefined) values.set(key, { type: 'uint32', value });
  });
  return openGguf(memorySource(bytes));
}

it.each<[string, string, number]>([
  ['clip.vision.preproc_image_size', 'is 8193, not a number from 0 to 8192', 8193],
  ['clip.vision.preproc_image_size', 'is 4294967295, not a number', 2 ** 32 - 1],
  ['clip.vision.projector.scale_factor', 'is 4, which does not divide 6 patches a side', 4],
  ['clip.vision.projector.scale_factor', 'is 0, which does not divide 6 patches a side', 0],
  ['clip.vision.projector.scale_factor', 'is 4294967295, which does not divide', 2 ** 32 - 1],
  ['clip.vision.image_size', 'is 0', 0],
  ['clip.vision.image_size', 'is 49, which cannot be divided into patches of 8', 49],
  ['clip.vision.block_count', 'is 513', 513],
])('refuses %s %s', async (key, message, value) => {
  const file = await edited(key, value);
  expect(() => outlineTower(file)).toThrow(`${key} ${message}`);
});

it('refuses a projection of another size', async () => {
  const file = await edited('clip.vision.projector.scale_factor', undefined);
  expect(() => outlineTower(file)).toThrow('tensor mm.model.fc.weight has the shape');
});

it('a file without the size of the longest side cuts images as they are', async () => {
  const { preprocessing } = outlineTower(await edited('clip.vision.preproc_image_size', undefined));
  expect(preprocessing).toEqual({ kind: 'tiles', size: 48, unit: 24, longest: undefined });
  expect(outlineTower(await edited('clip.vision.preproc_image_size', 0)).preprocessing).toEqual(preprocessing);
});

it('without a factor of the shuffle, each patch becomes a token', async () => {
  const file = await openFixture('idefics3/mmproj.gguf');
  const bytes = await editedCopy(file, (edit) => {
    edit.values.delete('clip.vision.projector.scale_factor');
    edit.setFloats(
      'mm.model.fc.weight',
      [48, 64],
      Float32Array.from({ length: 48 * 64 }, (_, i) => Math.sin(i)),
    );
  });
  const [tile] = cutTiles(await decodeImage(bytesOf('odd.png')), tiling);
  const rows: Float32Array[] = [];
  for (const backend of [await createReferenceBackend(), await createWasmBackend()]) {
    const tower = await loadTower(await openGguf(memorySource(bytes)), backend);
    expect(tower.grid(tile)).toEqual({ nx: 6, ny: 6 });
    rows.push((await tower.encode(backend.ops, [tile]))[0]);
    backend.dispose();
  }
  expect(rows[0].length).toBe(36 * 64);
  expect(1 - cosine(rows[1], rows[0])).toBeLessThan(1e-5);
});
