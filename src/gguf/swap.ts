/**
 * @file Brings the data of big-endian files into little-endian order, field by field of each block.
 */
import { GgufError } from './errors.ts';
import type { GgmlTypeName } from './ggml-types.ts';
import type { TensorInfo } from './reader.ts';

/** Fields of more than one byte in a block: `[byte offset, bytes of one number, how many]`. What is not named is bytes. */
const fields: Partial<Record<GgmlTypeName, readonly (readonly [at: number, bytes: 2 | 4 | 8, count: number])[]>> = {
  F32: [[0, 4, 1]],
  F16: [[0, 2, 1]],
  BF16: [[0, 2, 1]],
  F64: [[0, 8, 1]],
  I16: [[0, 2, 1]],
  I32: [[0, 4, 1]],
  I64: [[0, 8, 1]],
  Q4_0: [[0, 2, 1]],
  Q4_1: [[0, 2, 2]],
  Q5_0: [[0, 2, 1]],
  Q5_1: [[0, 2, 2]],
  Q8_0: [[0, 2, 1]],
  Q8_1: [[0, 2, 2]],
  Q2_K: [[80, 2, 2]],
  Q3_K: [[108, 2, 1]],
  Q4_K: [[0, 2, 2]],
  Q5_K: [[0, 2, 2]],
  Q6_K: [[208, 2, 1]],
  Q8_K: [
    [0, 4, 1],
    [260, 2, 16],
  ],
  IQ2_XXS: [[0, 2, 33]],
  IQ2_XS: [[0, 2, 33]],
  IQ2_S: [[0, 2, 1]],
  IQ3_XXS: [[0, 2, 1]],
  IQ3_S: [[0, 2, 1]],
  IQ1_S: [
    [0, 2, 1],
    [34, 2, 8],
  ],
  IQ4_NL: [[0, 2, 1]],
  IQ4_XS: [[0, 2, 2]],
  TQ1_0: [[52, 2, 1]],
  TQ2_0: [[64, 2, 1]],
  Q1_0: [[0, 2, 1]],
  Q2_0: [[0, 2, 1]],
};

/** Swaps whole blocks in place. */
export function swapToLittleEndian({ name, type }: TensorInfo, byteOffset: number, bytes: Uint8Array): void {
  const { blockBytes } = type;
  if (byteOffset % blockBytes !== 0 || bytes.length % blockBytes !== 0) {
    throw new GgufError(`a big-endian tensor is read in whole blocks of ${blockBytes} bytes`, { tensor: name });
  }
  for (const [at, width, count] of fields[type.name] ?? []) {
    for (let block = 0; block < bytes.length; block += blockBytes) {
      for (let i = 0; i < count; i++) {
        const start = block + at + i * width;
        bytes.subarray(start, start + width).reverse();
      }
    }
  }
}
