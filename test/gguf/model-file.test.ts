/**
 * @file Models on disk that are gzipped or in parts are opened by path like any other.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModelFile } from '../../src/gguf/file.node.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { splitModel } from './split-model.ts';

let folder: string;
let bytes: Uint8Array;
let original: GgufFile;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'));
  bytes = await readFile(new URL('../fixtures/models/bert-mean.gguf', import.meta.url));
  original = await openGguf(memorySource(bytes));
});
afterAll(() => rm(folder, { recursive: true }));

async function expectSame(path: string): Promise<void> {
  const file = await openGguf(await openModelFile(path));
  expect([...file.metadata.keys()]).toEqual([...original.metadata.keys()]);
  expect([...file.tensors.keys()]).toEqual([...original.tensors.keys()]);
  for (const [name, info] of original.tensors) {
    const [expected, found] = [new Uint8Array(info.byteLength), new Uint8Array(info.byteLength)];
    await original.readTensor(info, 0, expected);
    await file.readTensor(file.tensors.get(name)!, 0, found);
    expect(Buffer.compare(found, expected), name).toBe(0);
  }
  await file.close();
}

test('plain', async () => {
  const path = join(folder, 'bert-mean.gguf');
  await writeFile(path, bytes);
  await expectSame(path);
});

test('gzipped', async () => {
  const path = join(folder, 'bert-mean.gguf.gz');
  await writeFile(path, gzipSync(bytes));
  await expectSame(path);
});

test('in parts', async () => {
  for (const [i, part] of (await splitModel(original, 3)).entries()) {
    await writeFile(join(folder, `m-0000${i + 1}-of-00003.gguf`), part);
  }
  await expectSame(join(folder, 'm-00001-of-00003.gguf'));
});
