/**
 * @file Converts the bytes of a file to the arrays that loaders read.
 */
import type { Codec } from '../../tensor/codecs/index.ts';
import type { Loader } from './loaders/index.ts';

/** Bytes in memory that is not shared, as the GPU queue requires. */
type Bytes = Uint8Array<ArrayBuffer>;

/** Splits blocks into bodies and heads; `heads` is padded to whole words. */
export function bodiesAndHeads(loader: Loader, blocks: Bytes): { bodies: Bytes; heads: Bytes } {
  const { blockBytes, bodyAt, bodyBytes, headAt, headBytes } = loader;
  if (headBytes === 0) return { bodies: blocks, heads: new Uint8Array(0) };
  const n = blocks.length / blockBytes;
  const bodies = new Uint8Array(n * bodyBytes);
  const heads = new Uint8Array(Math.ceil((n * headBytes) / 4) * 4);
  // Copy two bytes at a time if the block allows it: every type but MXFP4 does.
  const unit = headBytes === 2 ? Uint16Array : Uint8Array;
  const from = new unit(blocks.buffer, blocks.byteOffset, blocks.length / headBytes);
  const to = new unit(bodies.buffer);
  const scales = new unit(heads.buffer);
  const [block, body, start, head] = [blockBytes, bodyBytes, bodyAt, headAt].map((bytes) => bytes / headBytes);
  for (let b = 0; b < n; b++) {
    const source = b * block + start;
    const target = b * body;
    for (let i = 0; i < body; i++) to[target + i] = from[source + i];
    scales[b] = from[b * block + head];
  }
  return { bodies, heads };
}

/** Values of any type as F32. */
export function expandedToF32(codec: Codec, bytes: Bytes, n: number): Bytes {
  const values = new Float32Array(n);
  codec.dequantize(bytes, values, n);
  return new Uint8Array(values.buffer);
}

/** `n` rows of `from` bytes, each padded with zeros to `to` bytes. */
export function paddedRows(bytes: Bytes, from: number, to: number, n: number): Bytes {
  const padded = new Uint8Array(n * to);
  for (let r = 0; r < n; r++) padded.set(bytes.subarray(r * from, (r + 1) * from), r * to);
  return padded;
}
