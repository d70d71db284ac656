/** @file The encoders: at least as exact as llama-quantize on the same weights, and sane on any block. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GgmlTypeName, memorySource, openGguf, rowBytes } from '../../src/gguf/index.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';

const read = (path: string) => new Uint8Array(readFileSync(new URL(`../fixtures/${path}`, import.meta.url)));

function encode(type: GgmlTypeName, values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(rowBytes(codecs[type].type, values.length));
  codecs[type].quantize!(values, bytes, values.length);
  return bytes;
}

function decode(type: GgmlTypeName, bytes: Uint8Array, n: number): Float32Array {
  const values = new Float32Array(n);
  codecs[type].dequantize(bytes, values, n);
  return values;
}

const throughType = (type: GgmlTypeName, values: Float32Array) => decode(type, encode(type, values), values.length);

function squaredError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}

describe('against llama-quantize (its squared error on the same weights, recorded)', () => {
  type Recorded = { source: string; tensor: string; type: GgmlTypeName; squaredError: number };
  const recorded = JSON.parse(new TextDecoder().decode(read('convert/llama-quantize-errors.json'))) as Recorded[];

  /** Values of a tensor: of a whole model, or the first rows of one of all-MiniLM-L6-v2. */
  async function weights({ source, tensor }: Recorded): Promise<Float32Array> {
    if (source.endsWith('.f16')) {
      const bytes = read(`convert/${source}`);
      return decode('F16', bytes, bytes.length / 2);
    }
    const file = await openGguf(memorySource(read(`models/${source}`), source));
    const info = file.tensors.get(tensor)!;
    const bytes = new Uint8Array(info.byteLength);
    await file.readTensor(info, 0, bytes);
    return decode(info.type.name, bytes, info.shape[0] * info.shape[1]);
  }

  test.each(recorded)('$type of $tensor in $source', async (record) => {
    const values = await weights(record);
    expect(squaredError(values, throughType(record.type, values))).toBeLessThanOrEqual(record.squaredError);
  });
});

/** Writable types that lose something in blocks, with bits a value. */
const lossy = [
  ['Q8_0', 8],
  ['Q6_K', 6],
  ['Q5_K', 5],
  ['Q5_1', 5],
  ['Q5_0', 5],
  ['Q4_K', 4],
  ['Q4_1', 4],
  ['Q4_0', 4],
  ['IQ4_NL', 4],
] as const;

/** A block of any magnitude that half floats can scale, with some values much larger than others. */
const block = (n: number) =>
  fc
    .tuple(
      fc.integer({ min: -8, max: 14 }),
      fc.array(fc.integer({ min: -4096, max: 4096 }), { minLength: n, maxLength: n }),
    )
    .map(([exponent, values]) => Float32Array.from(values, (v) => (v / 4096) ** 3 * 2 ** exponent));

describe.each(lossy)('%s', (type, bits) => {
  const { blockSize } = codecs[type].type;

  test('stays near any block', () => {
    fc.assert(
      fc.property(block(blockSize), (values) => {
        const got = throughType(type, values);
        const range = 2 * values.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
        const step = range / (2 ** bits - 1);
        expect(Math.sqrt(squaredError(values, got) / blockSize)).toBeLessThanOrEqual(step * 0.6 + 2 ** -20);
      }),
      { numRuns: 200 },
    );
  });

  test('does not see its neighbours: a block is encoded the same wherever it stands', () => {
    fc.assert(
      fc.property(block(blockSize), block(blockSize), (first, second) => {
        const both = new Float32Array(2 * blockSize);
        both.set(first);
        both.set(second, blockSize);
        const { blockBytes } = codecs[type].type;
        expect(encode(type, both).subarray(blockBytes)).toEqual(encode(type, second));
      }),
      { numRuns: 40 },
    );
  });

  test('keeps zeros, and does not break on constants, single values and the largest half float', () => {
    const zeros = new Float32Array(blockSize);
    expect([...throughType(type, zeros)].every((v) => v === 0)).toBe(true);
    for (const value of [1, -1, 0.3, 65504, -65504, 1e-7, -1e-30]) {
      const constant = new Float32Array(blockSize).fill(value);
      const single = new Float32Array(blockSize);
      single[5] = value;
      for (const values of [constant, single]) {
        const got = throughType(type, values);
        const worst = got.reduce((max, v, i) => Math.max(max, Math.abs(v - values[i])), 0);
        expect(worst, `${value}`).toBeLessThanOrEqual(Math.abs(value) * 2 ** -bits + 2 ** -20);
      }
    }
  });

  test('loses next to nothing when it encodes what it has decoded', () => {
    const noise = Float32Array.from({ length: 16 * blockSize }, (_, i) => Math.sin(i * i) * Math.cos(7 * i) ** 3);
    const once = throughType(type, noise);
    const twice = throughType(type, once);
    expect(squaredError(once, twice)).toBeLessThanOrEqual(0.05 * squaredError(noise, once));
  });
});

test('plain types go both ways without loss', () => {
  const values = Float32Array.of(0, -0, 1.5, -65504, 2 ** -24, 0.333251953125, 2 ** -14, 1);
  for (const type of ['F32', 'F16'] as const) expect(throughType(type, values)).toEqual(values);
  const wide = Float32Array.of(1e38, -3.5, 2 ** -126, 0);
  expect(throughType('F32', wide)).toEqual(wide);
  expect(throughType('BF16', Float32Array.of(2 ** 100, -3.5, 2 ** -126, 0))).toEqual(
    Float32Array.of(2 ** 100, -3.5, 2 ** -126, 0),
  );
});
