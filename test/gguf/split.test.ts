/**
 * @file Split and gzipped models.
 */
import { gzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import {
  type ByteSource,
  GgufError,
  GgufWriter,
  ggmlTypes,
  memorySink,
  memorySource,
  openGguf,
  wholeSource,
} from '../../src/gguf/index.ts';

interface PartPlan {
  no?: number;
  count?: number;
  total?: number;
  tensors: readonly string[];
  littleEndian?: boolean;
}

/** A part whose tensors hold three float32 each: the code of the name's first letter, 1, 2. */
async function part({ no, count, total, tensors, littleEndian = true }: PartPlan): Promise<Uint8Array> {
  const sink = memorySink();
  const writer = new GgufWriter(sink, { littleEndian });
  writer.set('general.name', { type: 'string', value: `part ${no}` });
  if (no !== undefined) writer.set('split.no', { type: 'uint16', value: no });
  if (count !== undefined) writer.set('split.count', { type: 'uint16', value: count });
  if (total !== undefined) writer.set('split.tensors.count', { type: 'int32', value: total });
  for (const name of tensors) writer.addTensor(name, ggmlTypes.F32, [3]);
  await writer.writeHeader();
  for (const name of tensors) {
    await writer.writeTensor(name, [new Uint8Array(Float32Array.of(name.charCodeAt(0), 1, 2).buffer)]);
  }
  writer.finish();
  return sink.bytes();
}

/** Three good parts: the first without tensors, as llama-gguf-split can make it. */
async function parts(change: Record<number, Partial<PartPlan>> = {}): Promise<Map<string, Uint8Array>> {
  const plans: PartPlan[] = [
    { no: 0, count: 3, total: 3, tensors: [] },
    { no: 1, count: 3, total: 3, tensors: ['a', 'b'] },
    { no: 2, count: 3, total: 3, tensors: ['c'] },
  ];
  const files = new Map<string, Uint8Array>();
  for (const [i, plan] of plans.entries()) {
    files.set(`dir/m-0000${i + 1}-of-00003.gguf`, await part({ ...plan, ...change[i] }));
  }
  return files;
}

const open =
  (files: Map<string, Uint8Array>, closed: string[] = []) =>
  async (name: string): Promise<ByteSource> => {
    const bytes = files.get(name);
    if (bytes === undefined) throw new GgufError('the file does not exist', { source: name });
    return { ...memorySource(bytes, name), close: async () => void closed.push(name) };
  };

async function openWhole(files: Map<string, Uint8Array>, name = 'dir/m-00001-of-00003.gguf', closed: string[] = []) {
  const opener = open(files, closed);
  return openGguf(await wholeSource(await opener(name), opener));
}

describe('split models', () => {
  test.each([true, false])('are one file (little-endian: %s)', async (littleEndian) => {
    const closed: string[] = [];
    const files = await parts({ 0: { littleEndian }, 1: { littleEndian }, 2: { littleEndian } });
    const file = await openWhole(files, undefined, closed);
    expect(file.name).toBe('dir/m-00001-of-00003.gguf');
    expect([...file.metadata.keys()]).toEqual(['general.name']);
    expect(file.metadata.string('general.name')).toBe('part 0');
    expect([...file.tensors.keys()]).toEqual(['a', 'b', 'c']);
    for (const info of file.tensors.values()) {
      const into = new Uint8Array(12);
      await file.readTensor(info, 0, into);
      expect([...new Float32Array(into.buffer)]).toEqual([info.name.charCodeAt(0), 1, 2]);
    }
    await file.close();
    expect(closed.sort()).toEqual([...files.keys()]);
  });

  test('can be read across parts and padding', async () => {
    const opener = open(await parts());
    const whole = await wholeSource(await opener('dir/m-00001-of-00003.gguf'), opener);
    const all = new Uint8Array(whole.size);
    await whole.read(0, all);
    for (const [offset, length] of [
      [0, 10],
      [whole.size - 70, 70],
      [whole.size - 40, 20],
      [100, 0],
    ]) {
      const into = new Uint8Array(length).fill(0xaa);
      await whole.read(offset, into);
      expect(into).toEqual(all.slice(offset, offset + length));
    }
    await expect(whole.read(whole.size - 1, new Uint8Array(2))).rejects.toBeInstanceOf(GgufError);
  });

  test('a part that is missing is named, and the others are closed', async () => {
    const files = await parts();
    files.delete('dir/m-00003-of-00003.gguf');
    const closed: string[] = [];
    await expect(openWhole(files, undefined, closed)).rejects.toThrow(
      'dir/m-00001-of-00003.gguf: part 3 of 3 is missing: dir/m-00003-of-00003.gguf: the file does not exist',
    );
    expect(closed.sort()).toEqual([...files.keys()]);
  });

  test.each<[string, Record<number, Partial<PartPlan>>, string]>([
    [
      'part of another number',
      { 1: { no: 2 } },
      'm-00002-of-00003.gguf: key split.no at byte 82: found 2, but part 2 of dir/m-00001-of-00003.gguf must have 1',
    ],
    [
      'part of another model',
      { 2: { count: 4 } },
      'm-00003-of-00003.gguf: key split.count at byte 107: found 4, but part 3 of dir/m-00001-of-00003.gguf must have 3',
    ],
    [
      'part of another model with as many parts',
      { 2: { total: 4 } },
      'm-00003-of-00003.gguf: key split.tensors.count at byte 140: found 4, but part 3 of dir/m-00001-of-00003.gguf must have 3',
    ],
    [
      'part without a number',
      { 2: { no: undefined } },
      'm-00003-of-00003.gguf: key split.no: found nothing, but part 3 of dir/m-00001-of-00003.gguf must have 2',
    ],
    [
      'tensor in two parts',
      { 2: { tensors: ['a'] } },
      'm-00003-of-00003.gguf: tensor a: an earlier part already has this tensor',
    ],
    [
      'wrong number of tensors',
      { 2: { tensors: [] } },
      'm-00001-of-00003.gguf: key split.tensors.count at byte 140: the parts hold 2 tensors, but split.tensors.count is 3',
    ],
    [
      'another byte order',
      { 1: { littleEndian: false } },
      'm-00002-of-00003.gguf: at byte 4: its byte order is not that of dir/m-00001-of-00003.gguf',
    ],
    [
      'number of parts that the name does not have',
      { 0: { count: 2 } },
      'm-00001-of-00003.gguf: key split.count at byte 107: the model has 2 parts, but the name says 3',
    ],
  ])('%s', async (_, change, message) => {
    const closed: string[] = [];
    const error = await openWhole(await parts(change), undefined, closed).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(GgufError);
    expect((error as Error).message).toContain(message);
    expect(closed).toContain('dir/m-00001-of-00003.gguf');
  });

  test('only the first part opens a model', async () => {
    await expect(openWhole(await parts(), 'dir/m-00002-of-00003.gguf')).rejects.toThrow(
      'this is part 2 of 3 of a model, and its name says 2: open the first part',
    );
  });

  test('a part alone is refused', async () => {
    const bytes = (await parts()).get('dir/m-00001-of-00003.gguf')!;
    await expect(openGguf(memorySource(bytes))).rejects.toThrow('this is one of 3 parts of a model');
  });

  test('a whole file may have the name of a part', async () => {
    const files = new Map([['x-00001-of-00003.gguf', await part({ tensors: ['a'] })]]);
    expect((await openWhole(files, 'x-00001-of-00003.gguf')).tensors.size).toBe(1);
  });

  test('parts may be gzipped', async () => {
    const files = new Map([...(await parts())].map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]));
    const file = await openWhole(files, 'dir/m-00001-of-00003.gguf.gz');
    expect(file.tensors.size).toBe(3);
  });
});

describe('gzipped models', () => {
  const gunzipped = (bytes: Uint8Array) => wholeSource(memorySource(bytes, 'm.gguf.gz'));

  test('are unpacked, whatever the size', async () => {
    for (const size of [0, 1, 1024 * 1024, 3 * 1024 * 1024 + 7]) {
      const bytes = new Uint8Array(size).map((_, i) => Math.imul(i ^ (i >>> 9), 2654435761) >>> 13);
      const source = await gunzipped(gzipSync(bytes));
      const into = new Uint8Array(size);
      await source.read(0, into);
      expect(source.size).toBe(size);
      expect(Buffer.compare(into, bytes)).toBe(0);
      if (size > 1024) {
        const piece = new Uint8Array(100);
        await source.read(size - 1024 * 1024, piece);
        expect(piece).toEqual(bytes.slice(size - 1024 * 1024, size - 1024 * 1024 + 100));
        await expect(source.read(size - 50, piece)).rejects.toBeInstanceOf(GgufError);
      }
    }
  });

  test('a bomb is refused before it has grown', async () => {
    const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024));
    await expect(gunzipped(bomb)).rejects.toThrow(
      /unpacks to more than \d+ bytes; at most 64 times its size is allowed/,
    );
  });

  test('damage anywhere is noticed', async () => {
    const bytes = gzipSync(await part({ tensors: ['a', 'b', 'c'] }));
    for (let at = 10; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] ^= 1 << (at % 8);
      await expect(gunzipped(damaged), `byte ${at}`).rejects.toBeInstanceOf(GgufError);
    }
    for (let length = 18; length < bytes.length; length++) {
      await expect(gunzipped(bytes.subarray(0, length)), `${length} bytes`).rejects.toBeInstanceOf(GgufError);
    }
  });

  test('two members are refused', async () => {
    const member = gzipSync(await part({ tensors: ['a'] }));
    const both = new Uint8Array(2 * member.length);
    both.set(member);
    both.set(member, member.length);
    await expect(gunzipped(both)).rejects.toThrow('more than one member');
  });
});
