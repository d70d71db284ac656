/**
 * @file Byte sources: file, memory and Blob give the same, and the header is read in few reads, never the whole file.
 */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFile } from '../../src/gguf/file.node.ts';
import {
  type ByteSource,
  blobSource,
  GgufError,
  GgufWriter,
  ggmlTypes,
  memorySink,
  memorySource,
  openGguf,
} from '../../src/gguf/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file with a vocabulary of `nTokens` strings and a tensor of 4 MB behind it. */
async function vocabulary(nTokens: number): Promise<Uint8Array<ArrayBuffer>> {
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  const values = Array.from({ length: nTokens }, (_, i) => `token ${i} ±`);
  writer.set('tokens', { type: 'array', value: { elementType: 'string', values } });
  writer.set('scores', { type: 'array', value: { elementType: 'float32', values: values.map((_, i) => -i) } });
  writer.set('last', { type: 'string', value: 'end' });
  writer.addTensor('t', ggmlTypes.F32, [1024, 1024]);
  await writer.writeHeader();
  await writer.writeTensor('t', [new Uint8Array(new Float32Array(1024 * 1024).map((_, i) => i).buffer)]);
  writer.finish();
  return sink.bytes();
}

/** Notes every read. */
function watched(source: ByteSource): { source: ByteSource; reads: [offset: number, length: number][] } {
  const reads: [number, number][] = [];
  const read: ByteSource['read'] = (offset, into) => {
    reads.push([offset, into.length]);
    return source.read(offset, into);
  };
  return { source: { ...source, read }, reads };
}

describe('a file, a Blob and memory', () => {
  test.each(['file', 'blob', 'memory'])('%s', async (kind) => {
    const bytes = await vocabulary(10);
    const path = join(folder, 'same.gguf');
    await writeFile(path, bytes);
    const open = {
      file: () => openFile(path),
      blob: () => blobSource(new Blob([bytes])),
      memory: () => memorySource(bytes.buffer),
    };
    const source = await open[kind as keyof typeof open]();
    const file = await openGguf(source);
    expect(file.size).toBe(bytes.length);
    expect(file.metadata.strings('tokens')?.at(9)).toBe('token 9 ±');
    const into = new Uint8Array(8);
    await file.readTensor(file.tensors.get('t')!, 4 * 1000, into);
    expect([...new Float32Array(into.buffer)]).toEqual([1000, 1001]);
    await expect(source.read(bytes.length - 4, into)).rejects.toBeInstanceOf(GgufError);
    await expect(source.read(-1, into)).rejects.toBeInstanceOf(GgufError);
    await file.close();
    await file.close();
  });
});

test('250 000 tokens: doubling reads, no data read, strings decoded on demand', async () => {
  const bytes = await vocabulary(250_000);
  const { source, reads } = watched(memorySource(bytes));
  const file = await openGguf(source);
  expect(reads.length).toBeLessThan(10);
  const read = reads.reduce((sum, [, length]) => sum + length, 0);
  expect(read).toBeLessThan(2 * file.dataOffset + 64 * 1024);
  const ends = reads.map(([offset, length]) => offset + length);
  expect(reads.map(([offset]) => offset)).toEqual([0, ...ends.slice(0, -1)]);

  const tokens = file.metadata.strings('tokens')!;
  expect(tokens.length).toBe(250_000);
  expect(tokens.at(0)).toBe('token 0 ±');
  expect(tokens.at(249_999)).toBe('token 249999 ±');
  expect(new TextDecoder().decode(tokens.bytes(123_456))).toBe('token 123456 ±');
  expect(() => tokens.at(250_000)).toThrow(RangeError);
  expect(() => tokens.bytes(-1)).toThrow(RangeError);
  expect(file.metadata.numbers('scores')?.[249_999]).toBe(-249_999);
  expect(file.metadata.string('last')).toBe('end');

  reads.length = 0;
  await file.readTensor(file.tensors.get('t')!, 4096, new Uint8Array(4096));
  expect(reads).toEqual([[file.dataOffset + 4096, 4096]]);
});

describe('files that cannot be read', () => {
  test('that is not there', async () => {
    const path = join(folder, 'absent.gguf');
    await expect(openFile(path)).rejects.toThrow(`${path}: cannot open the file: the file does not exist`);
  });

  test('a folder', async () => {
    await expect(openFile(folder)).rejects.toThrow(`${folder}: is a folder; a GGUF file was expected`);
  });

  test('that shrinks while it is open', async () => {
    const path = join(folder, 'shrinks.gguf');
    await writeFile(path, await vocabulary(10));
    const file = await openGguf(await openFile(path));
    await truncate(path, file.dataOffset + 100);
    const into = new Uint8Array(200);
    await expect(file.readTensor(file.tensors.get('t')!, 0, into)).rejects.toThrow('the file became shorter');
    await file.close();
  });

  test('that is closed while it is read', async () => {
    const path = join(folder, 'large.gguf');
    const bytes = new Uint8Array(8 << 20).fill(7);
    await writeFile(path, bytes);
    const source = await openFile(path);
    const into = new Uint8Array(bytes.length);
    const reading = source.read(0, into);
    await source.close();
    await reading;
    expect(into.every((byte) => byte === 7)).toBe(true);
    await expect(source.read(0, into)).rejects.toThrow(`${path}: at byte 0: the file is closed`);
    await expect(source.read(0, into.subarray(0, 8))).rejects.toThrow('the file is closed');
  });

  test('a source is closed when it is refused', async () => {
    let closed = 0;
    const source = { ...memorySource(new Uint8Array(100)), close: async () => void closed++ };
    await expect(openGguf(source)).rejects.toBeInstanceOf(GgufError);
    expect(closed).toBe(1);
  });
});
