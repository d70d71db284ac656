/** @file The sizes that a kept plan has for the next batch of the same lengths. */
import { expect, it } from 'vitest';
import { LastSizes, type SizesOf, sizesOf } from '../../src/kernels/wasm/sizes.ts';
import { noStrips } from '../../src/kernels/wasm/strips.ts';
import { batchOf } from './graphs.ts';

const of = {
  kernels: {} as SizesOf['kernels'],
  todo: [],
  strips: noStrips,
  doubling: 64,
  byColumns: false,
  exact: false,
};

it('a batch has the sizes of the one before only if its lengths and the parts of the ranks are the same', () => {
  const last = new LastSizes();
  const two = { ...of, parts: [1, 1] };
  const first = batchOf([60, 4], 320);
  const sizes = last.of(first, two);
  expect(sizes).toEqual(sizesOf(first, two));
  expect(last.of(batchOf([60, 4], 320), two)).toBe(sizes);
  for (const [lengths, parts] of [
    [
      [4, 60],
      [1, 1],
    ],
    [
      [4, 60],
      [3, 1],
    ],
    [[4, 60], [1]],
    [[4, 60, 3], [1]],
    [[4, 60], [1]],
  ] as const) {
    const batch = batchOf(lengths, 320);
    expect(last.of(batch, { ...of, parts })).toEqual(sizesOf(batch, { ...of, parts }));
  }
  expect(sizesOf(batchOf([4, 60], 320), two)).not.toEqual(sizes);
});

it('lengths that the caller writes over are noticed', () => {
  const last = new LastSizes();
  const batch = batchOf([60, 4], 320);
  const sizes = last.of(batch, { ...of, parts: [1, 1] });
  batch.offsets.set([0, 4, 64]);
  expect(last.of(batch, { ...of, parts: [1, 1] })).not.toEqual(sizes);
});
