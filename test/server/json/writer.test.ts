import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonWriter } from '../../../src/server/json/writer.ts';

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const floats = (values: ArrayLike<number>) => decode(new JsonWriter().floats(Float32Array.from(values)).finish());

describe('JsonWriter', () => {
  it('writes any finite float32 so that it reads back as the same bits', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true })), (values) => {
        const text = floats(values);
        const back = Float32Array.from(JSON.parse(text) as number[]);
        expect(new Uint32Array(back.buffer)).toEqual(new Uint32Array(Float32Array.from(values).buffer));
      }),
      { numRuns: 2000 },
    );
  });

  it('reads back over all binary exponents and many mantissas', () => {
    const bits = new Uint32Array(254 * 40);
    for (let exponent = 0, i = 0, seed = 1; exponent < 254; exponent++) {
      for (let k = 0; k < 40; k++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        bits[i++] = ((exponent << 23) | (seed >>> 9) | (k % 2 === 0 ? 0 : 0x80000000)) >>> 0;
      }
    }
    const values = new Float32Array(bits.buffer);
    const back = Float32Array.from(JSON.parse(floats(values)) as number[]);
    expect(new Uint32Array(back.buffer)).toEqual(bits);
  });

  it('always writes a point or an exponent, short decimals, and null for values that are not finite', () => {
    expect(floats([0, -0, 1, -1, 0.1, 0.25, 123456, 1e-4, 9999999, 1e7, 1e21, 1e-8, 0.0078125])).toBe(
      '[0.0,-0.0,1.0,-1.0,0.1,0.25,123456.0,0.0001,9999999.0,10000000.0,1e+21,1e-8,0.0078125]',
    );
    expect(floats([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe('[null,null,null]');
    expect(floats([])).toBe('[]');
  });

  it('writes the first of 7, 8 and 9 digits that reads back, at all magnitudes without an exponent', () => {
    const bits = new Uint32Array(48 * 60);
    for (let exponent = 103, i = 0, seed = 7; exponent < 151; exponent++) {
      for (let k = 0; k < 60; k++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        const mantissa = k === 0 ? 0 : k === 1 ? 0x7fffff : seed >>> 9;
        bits[i++] = ((exponent << 23) | mantissa | (k % 2 === 0 ? 0 : 0x80000000)) >>> 0;
      }
    }
    const around = [-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7].flatMap((power) => {
      const at = new Uint32Array(Float32Array.of(10 ** power).buffer)[0];
      return Array.from(new Float32Array(Uint32Array.of(at - 1, at, at + 1).buffer));
    });
    for (const value of [...new Float32Array(bits.buffer), ...around]) {
      const text = floats([value]).slice(1, -1);
      const shortest = [7, 8, 9].map((n) => Number(value.toPrecision(n))).find((x) => Math.fround(x) === value);
      expect([value, Number(text)]).toEqual([value, shortest]);
      if (Math.abs(value) >= 1e-7 && Math.abs(value) < 1e7) expect(text).toMatch(/^-?(0|[1-9]\d*)\.(0|\d*[1-9])$/);
    }
  });

  it('uses at most 9 digits', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const digits = floats([value]).replace(/e.*/, '').replaceAll(/\D/g, '').replace(/^0+/, '').replace(/0+$/, '');
        expect(digits.length).toBeLessThanOrEqual(9);
      }),
    );
  });

  it('writes the same base64 as Buffer, also from a view that is not aligned to three bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.float()), (values) => {
        const vector = Float32Array.from(values);
        const expected = Buffer.from(vector.buffer).toString('base64');
        expect(decode(new JsonWriter().base64(vector).finish())).toBe(`"${expected}"`);
      }),
    );
    for (const n of [0, 1, 2, 3, 4]) {
      const bytes = Uint8Array.from({ length: n }, (_, i) => 250 + i);
      expect(decode(new JsonWriter().base64(bytes).finish())).toBe(`"${Buffer.from(bytes).toString('base64')}"`);
    }
  });

  it('shares no memory between writers that take turns, or with what they have written', () => {
    const first = new JsonWriter().raw('[1');
    const second = new JsonWriter().raw('[2');
    const one = first.raw(',1]').finish();
    const third = new JsonWriter().raw('[3');
    const two = second.raw(',2]').finish();
    const fourth = new JsonWriter().floats(Float32Array.of(4, 4));
    const long = new JsonWriter().floats(new Float32Array(5000).fill(0.5));
    const three = third.raw(',3]').finish();
    const results = [one, two, three, fourth.finish(), new JsonWriter().raw('[5,5]').finish()].map(decode);
    expect(results).toEqual(['[1,1]', '[2,2]', '[3,3]', '[4.0,4.0]', '[5,5]']);
    expect(decode(long.finish())).toBe(`[${new Array(5000).fill('0.5').join(',')}]`);
  });

  it('keeps text, values and numbers in order and grows', () => {
    const writer = new JsonWriter().raw('{"a":').value('ü"').raw(',"b":').float(0.5).raw('}');
    expect(decode(writer.finish())).toBe('{"a":"ü\\"","b":0.5}');
    const long = 'é'.repeat(5000);
    expect(decode(new JsonWriter().value(long).finish())).toBe(JSON.stringify(long));
  });
});
