/** @file The tables behind the codecs, and the types for which there are no recorded values. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { GgmlTypeName } from '../../src/gguf/ggml-types.ts';
import { nvScale } from '../../src/tensor/codecs/fp4.ts';
import { codecs, evenSigns, type IqGridName, iqGrid } from '../../src/tensor/codecs/index.ts';

const sums: Record<IqGridName, string> = {
  IQ1: '07540ffc1aeaf6ad4d97e96b0fcc765aae39671d4ae4a27bbd0e796fde167c6a',
  IQ2_XXS: '05826b5d3e472a3a78f196be62ac78acf81df0f909626e12ab9fa2a5d490dd54',
  IQ2_XS: '06e47aaca60b4dc1d9b5a3f34540437058a6b142b4d7a59d5ded769b4d1bf1de',
  IQ2_S: 'e1aa1473412b0552c2174c30ef22ab4073f6a181b85a17056e8249bd2932fd88',
  IQ3_XXS: '46e35f5a997efdee6c99ce57854c8a0d4f0ff8ca57e5e8a60c0793ea580acf5d',
  IQ3_S: 'bd1af4945a1717c65610b0284e4628b9a1ba3b306fae3a06f6e5f597356e349f',
};

test.each(Object.entries(sums) as [IqGridName, string][])('the grid of %s is the one that ggml has', (name, sum) => {
  expect(
    createHash('sha256')
      .update(new Uint8Array(iqGrid(name).buffer))
      .digest('hex'),
  ).toBe(sum);
});

test('the eighth sign makes the number of signs even', () => {
  for (let seven = 0; seven < 128; seven++) {
    const signs = evenSigns(seven);
    expect(signs & 127).toBe(seven);
    expect(signs).toBeLessThan(256);
    const ones = signs.toString(2).replaceAll('0', '').length;
    expect(ones % 2).toBe(0);
  }
});

/** The values of `bytes` read as `type`. */
function decode(type: GgmlTypeName, bytes: ArrayBufferLike, n: number): number[] {
  const values = new Float32Array(n);
  codecs[type].dequantize(new Uint8Array(bytes), values, n);
  return [...values];
}

describe('plain types', () => {
  test('integers', () => {
    expect(decode('I8', Int8Array.of(-128, -1, 0, 127).buffer, 4)).toEqual([-128, -1, 0, 127]);
    expect(decode('I16', Int16Array.of(-32768, 32767).buffer, 2)).toEqual([-32768, 32767]);
    expect(decode('I32', Int32Array.of(-(2 ** 31), 16777217, 16777219).buffer, 3)).toEqual([
      -(2 ** 31),
      16777216,
      16777220,
    ]);
  });

  test('64-bit integers are rounded once', () => {
    const tie = (1n << 62n) + (1n << 38n);
    const values = [5n, -7n, tie, tie + 1n, -tie - 1n, tie - 1n, -(1n << 63n), (1n << 63n) - 1n];
    const step = 2 ** 39;
    expect(decode('I64', BigInt64Array.from(values).buffer, values.length)).toEqual([
      5,
      -7,
      2 ** 62,
      2 ** 62 + step,
      -(2 ** 62) - step,
      2 ** 62,
      -(2 ** 63),
      2 ** 63,
    ]);
  });

  test('doubles', () => {
    expect(decode('F64', Float64Array.of(0.1, -1e300, 1e-46, NaN).buffer, 4)).toEqual([
      Math.fround(0.1),
      -Infinity,
      0,
      NaN,
    ]);
  });

  test('F32 keeps every bit', () => {
    const bits = Uint32Array.of(0x7fa00001, 0x80000000, 1, 0xff800000);
    const values = new Float32Array(4);
    codecs.F32!.dequantize(new Uint8Array(bits.buffer), values, 4);
    expect([...new Uint32Array(values.buffer)]).toEqual([...bits]);
  });
});

describe('scales', () => {
  test('MXFP4 takes every exponent, the smallest and the largest too', () => {
    for (let e = 0; e < 256; e++) {
      const block = new Uint8Array(17).fill(0x22);
      block[0] = e;
      let expected = 1;
      for (let i = 127; i < e; i++) expected *= 2;
      for (let i = 127; i > e; i--) expected /= 2;
      expect(decode('MXFP4', block.buffer, 32)[5]).toBe(Math.fround(expected));
    }
  });

  test('NVFP4 scales are half of UE4M3, whose largest is 448', () => {
    expect(nvScale(0x7e)).toBe(224);
    expect(nvScale(0x7f)).toBe(0);
    expect(nvScale(1)).toBe(2 ** -10);
    expect(nvScale(0x38)).toBe(0.5);
    expect(nvScale(0xb8)).toBe(0.5);
  });

  test('Q8_1 and Q8_K', () => {
    const q8_1 = new Uint8Array(36);
    q8_1.set([0x00, 0x38, 0, 0, 0x80, 0x7f]);
    expect(decode('Q8_1', q8_1.buffer, 32).slice(0, 3)).toEqual([-64, 63.5, 0]);
    const q8_K = new Uint8Array(292);
    new DataView(q8_K.buffer).setFloat32(0, 0.1, true);
    q8_K[4 + 255] = 253;
    expect(decode('Q8_K', q8_K.buffer, 256)[255]).toBe(Math.fround(Math.fround(0.1) * -3));
  });
});
