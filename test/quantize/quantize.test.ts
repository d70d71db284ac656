/** @file Whole files: what is written, what is refused, and that nothing half-written stays. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import {
  GgufError,
  type GgufFile,
  GgufWriter,
  ggmlTypes,
  memorySink,
  memorySource,
  nElements,
  openGguf,
} from '../../src/gguf/index.ts';
import { quantizeFile } from '../../src/quantize/file.node.ts';
import { type QuantizeProgress, quantize } from '../../src/quantize/quantize.ts';
import { type TargetTypeName, targetTypes } from '../../src/quantize/types.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';

const path = (name: string) => new URL(`../fixtures/models/${name}`, import.meta.url).pathname;
const open = (bytes: Uint8Array, name = 'model') => openGguf(memorySource(bytes, name));
const source = () => open(new Uint8Array(readFileSync(path('bert-q.gguf'))), 'bert-q.gguf');

async function quantized(file: GgufFile, type: TargetTypeName, options = {}): Promise<Uint8Array<ArrayBuffer>> {
  const sink = memorySink();
  await quantize(file, sink, type, options);
  return sink.bytes();
}

async function values(file: GgufFile, name: string): Promise<Float32Array> {
  const info = file.tensors.get(name)!;
  const bytes = new Uint8Array(info.byteLength);
  await file.readTensor(info, 0, bytes);
  const out = new Float32Array(nElements(info.shape));
  codecs[info.type.name].dequantize(bytes, out, out.length);
  return out;
}

describe('files equal to those of llama-quantize, byte for byte', () => {
  test.each([
    ['F16', '6c4d1a182b2d02c1f60efe6cb794c9afdd475695fbe4600701b37ea871d08d4f'],
    ['BF16', 'ceb57d169018ae830630c4a521dbfe66877ba8736aefabcb1d0438994603d394'],
  ] as const)('%s', async (type, sum) => {
    const bytes = await quantized(await source(), type);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sum);
  });
});

test.each(targetTypes.map(({ name, id }) => [name, id] as const))(
  '%s: metadata kept, every tensor near its source',
  async (name, id) => {
    const before = await source();
    const after = await open(await quantized(before, name));
    expect(after.metadata.u32('general.file_type')).toBe(id);
    expect(after.metadata.u32('general.quantization_version')).toBe(2);
    const unchanged = [...before.metadata.keys()].filter((key) => !/file_type|quantization_version/.test(key));
    for (const key of unchanged) expect(after.metadata.typed(key)).toEqual(before.metadata.typed(key));
    expect([...after.tensors.keys()].sort()).toEqual([...before.tensors.keys()].sort());
    for (const info of before.tensors.values()) {
      expect(after.tensors.get(info.name)!.shape).toEqual(info.shape);
      const [x, y] = [await values(before, info.name), await values(after, info.name)];
      if (after.tensors.get(info.name)!.type === info.type) {
        expect(Buffer.compare(new Uint8Array(y.buffer), new Uint8Array(x.buffer)), info.name).toBe(0);
      }
      const error = x.reduce((sum, v, i) => sum + (v - y[i]) ** 2, 0) / x.reduce((sum, v) => sum + v * v, 0);
      expect(error, info.name).toBeLessThan(0.008);
    }
  },
);

test('a tensor of 2¹⁷ values, which is more than one piece, is the same as one converted at once', async () => {
  const before = await source();
  const after = await open(await quantized(before, 'Q4_0', { pure: true }));
  for (const name of ['token_embd.weight', 'blk.0.ffn_down.weight']) {
    const x = await values(before, name);
    expect(x.length).toBe(2 ** 17);
    const bytes = new Uint8Array((x.length / 32) * 18);
    codecs.Q4_0!.quantize!(x, bytes, x.length);
    const written = new Uint8Array(bytes.length);
    await after.readTensor(after.tensors.get(name)!, 0, written);
    expect(Buffer.compare(written, bytes)).toBe(0);
  }
});

test('no more than a quarter of a megabyte is read or written at once', async () => {
  const file = await source();
  let largest = 0;
  const watched: GgufFile = {
    ...file,
    readTensor: (info, byteOffset, into) => {
      largest = Math.max(largest, into.length);
      return file.readTensor(info, byteOffset, into);
    },
  };
  const sink = { write: async (bytes: Uint8Array) => void (largest = Math.max(largest, bytes.length)) };
  await quantize(watched, sink, 'Q8_0');
  expect(largest).toBe(2 ** 18);
});

describe('a file that is quantised already', () => {
  test('is refused, with the tensor and what to do, unless that is allowed', async () => {
    const q8 = await open(await quantized(await source(), 'Q8_0'), 'q8.gguf');
    await expect(quantized(q8, 'Q4_0')).rejects.toThrow(
      /q8\.gguf: tensor .*\.weight: it is already Q8_0.*allow requantising/,
    );
    const q4 = await open(await quantized(q8, 'Q4_0', { allowRequantize: true }));
    expect(q4.tensors.get('blk.0.attn_q.weight')!.type.name).toBe('Q4_0');
  });

  test('may be copied into the type that it has', async () => {
    const q8 = await quantized(await source(), 'Q8_0');
    expect(Buffer.compare(await quantized(await open(q8), 'Q8_0'), q8)).toBe(0);
  });
});

describe('metadata of split files', () => {
  test('is dropped', async () => {
    const sink = memorySink();
    const writer = new GgufWriter(sink);
    writer.set('general.architecture', { type: 'string', value: 'bert' });
    writer.set('bert.block_count', { type: 'uint32', value: 1 });
    writer.set('split.count', { type: 'uint16', value: 1 });
    await writer.writeHeader();
    writer.finish();
    expect((await open(await quantized(await open(sink.bytes()), 'Q8_0'))).metadata.has('split.count')).toBe(false);
  });
});

/** A model of one matrix `[32, 2]` and one norm, with these first values. */
async function tiny(first: number, norm = 1): Promise<GgufFile> {
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  writer.set('general.architecture', { type: 'string', value: 'bert' });
  writer.set('bert.block_count', { type: 'uint32', value: 1 });
  writer.addTensor('blk.0.ffn_up.weight', ggmlTypes.F32, [32, 2]);
  writer.addTensor('output_norm.weight', ggmlTypes.F32, [1]);
  await writer.writeHeader();
  const matrix = new Float32Array(64).fill(0.5);
  matrix[33] = first;
  await writer.writeTensor('blk.0.ffn_up.weight', [new Uint8Array(matrix.buffer)]);
  await writer.writeTensor('output_norm.weight', [new Uint8Array(Float32Array.of(norm).buffer)]);
  writer.finish();
  return open(sink.bytes(), 'tiny');
}

describe('values that cannot be kept', () => {
  test.each([NaN, Infinity, -Infinity])(
    '%s is refused by every type, also in tensors that are copied',
    async (value) => {
      for (const { name } of targetTypes) {
        await expect(quantized(await tiny(value), name)).rejects.toThrow(
          `tensor blk.0.ffn_up.weight: value 33 is ${value}`,
        );
      }
      await expect(quantized(await tiny(1, value), 'Q8_0')).rejects.toThrow(
        `tensor output_norm.weight: value 0 is ${value}`,
      );
    },
  );

  test('values beyond half floats only fit F32 and BF16', async () => {
    await expect(quantized(await tiny(70000), 'Q4_0')).rejects.toThrow('Q4_0 holds values up to 65504');
    await expect(quantized(await tiny(-70000), 'F16')).rejects.toThrow('value 33 is -70000');
    expect((await values(await open(await quantized(await tiny(70000), 'F32')), 'blk.0.ffn_up.weight'))[33]).toBe(
      70000,
    );
    await expect(quantized(await tiny(3.4e38), 'BF16')).rejects.toThrow('BF16 holds values up to 3.38953138');
    const [least, most] = [(2 - 2 ** -8) * 2 ** 127, (2 - 2 ** -7) * 2 ** 127];
    await expect(quantized(await tiny(-least), 'BF16')).rejects.toThrow('F32 holds larger ones');
    const below = least * (1 - 2 ** -24);
    expect((await values(await open(await quantized(await tiny(below), 'BF16')), 'blk.0.ffn_up.weight'))[33]).toBe(
      most,
    );
    expect((await values(await open(await quantized(await tiny(65536), 'BF16')), 'blk.0.ffn_up.weight'))[33]).toBe(
      65536,
    );
  });
});

test('an unknown type is named with those there are', async () => {
  await expect(quantized(await tiny(1), 'Q9_9' as TargetTypeName)).rejects.toThrow(/Q9_9 is not one of F32, .*Q4_0/);
});

describe('files on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quantize-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const output = join(folder, 'out.gguf');

  test('progress reaches the end, and the file appears', async () => {
    const seen: QuantizeProgress[] = [];
    const plan = await quantizeFile(path('bert-q.gguf'), output, 'Q4_K_S', {
      onProgress: (progress) => seen.push(progress),
    });
    expect(readdirSync(folder)).toEqual(['out.gguf']);
    const last = seen.at(-1)!;
    expect(last.bytes).toBe(last.totalBytes);
    expect(last.index).toBe(plan.length - 1);
    expect(seen.map(({ bytes }) => bytes)).toEqual(seen.map(({ bytes }) => bytes).sort((a, b) => a - b));
    const file = await open(new Uint8Array(readFileSync(output)));
    expect([...file.tensors.values()].map(({ name, type }) => [name, type.name])).toEqual(
      plan.map(({ info, type }) => [info.name, type.name]),
    );
  });

  test('an abort leaves nothing new and keeps what was there', async () => {
    writeFileSync(output, 'old');
    const abort = new AbortController();
    const onProgress = ({ index }: QuantizeProgress) => {
      if (index === 3) abort.abort(new Error('enough'));
    };
    const running = quantizeFile(path('bert-q.gguf'), output, 'Q8_0', { onProgress, signal: abort.signal });
    await expect(running).rejects.toThrow('enough');
    expect(readdirSync(folder)).toEqual(['out.gguf']);
    expect(readFileSync(output, 'utf8')).toBe('old');
  });

  test('a failure in the middle leaves nothing new', async () => {
    const broken = join(folder, 'broken.gguf');
    const bytes = readFileSync(path('bert-q.gguf'));
    const info = (await source()).tensors.get('blk.0.ffn_up.weight')!;
    bytes.writeFloatLE(NaN, info.offset + 40);
    writeFileSync(broken, bytes);
    await expect(quantizeFile(broken, join(folder, 'new.gguf'), 'Q8_0')).rejects.toThrow(GgufError);
    expect(readdirSync(folder).sort()).toEqual(['broken.gguf', 'out.gguf']);
  });

  test('a gzipped model is taken as it is', async () => {
    const packed = join(folder, 'packed.gguf.gz');
    writeFileSync(packed, gzipSync(readFileSync(path('bert-q.gguf')), { level: 1 }));
    await quantizeFile(packed, output, 'BF16');
    expect(Buffer.compare(readFileSync(output), await quantized(await source(), 'BF16'))).toBe(0);
  });

  test('a file is not replaced by itself, nor through a link', async () => {
    const bytes = readFileSync(path('bert-q.gguf'));
    const link = join(folder, 'link.gguf');
    writeFileSync(output, bytes);
    symlinkSync(output, link);
    for (const [from, to] of [
      [output, output],
      [output, link],
      [link, output],
    ]) {
      await expect(quantizeFile(from, to, 'F16')).rejects.toThrow(/gguf: is also an input file/);
    }
    expect(Buffer.compare(readFileSync(output), bytes)).toBe(0);
  });

  test('a missing input and a missing folder are named', async () => {
    await expect(quantizeFile(join(folder, 'none.gguf'), output, 'F16')).rejects.toThrow(/none\.gguf.*does not exist/);
    const nowhere = join(folder, 'no', 'out.gguf');
    await expect(quantizeFile(path('bert-q.gguf'), nowhere, 'F16')).rejects.toThrow(/out\.gguf.*cannot write the file/);
  });
});
