/** @file The 16-bit floats, over all 65536 bit patterns and random float32 values. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../src/tensor/codecs/half.ts';

const all = Array.from({ length: 65536 }, (_, h) => h);
/** The failing members of `all`, so that 65536 cases cost one assertion. */
const failing = (holds: (h: number) => boolean) => all.filter((h) => !holds(h));

/** Binary16 by its definition: sign, exponent with bias 15, ten bits of mantissa. */
function f16ByDefinition(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const e = (h >> 10) & 31;
  const m = (h & 1023) / 1024;
  if (e === 31) return m === 0 ? sign * Infinity : NaN;
  return sign * (e === 0 ? m * 2 ** -14 : (1 + m) * 2 ** (e - 15));
}

describe('f16', () => {
  test('has the value that the definition gives, for all bit patterns', () => {
    expect(failing((h) => Object.is(f16ToF32(h), f16ByDefinition(h)))).toEqual([]);
  });

  test('survives the way to float32 and back; NaN stays NaN', () => {
    expect(failing((h) => Number.isNaN(f16ToF32(h)) || f32ToF16(f16ToF32(h)) === h)).toEqual([]);
    expect(failing((h) => !Number.isNaN(f16ToF32(h)) || Number.isNaN(f16ToF32(f32ToF16(f16ToF32(h)))))).toEqual([]);
  });

  test('rounds to nearest, ties to even', () => {
    for (let h = 0; h < 0x7bff; h++) {
      const low = f16ToF32(h);
      const high = f16ToF32(h + 1);
      const middle = (low + high) / 2;
      const even = h % 2 === 0 ? h : h + 1;
      const eps = (high - low) / 256;
      const got = [f32ToF16(middle - eps), f32ToF16(middle), f32ToF16(middle + eps), f32ToF16(-middle)];
      if (got.join() !== [h, even, h + 1, even | 0x8000].join()) expect.fail(`between ${low} and ${high}: ${got}`);
    }
    expect(f32ToF16(65519.996)).toBe(0x7bff);
    expect(f32ToF16(65520)).toBe(0x7c00);
    expect(f32ToF16(-Infinity)).toBe(0xfc00);
    expect(f32ToF16(2 ** -25)).toBe(0);
    expect(f32ToF16(-(2 ** -25) * 1.0001)).toBe(0x8001);
    expect(Object.is(f16ToF32(f32ToF16(-0)), -0)).toBe(true);
  });
});

describe('bf16', () => {
  test('survives the way to float32 and back, for all bit patterns; NaN stays NaN', () => {
    expect(failing((h) => Number.isNaN(bf16ToF32(h)) || f32ToBf16(bf16ToF32(h)) === h)).toEqual([]);
    expect(failing((h) => !Number.isNaN(bf16ToF32(h)) || Number.isNaN(bf16ToF32(f32ToBf16(bf16ToF32(h)))))).toEqual([]);
  });

  test('is the nearest one, the even one of two equally near', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true, max: 2 ** 126, min: -(2 ** 126) }), (x) => {
        const h = f32ToBf16(x);
        const away = (other: number) => Math.abs(bf16ToF32(other) - x);
        for (const other of [h - 1, h + 1]) {
          if ((other ^ h) & 0x8000 || other < 0 || other > 0xffff) continue;
          if (away(other) < away(h) || (away(other) === away(h) && h % 2 !== 0)) return false;
        }
        return Object.is(Math.sign(bf16ToF32(h)) * Math.sign(x) >= 0, true);
      }),
      { numRuns: 20_000 },
    );
  });
});
