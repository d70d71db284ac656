/** @file Rows of a large table are read when a text needs them: same bits, less memory, one open file, and no rows of a changed file. */
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Embedder, GgufError, type LoadOptions } from 'gguf-embed';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundled } from './support.ts';

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rows-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let nLoaded = 0;

/** Loads a copy of the bundled model, whose path is then `path`. */
async function load(options: LoadOptions = {}): Promise<Embedder> {
  path = join(folder, `${nLoaded++}.gguf`);
  copyFileSync(bundled, path);
  return Embedder.load(path, { backend: 'wasm', threads: 1, ...options });
}

/** How often this process has the file open, where the system tells. */
function timesOpen(file: string): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const target = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  };
  return readdirSync('/proc/self/fd').filter((fd) => target(fd) === file).length;
}

it('gives the same bits, in whatever order rows are needed, with any number of threads', async () => {
  const whole = await load({ rowsOnDemand: false });
  const { nVocab } = whole.info;
  const inputs = Array.from({ length: 5 }, (_, i) =>
    Array.from({ length: 120 }, (_, j) => ((120 * i + j) * 4519) % nVocab),
  );
  const expected = (await whole.embed(inputs)).vectors;
  await whole.dispose();
  for (const place of [{ threads: 1, worker: true }, { threads: 3, worker: true }, { threads: 3 }, { worker: false }]) {
    const embedder = await load(place);
    expect((await embedder.embed(inputs)).vectors).toEqual(expected);
    expect((await embedder.embed(inputs[3])).vectors[0]).toEqual(expected[3]);
    await embedder.dispose();
  }
});

it.each<LoadOptions>([{ threads: 1, worker: true }, { threads: 2, worker: true }, { threads: 2 }, { worker: false }])(
  'keeps the file open with %j until the embedder is disposed',
  async (options) => {
    const embedder = await load(options);
    if (timesOpen(path) !== undefined) expect(timesOpen(path)).toBe(1);
    await embedder.embed('a text');
    await embedder.dispose();
    await embedder.dispose();
    if (timesOpen(path) !== undefined) expect(timesOpen(path)).toBe(0);
  },
);

it.each<LoadOptions>([{ rowsOnDemand: false }, { rowsOnDemand: false, worker: false }, { backend: 'reference' }])(
  'closes the file after loading with %j, and then needs it no more',
  async (options) => {
    const embedder = await load(options);
    if (timesOpen(path) !== undefined) expect(timesOpen(path)).toBe(0);
    rmSync(path);
    expect((await embedder.embed('a text')).vectors).toHaveLength(1);
    await embedder.dispose();
  },
);

it('takes bytes in memory, of which nothing can be read later', async () => {
  const embedder = await Embedder.load(readFileSync(bundled), { backend: 'wasm', threads: 1 });
  const other = await load();
  expect((await embedder.embed('a text')).vectors).toEqual((await other.embed('a text')).vectors);
  await Promise.all([embedder.dispose(), other.dispose()]);
});

it('goes on with the file that it has loaded when another one takes its name, or none', async () => {
  const reference = await load({ rowsOnDemand: false });
  const embedder = await load();
  const other = join(folder, 'other.gguf');
  copyFileSync(bundled, other);
  appendFileSync(other, 'more');
  renameSync(other, path);
  const text = 'another text that no one has asked for';
  expect((await embedder.embed(text)).vectors).toEqual((await reference.embed(text)).vectors);
  rmSync(path);
  const next = 'zebras, quasars and 42 violins';
  expect((await embedder.embed(next)).vectors).toEqual((await reference.embed(next)).vectors);
  await Promise.all([embedder.dispose(), reference.dispose()]);
});

it.each<[string, (path: string) => void]>([
  ['longer', (file) => appendFileSync(file, 'more')],
  ['rewritten', (file) => copyFileSync(bundled, file)],
  ['of another time', (file) => utimesSync(file, 1, 1)],
])('refuses rows of a file that is %s than when it was loaded', async (_, change) => {
  await refuses({ threads: 2, worker: true }, change);
  await refuses({ threads: 2 }, change);
  await refuses({ worker: false }, change);
});

async function refuses(options: LoadOptions, change: (path: string) => void): Promise<void> {
  const embedder = await load(options);
  const before = await embedder.embed('a text');
  change(path);
  const failing = embedder.embed('zebras, quasars and 42 violins');
  await expect(failing).rejects.toThrow(
    `${path}: the file was changed while its model was in use: load the model again`,
  );
  await expect(failing).rejects.toBeInstanceOf(GgufError);
  // Rows that were read before are right.
  expect((await embedder.embed('a text')).vectors).toEqual(before.vectors);
  await embedder.dispose();
}
