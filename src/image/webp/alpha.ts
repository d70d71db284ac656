/**
 * @file The alpha channel that lossy WebP stores beside its colours.
 */

import { endsEarly } from '../byte-reader.ts';
import { damaged } from '../errors.ts';
import type { ImageHeader } from '../pixels.ts';
import { decodeHeaderless } from './lossless.ts';

const [UNPACKED, LOSSLESS] = [0, 1];
const [HORIZONTAL, VERTICAL, GRADIENT] = [1, 2, 3];

/** @param chunk content of an ALPH chunk */
export function decodeAlpha(chunk: Uint8Array, size: ImageHeader): Uint8Array {
  const { width, height } = size;
  if (chunk.length === 0) throw endsEarly();
  const compression = chunk[0] & 3;
  const filter = (chunk[0] >> 2) & 3;
  const data = chunk.subarray(1);
  let alpha: Uint8Array;
  if (compression === UNPACKED) {
    if (data.length < width * height) throw endsEarly();
    alpha = data.slice(0, width * height);
  } else if (compression === LOSSLESS) {
    alpha = Uint8Array.from(decodeHeaderless(data, size), (pixel) => pixel >>> 8);
  } else throw damaged('the alpha channel of the WebP file is packed in an unknown way');
  if (filter !== 0) undoFilter(alpha, width, filter);
  return alpha;
}

function undoFilter(alpha: Uint8Array, width: number, filter: number): void {
  for (let i = 1; i < alpha.length; i++) {
    const x = i % width;
    const [left, top] = [alpha[i - 1], alpha[i - width] ?? 0];
    if (i < width) alpha[i] += left;
    else if (x === 0 || filter === VERTICAL) alpha[i] += top;
    else if (filter === HORIZONTAL) alpha[i] += left;
    else if (filter === GRADIENT) alpha[i] += Math.min(255, Math.max(0, left + top - alpha[i - width - 1]));
  }
}
