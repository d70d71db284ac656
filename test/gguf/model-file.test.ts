/**
 * @file Models on disk that are gzipped or in parts are opened by path like any other.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModelFile } from '../../src/gguf/file.node.ts';
import { type GgufFile, GgufWriter, memorySink, memorySource, openGguf } from '../../src/gguf/index.ts';

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
  const names = [...original.tensors.keys()];
  const third = Math.ceil(names.length / 3);
  for (let no = 0; no < 3; no++) {
    const sink = memorySink();
    const writer = new GgufWriter(sink);
    if (no === 0) for (const key of original.metadata.keys()) writer.set(key, original.metadata.typed(key)!);
    writer.set('split.no', { type: 'uint16', value: no });
    writer.set('split.count', { type: 'uint16', value: 3 });
    writer.set('split.tensors.count', { type: 'int32', value: names.length });
    const own = names.slice(no * third, (no + 1) * third).map((name) => original.tensors.get(name)!);
    for (const { name, type, shape } of own) writer.addTensor(name, type, shape);
    await writer.writeHeader();
    for (const info of own) {
      const data = new Uint8Array(info.byteLength);
      await original.readTensor(info, 0, data);
      await writer.writeTensor(info.name, [data]);
    }
    await writeFile(join(folder, `m-0000${no + 1}-of-00003.gguf`), sink.bytes());
  }
  await expectSame(join(folder, 'm-00001-of-00003.gguf'));
});
