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
