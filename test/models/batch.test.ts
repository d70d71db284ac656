/** @file Packing inputs, with images and without, into one batch. */
import { describe, expect, it } from 'vitest';
import { type Input, type PackRules, packInputs } from '../../src/models/index.ts';

const image = (nx: number, ny: number, first = 0) => ({
  rows: Float32Array.from({ length: nx * ny * 2 }, (_, i) => first + i),
  nx,
  ny,
});
const rules: PackRules = { images: { width: 2, positions: 'grid' }, sees: 'causal', pools: 'text after images' };

describe('packInputs', () => {
  it('puts sequences end to end with positions from 0', () => {
    expect(packInputs([Int32Array.of(7, 8, 9), Int32Array.of(4)])).toEqual({
      ids: Int32Array.of(7, 8, 9, 4),
      positions: Int32Array.of(0, 1, 2, 0),
      offsets: Int32Array.of(0, 3, 4),
    });
  });

  it('knows the second texts of pairs', () => {
    expect(packInputs([Int32Array.of(1, 2, 3), [Int32Array.of(4, 5)]], [1, undefined]).types).toEqual(
      Int32Array.of(0, 1, 1, 0, 0),
    );
  });

  it('puts images on a grid and continues behind their larger side', () => {
    const inputs: Input[] = [[Int32Array.of(5, 6), image(3, 2), Int32Array.of(7)], Int32Array.of(8, 9)];
    const batch = packInputs(inputs, [], rules);
    expect(batch.ids).toEqual(Int32Array.of(5, 6, 0, 0, 0, 0, 0, 0, 7, 8, 9));
    expect(batch.positions).toEqual(Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1));
    expect(batch.offsets).toEqual(Int32Array.of(0, 9, 11));
    expect(batch.given?.at).toEqual(Int32Array.of(-1, -1, 0, 1, 2, 3, 4, 5, -1, -1, -1));
    expect([...(batch.given?.values ?? [])]).toEqual(Array.from({ length: 12 }, (_, i) => i));
    const at = (t: number) => [...(batch.coordinates ?? []).slice(4 * t, 4 * t + 4)];
    expect([0, 1, 2, 4, 5, 7, 8, 9, 10].map(at)).toEqual([
      [0, 0, 0, 0],
      [1, 1, 1, 0],
      [2, 2, 2, 0],
      [2, 2, 4, 0],
      [2, 3, 2, 0],
      [2, 3, 4, 0],
      [5, 5, 5, 0],
      [0, 0, 0, 0],
      [1, 1, 1, 0],
    ]);
    expect(batch.poolFrom).toEqual(Int32Array.of(8, 9));
    expect(batch.ahead).toBeUndefined();
  });

  it('lets the tokens of an image see all of it', () => {
    const inputs: Input[] = [[Int32Array.of(5), image(2, 2), Int32Array.of(7)]];
    const batch = packInputs(inputs, [], {
      ...rules,
      images: { width: 2, positions: 'sequence' },
      sees: 'image',
      pools: 'whole',
    });
    expect(batch.ahead).toEqual(Int32Array.of(0, 3, 2, 1, 0, 0));
    expect(batch.coordinates).toBeUndefined();
    expect(batch.poolFrom).toBeUndefined();
  });

  it('pools all texts behind the last image, and the image where no text is', () => {
    const text = Int32Array.of(1);
    const poolFrom = (input: Input) => packInputs([input], [], rules).poolFrom;
    expect(poolFrom([text, image(1, 1), text, text, new Int32Array(0)])).toEqual(Int32Array.of(2));
    expect(poolFrom([image(1, 1), text, image(1, 2), new Int32Array(0), text])).toEqual(Int32Array.of(4));
    expect(poolFrom([text, text, image(1, 1)])).toEqual(Int32Array.of(0));
  });

  it('refuses rows of another width', () => {
    expect(() => packInputs([[image(2, 2)]], [], { ...rules, images: { width: 3, positions: 'grid' } })).toThrow(
      'an image of 2x2 tokens has 8 values, not rows of 3',
    );
    expect(() => packInputs([[image(2, 2)]])).toThrow('inputs with images');
  });
});
