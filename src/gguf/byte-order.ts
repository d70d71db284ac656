/**
 * @file Byte order: big-endian files store every multi-byte number in reverse order, also inside ggml blocks.
 */
import type { GgmlType, GgmlTypeName } from './ggml-types.ts';

/** Whether this machine is little-endian (every platform that runs JavaScript is, except IBM Z). */
export const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A run of numbers inside a block: byte offset, bytes per number, count. */
type Fields = readonly (readonly [offset: number, width: 2 | 4 | 8, count: number])[];

const f16First: Fields = [[0, 2, 1]];
const twoF16First: Fields = [[0, 2, 2]];

/**
 * The multi-byte numbers in one block of each type, taken from the members of ggml's block structs. Bit fields that
 * the structs declare as bytes (`qh` of Q5_0, `scales` of IQ1_M) are bytes here, too.
 */
const fieldsOf: Readonly<Record<GgmlTypeName, Fields>> = {
  F32: [[0, 4, 1]],
  F16: f16First,
  BF16: f16First,
  F64: [[0, 8, 1]],
  I8: [],
  I16: [[0, 2, 1]],
  I32: [[0, 4, 1]],
  I64: [[0, 8, 1]],
  Q1_0: f16First,
  Q2_0: f16First,
  Q4_0: f16First,
  Q4_1: twoF16First,
  Q5_0: f16First,
  Q5_1: twoF16First,
  Q8_0: f16First,
  Q8_1: twoF16First,
  Q2_K: [[80, 2, 2]],
  Q3_K: [[108, 2, 1]],
  Q4_K: twoF16First,
  Q5_K: twoF16First,
  Q6_K: [[208, 2, 1]],
  Q8_K: [
    [0, 4, 1],
    [260, 2, 16],
  ],
  IQ1_S: [
    [0, 2, 1],
    [34, 2, 8],
  ],
  IQ1_M: [],
  IQ2_XXS: [[0, 2, 33]],
  IQ2_XS: [[0, 2, 33]],
  IQ2_S: f16First,
  IQ3_XXS: f16First,
  IQ3_S: f16First,
  IQ4_NL: f16First,
  IQ4_XS: twoF16First,
  TQ1_0: [[52, 2, 1]],
  TQ2_0: [[64, 2, 1]],
  MXFP4: [],
  NVFP4: [],
};

/** Reverses the bytes of every number in `bytes`, which holds whole blocks of `type`, in place. */
export function swapBlocks(type: GgmlType, bytes: Uint8Array): void {
  for (const [offset, width, count] of fieldsOf[type.name]) {
    if (width === type.blockBytes) swapNumbers(bytes, width);
    else {
      for (let block = offset; block < bytes.length; block += type.blockBytes) {
        swapNumbers(bytes.subarray(block, block + width * count), width);
      }
    }
  }
}

/** Reverses the bytes of every number of `width` bytes, in place. */
export function swapNumbers(bytes: Uint8Array, width: 1 | 2 | 4 | 8): void {
  if (width === 1) return;
  for (let at = 0; at < bytes.length; at += width) {
    for (let i = at, j = at + width - 1; i < j; i++, j--) {
      const first = bytes[i];
      bytes[i] = bytes[j];
      bytes[j] = first;
    }
  }
}
