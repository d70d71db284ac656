/** @file Batches as integers in shared memory: what is written is read, and what does not belong there is refused. */
import { expect, it } from 'vitest';
import { readForward, writeForward } from '../../src/engine/team/shared-batch.ts';
import type { Batch } from '../../src/tensor/batch.ts';

const batch: Batch = {
  ids: Int32Array.of(5, 6, 7, 8, 9),
  positions: Int32Array.of(0, 1, 2, 0, 1),
  offsets: Int32Array.of(0, 3, 5),
};
const types = Int32Array.of(0, 0, 1, 0, 1);
const seen = Int32Array.of(2, 1);

it.each<[string, Batch]>([
  ['a plain batch', batch],
  ['with token types', { ...batch, types }],
  ['with tokens that nobody sees', { ...batch, seen }],
  ['with both', { ...batch, types, seen }],
  ['with absent parts', { ...batch, types: undefined, adapters: undefined }],
])('%s', (_, given) => {
  const memory = new Int32Array(new SharedArrayBuffer(400));
  const forward = { batch: given, pooling: 'mean', team: 2, alone: false } as const;
  expect(writeForward(forward, memory)).toBe(true);
  const read = readForward(memory);
  expect(read).toEqual(forward);
  // The memory is written again while the batch is in use.
  memory.fill(-1);
  expect(read).toEqual(forward);
});

it.each<[string, Partial<Batch>]>([
  ['rows of images', { given: { values: new Float32Array(3), width: 3, at: new Int32Array(5) } }],
  ['scales of adapters', { adapters: [1] }],
  ['where pooling begins', { poolFrom: Int32Array.of(1, 3) }],
  ['coordinates', { coordinates: new Int32Array(20) }],
  ['mixtures', { mixture: [] }],
])('leaves %s to messages', (_, part) => {
  expect(
    writeForward({ batch: { ...batch, ...part }, pooling: 'cls', team: 1, alone: false }, new Int32Array(100)),
  ).toBe(false);
});

it('tells whether a worker computes it alone', () => {
  const memory = new Int32Array(100);
  for (const alone of [true, false]) {
    writeForward({ batch: { ...batch, types, seen }, pooling: 'mean', team: 1, alone }, memory);
    expect(readForward(memory)).toMatchObject({ batch: { types, seen }, alone });
  }
});

it('leaves what does not fit to messages', () => {
  const nWords = 5 + 'vocabulary'.length + 5 + 5 + 3;
  expect(writeForward({ batch, pooling: 'vocabulary', team: 1, alone: true }, new Int32Array(nWords))).toBe(true);
  expect(writeForward({ batch, pooling: 'vocabulary', team: 1, alone: true }, new Int32Array(nWords - 1))).toBe(false);
});
