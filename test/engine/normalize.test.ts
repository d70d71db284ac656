import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finish, normalize } from '../../src/engine/outputs/normalize.ts';
import { floats } from '../vectors.ts';
import { recorded } from './support.ts';

const { normalize: recordedNorms } = recorded<{ normalize: { results: Record<string, string> } }>('embed/bert-mean');
const raw = () => floats(recordedNorms.results['-1']);

describe('normalize', () => {
  it.each(Object.keys(recordedNorms.results))('gives the bits of llama.cpp for embd_normalize %s', (p) => {
    const x = raw();
    normalize(x, Number(p));
    expect(x).toEqual(floats(recordedNorms.results[p]));
  });

  it.each([0, 1, 2, 3, -2])('makes zeros of a zero vector (%i)', (p) => {
    const x = new Float32Array(4);
    normalize(x, p);
    expect(x).toEqual(new Float32Array(4));
  });

  it('makes NaN of a vector with a NaN or an infinity', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const x = Float32Array.of(1, value, 2);
      normalize(x, 2);
      expect(x).toEqual(new Float32Array(3).fill(Number.NaN));
    }
  });

  it.each([
    [2, 1e20],
    [400, 1e3],
  ])('refuses the norm %i of values as large as %d instead of making zeros of them', (p, value) => {
    expect(() => normalize(Float32Array.of(value, 1), p)).toThrow(`too large a number to normalise with ${p}`);
  });

  it('is euclidean length 1 for any vector that has a length', () => {
    const value = fc.float({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.float32Array({ minLength: 1, maxLength: 64, min: -1e6, max: 1e6, noNaN: true }), value, (x, y) => {
        x[0] = Math.abs(y) < 1e-3 ? 1 : y;
        normalize(x, 2);
        expect(Math.hypot(...x)).toBeCloseTo(1, 5);
      }),
    );
  });
});

describe('finish', () => {
  it('cuts before it normalises, row by row', () => {
    const rows = Float32Array.of(3, 4, 12, 0, 2, 9);
    expect(finish(rows, 3, 2, 2)).toEqual(Float32Array.of(3 * Math.fround(0.2), 4 * Math.fround(0.2), 0, 1));
  });

  it('fills up with zeros', () => {
    expect(finish(Float32Array.of(0, 2), 2, 4, 2)).toEqual(Float32Array.of(0, 1, 0, 0));
  });

  it('leaves the values alone for -1', () => {
    expect(finish(raw(), 64, 64, -1)).toEqual(raw());
  });
});
