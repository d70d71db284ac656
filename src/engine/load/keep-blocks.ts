/**
 * @file Decides whether weights stay in the blocks of their files or are unpacked when they are loaded, which is faster for short texts and takes
 * more memory.
 */
import type { GgufFile } from '../../gguf/index.ts';
import { nElements } from '../../gguf/shape.ts';
import type { Precision } from '../../tensor/backend.ts';

/** Weights that take more bytes than this unpacked stay in blocks: WebAssembly memory ends at 4 GiB. */
const MAX_UNPACKED = 2 ** 30;

/** From this many bytes of weights on, those that would take `MAX_GROWTH` times as much unpacked stay in blocks. */
const LARGE = 500e6;
const MAX_GROWTH = 1.25;

type Weights = readonly Pick<GgufFile, 'tensors'>[];

/** Whether the weights of a model stay in the blocks of its files, unless an option says otherwise. */
export function keepsBlocks(files: Weights, precision: Precision): boolean {
  const unpacked = unpackedBytes(files, precision);
  if (unpacked > MAX_UNPACKED) return true;
  const stored = weightBytes(files);
  // `fast` unpacks low-bit weights to less than two bytes.
  return precision !== 'fast' && stored > LARGE && unpacked > MAX_GROWTH * stored;
}

/** Bytes of all weights in blocks, each weight rounded up to a cache line. */
export function weightBytes(files: Weights): number {
  let bytes = 0;
  for (const { tensors } of files) {
    for (const { byteLength } of tensors.values()) bytes += Math.ceil(byteLength / 64) * 64;
  }
  return bytes;
}

/** Bytes that the wasm backend would need for the unpacked weights: four for each value in `exact`, else two, and for Q8_0 those of the file. */
function unpackedBytes(files: Weights, precision: Precision): number {
  let bytes = 0;
  for (const { tensors } of files) {
    for (const { shape, type, byteLength } of tensors.values()) {
      if (precision === 'exact') bytes += nElements(shape) * 4;
      else bytes += type.name === 'Q8_0' ? byteLength : nElements(shape) * 2;
    }
  }
  return bytes;
}
