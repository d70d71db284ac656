/**
 * @file What the writer refuses, and that a file appears whole or not at all.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFile } from '../../src/gguf/create-file.node.ts';
import { GgufError, GgufWriter, ggmlTypes, memorySink, memorySource, openGguf } from '../../src/gguf/index.ts';

describe('GgufWriter', () => {
  const writer = () => new GgufWriter(memorySink());

  test('a key set twice keeps its place and takes the last value', async () => {
    const sink = memorySink();
    const writer = new GgufWriter(sink);
    for (const [key, value] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ] as const)
      writer.set(key, { type: 'uint8', value });
    await writer.writeHeader();
    writer.finish();
    const { metadata } = await openGguf(memorySource(sink.bytes()));
    expect([...metadata.keys()].map((key) => [key, metadata.get(key)])).toEqual([
      ['a', 3],
      ['b', 2],
    ]);
  });

  test('small integers may be given as bigint', async () => {
    const sink = memorySink();
    const writer = new GgufWriter(sink);
    writer.set('n', { type: 'uint32', value: 7n });
    await writer.writeHeader();
    writer.finish();
    expect((await openGguf(memorySource(sink.bytes()))).metadata.u32('n')).toBe(7);
  });

  test.each<[type: 'uint8' | 'int32' | 'uint64' | 'float32' | 'bool', value: number | bigint | boolean]>([
    ['uint8', 256],
    ['uint8', 1.5],
    ['int32', 2 ** 31],
    ['uint64', -1n],
    ['float32', 1n],
    ['bool', 1],
    ['uint8', true],
  ])('%s cannot be %s', async (type, value) => {
    const bad = writer();
    bad.set('k', { type, value });
    await expect(bad.writeHeader()).rejects.toThrow(`key k: ${value} is not a valid ${type}`);
  });

  test('bad keys, alignments, names and shapes', () => {
    expect(() => writer().set('', { type: 'bool', value: true })).toThrow(GgufError);
    for (const value of [48, 2 ** 21, 2 ** 31]) {
      expect(() => writer().set('general.alignment', { type: 'uint32', value })).toThrow('power of two of at most');
    }
    expect(() => writer().addTensor('x'.repeat(64), ggmlTypes.F32, [1])).toThrow('longer than 63 bytes');
    expect(() => writer().addTensor('x', ggmlTypes.Q8_0, [33])).toThrow('do not divide into Q8_0 blocks of 32');
    expect(() => writer().addTensor('x', ggmlTypes.F32, [1, 1, 1, 1, 1])).toThrow('is not a valid shape');
    const twice = writer();
    twice.addTensor('x', ggmlTypes.F32, [1]);
    expect(() => twice.addTensor('x', ggmlTypes.F32, [1])).toThrow('names must be unique');
  });

  test('data must come in order, complete and in whole blocks', async () => {
    const start = async () => {
      const one = writer();
      one.addTensor('a', ggmlTypes.F32, [2]);
      one.addTensor('b', ggmlTypes.F32, [1]);
      await one.writeHeader();
      return one;
    };
    await expect((await start()).writeTensor('b', [new Uint8Array(4)])).rejects.toThrow(
      'its data was given, but expected that of a',
    );
    await expect((await start()).writeTensor('a', [new Uint8Array(4)])).rejects.toThrow('4 bytes of data were given');
    await expect((await start()).writeTensor('a', [new Uint8Array(12)])).rejects.toThrow('expected 8');
    await expect((await start()).writeTensor('a', [new Uint8Array(6), new Uint8Array(2)])).rejects.toThrow(
      'whole blocks',
    );
    const unfinished = await start();
    await unfinished.writeTensor('a', [new Uint8Array(8)]);
    expect(() => unfinished.finish()).toThrow('tensor b: its data was not written');
    expect(() => writer().finish()).toThrow('the header was not written');
  });
});

describe('createFile', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gguf-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('the file appears when it is complete', async () => {
    const path = join(folder, 'out.gguf');
    const file = await createFile(path, []);
    await file.write(Uint8Array.of(1, 2));
    await file.write(Uint8Array.of(3));
    expect(await readdir(folder)).not.toContain('out.gguf');
    await file.commit();
    await file.discard();
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual(['out.gguf']);
  });

  test('nothing is left of one that is given up', async () => {
    const file = await createFile(join(folder, 'out.gguf'), []);
    await file.write(Uint8Array.of(1));
    await file.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  test('a missing folder', async () => {
    await expect(createFile(join(folder, 'no', 'out.gguf'), [])).rejects.toThrow('cannot write the file');
  });

  test('only a file may be in the place', async () => {
    await expect(createFile(folder, [])).rejects.toThrow('cannot write the file: the path is a folder');
    if (process.platform !== 'win32') await expect(createFile('/dev/null', [])).rejects.toThrow('not a regular file');
    expect(await readdir(folder)).toEqual([]);
  });
});
