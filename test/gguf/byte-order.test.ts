/**
 * @file Which bytes of a block change places in a big-endian file, written out by hand for a block of each kind.
 */
import { expect, test } from 'vitest';
import { swapBlocks } from '../../src/gguf/byte-order.ts';
import { type GgmlTypeName, ggmlTypes } from '../../src/gguf/index.ts';

/** Pairs of bytes that change places, as `[offset, width]` of the numbers they make up. */
const numbers: [GgmlTypeName, [offset: number, width: number][]][] = [
  ['F32', [[0, 4]]],
  ['F16', [[0, 2]]],
  ['BF16', [[0, 2]]],
  ['F64', [[0, 8]]],
  ['I8', []],
  ['I64', [[0, 8]]],
  ['Q4_0', [[0, 2]]],
  [
    'Q4_1',
    [
      [0, 2],
      [2, 2],
    ],
  ],
  ['Q8_0', [[0, 2]]],
  [
    'Q2_K',
    [
      [80, 2],
      [82, 2],
    ],
  ],
  ['Q3_K', [[108, 2]]],
  ['Q6_K', [[208, 2]]],
  ['Q8_K', [[0, 4], ...Array.from({ length: 16 }, (_, i): [number, number] => [260 + 2 * i, 2])]],
  ['IQ1_S', [[0, 2], ...Array.from({ length: 8 }, (_, i): [number, number] => [34 + 2 * i, 2])]],
  ['IQ1_M', []],
  ['IQ2_XS', Array.from({ length: 33 }, (_, i): [number, number] => [2 * i, 2])],
  [
    'IQ4_XS',
    [
      [0, 2],
      [2, 2],
    ],
  ],
  ['TQ1_0', [[52, 2]]],
  ['MXFP4', []],
];

test.each(numbers)('%s', (name, fields) => {
  const { blockBytes } = ggmlTypes[name];
  const bytes = Uint8Array.from({ length: 2 * blockBytes }, (_, i) => i * 7 + (i >> 8));
  const expected = [...bytes];
  for (const block of [0, blockBytes]) {
    for (const [offset, width] of fields) {
      const at = block + offset;
      expected.splice(at, width, ...[...bytes.subarray(at, at + width)].reverse());
    }
  }
  swapBlocks(ggmlTypes[name], bytes);
  expect([...bytes]).toEqual(expected);
});
