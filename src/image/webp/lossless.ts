/**
 * @file Lossless WebP (VP8L).
 */
import { damaged } from '../errors.ts';
import type { ImageHeader } from '../pixels.ts';
import { LowBits } from './lossless-codes.ts';
import { areasOf, readPixels } from './lossless-pixels.ts';
import {
  addPixels,
  type Inverse,
  undoColors,
  undoPalette,
  undoPrediction,
  undoSubtractGreen,
} from './lossless-transforms.ts';

/** The size in the header of a VP8L chunk. */
export function readLosslessHeader(chunk: Uint8Array): ImageHeader {
  return startOf(chunk).size;
}

function startOf(chunk: Uint8Array): { bits: LowBits; size: ImageHeader } {
  const bits = new LowBits(chunk);
  if (bits.read(8) !== 0x2f) throw damaged('the lossless part of the WebP file does not begin with its signature');
  const size = { width: bits.read(14) + 1, height: bits.read(14) + 1 };
  bits.read(1);
  if (bits.read(3) !== 0) throw damaged('the lossless part of the WebP file has an unknown version');
  return { bits, size };
}

/** @returns ARGB pixels */
export function decodeLossless(chunk: Uint8Array): Uint32Array {
  const { bits, size } = startOf(chunk);
  return decodeTransformed(bits, size.width, size.height);
}

/** Decodes pixels without a header, as alpha channels store them. */
export function decodeHeaderless(bytes: Uint8Array, { width, height }: ImageHeader): Uint32Array {
  return decodeTransformed(new LowBits(bytes), width, height);
}

const [PREDICTION, COLORS, SUBTRACT_GREEN] = [0, 1, 2];

function decodeTransformed(bits: LowBits, width: number, height: number): Uint32Array {
  const inverses: Inverse[] = [];
  let seen = 0;
  let packedWidth = width;
  while (bits.read(1)) {
    const type = bits.read(2);
    if (seen & (1 << type)) throw damaged('the WebP file has a transform twice');
    seen |= 1 << type;
    if (type === PREDICTION || type === COLORS) {
      const areaBits = 2 + bits.read(3);
      const areas = readPixels(bits, areasOf(packedWidth, areaBits), areasOf(height, areaBits), false);
      inverses.unshift((type === PREDICTION ? undoPrediction : undoColors)(packedWidth, areas, areaBits));
    } else if (type === SUBTRACT_GREEN) inverses.unshift(undoSubtractGreen);
    else {
      const nColors = bits.read(8) + 1;
      const palette = readPixels(bits, nColors, 1, false);
      for (let i = 1; i < nColors; i++) palette[i] = addPixels(palette[i], palette[i - 1]);
      const packing = nColors <= 2 ? 3 : nColors <= 4 ? 2 : nColors <= 16 ? 1 : 0;
      inverses.unshift(undoPalette(packedWidth, height, palette, packing));
      packedWidth = areasOf(packedWidth, packing);
    }
  }
  let pixels = readPixels(bits, packedWidth, height, true);
  for (const inverse of inverses) pixels = inverse(pixels);
  return pixels;
}
