/** @file Every codec: bit for bit against recorded values, through any alignment, on any bytes, with clear refusals. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type GgmlTypeName, ggmlTypes } from '../../src/gguf/ggml-types.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../fixtures/dequant/${name}`, import.meta.url)));
const index = JSON.parse(new TextDecoder().decode(fixture('index.json'))) as Record<GgmlTypeName, { n_values: number }>;
const recorded = Object.keys(index) as GgmlTypeName[];
const names = Object.keys(ggmlTypes) as GgmlTypeName[];

/** Bits of the values, with all NaNs made one. */
const bitsOf = (values: Float32Array) => new Uint32Array(values.map((v) => (Number.isNaN(v) ? NaN : v)).buffer);

/** `bytes` at an odd address. */
function misaligned(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length + 3).subarray(3);
  copy.set(bytes);
  return copy;
}

test('there is a codec for every type of the table', () => {
  expect(Object.keys(codecs).sort()).toEqual([...names].sort());
  for (const name of names) expect(codecs[name]?.type).toBe(ggmlTypes[name]);
});

describe.each(recorded)('%s', (name) => {
  test('gives the recorded values, bit for bit', () => {
    const { n_values: n } = index[name];
    const expected = new Uint32Array(fixture(`${name}.f32`).buffer);
    const got = new Float32Array(n);
    codecs[name].dequantize(misaligned(fixture(`${name}.bin`)), got, n);
    const bits = new Uint32Array(got.buffer);
    const wrong = bits.findIndex((b, i) => b !== expected[i]);
    expect(wrong, `first wrong value: ${got[wrong]} at ${wrong}`).toBe(-1);
    expect(expected.length).toBe(n);
  });
});

describe.each(names)('%s', (name) => {
  const codec = codecs[name];
  const { blockSize, blockBytes } = codec.type;

  test('decodes any bytes, with the same result at any alignment, and writes nothing else', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }).chain((nBlocks) => {
          const size = nBlocks * blockBytes;
          return fc.uint8Array({ minLength: size, maxLength: size, size: 'max' });
        }),
        (bytes) => {
          const n = (bytes.length / blockBytes) * blockSize;
          const guarded = new Float32Array(n + 2).fill(42);
          codec.dequantize(bytes, guarded.subarray(1, n + 1), n);
          const other = new Float32Array(n);
          codec.dequantize(misaligned(bytes), other, n);
          expect(guarded[0]).toBe(42);
          expect(guarded[n + 1]).toBe(42);
          expect(bitsOf(guarded.slice(1, n + 1))).toEqual(bitsOf(other));
          if (codec.type.blockSize > 1 && n >= 2 * blockSize) {
            const second = new Float32Array(blockSize);
            codec.dequantize(bytes.subarray(blockBytes), second, blockSize);
            expect(bitsOf(second)).toEqual(bitsOf(other.slice(blockSize, 2 * blockSize)));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('refuses part of a block and arrays that are too short', () => {
    const bytes = new Uint8Array(2 * blockBytes);
    const values = new Float32Array(2 * blockSize);
    expect(() => codec.dequantize(bytes, values, -1)).toThrow(RangeError);
    expect(() => codec.dequantize(bytes, values, Number.NaN)).toThrow(name);
    if (blockSize > 1) expect(() => codec.dequantize(bytes, values, blockSize + 1)).toThrow(`${name} blocks`);
    expect(() => codec.dequantize(bytes.subarray(1), values, 2 * blockSize)).toThrow(`got ${2 * blockBytes - 1}`);
    expect(() => codec.dequantize(bytes, values.subarray(1), 2 * blockSize)).toThrow('values do not fit');
    if (codec.quantize) {
      expect(() => codec.quantize!(values, bytes.subarray(1), 2 * blockSize)).toThrow(RangeError);
      expect(() => codec.quantize!(values.subarray(1), bytes, 2 * blockSize)).toThrow(RangeError);
    }
  });
});
