/**
 * @file How far tensors are apart that have NaN or infinities.
 */
import { expect, it } from 'vitest';
import { diffFiles } from '../../src/audit/diff/diff-files.ts';
import { edited } from '../models/edit.ts';

const name = 'blk.0.ffn_down.bias';
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** `bert-mean` with a bias that begins with values, and is zero behind them. */
const withBias = (values: readonly number[]) =>
  edited('bert-mean', ({ setFloats }) => {
    const all = new Float32Array(64);
    all.set(values);
    setFloats(name, [64], all);
  });

it.each([
  ['NaN in one file', [3, nan, 4], [3, 1, 4], nan, nan],
  ['NaN in the other file', [3, 1, 4], [3, nan, 2], nan, nan],
  ['an infinity in one file', [3, -inf, 4], [3, 1, 4], inf, inf],
  ['an infinity in the other file', [3, 1, 4], [3, inf, 4], inf, inf],
  ['a value beside NaN and an infinity of both', [3, nan, -inf, 4], [3, nan, -inf, 5], 1, 1 / 5],
])('measures %s', async (_, first, second, largest, error) => {
  const found = await diffFiles(await withBias(first), await withBias(second));
  expect(found.tensors).toMatchObject([{ name, largest, error }]);
  expect(found.types).toMatchObject([{ nTensors: 1, largest, error }]);
});
