/**
 * @file WebP: lossy and lossless pictures, with or without alpha; of an animation only the first frame.
 *
 * The decoder is our own, so that a picture has the same pixels in every runtime; they equal those of libwebp.
 */
import { ByteReader, endsEarly } from '../byte-reader.ts';
import { damaged } from '../errors.ts';
import { exifOrientation } from '../exif.ts';
import { type DecodedImage, hasText, type ImageFormat, type ImageHeader } from '../pixels.ts';
import { decodeAlpha } from './alpha.ts';
import { decodeLossless, readLosslessHeader } from './lossless.ts';
import { decodeLossy } from './lossy.ts';
import { readVp8Size } from './vp8-header.ts';

export const webp: ImageFormat = {
  name: 'WebP',
  detects: (bytes) => hasText(bytes, 0, 'RIFF') && hasText(bytes, 8, 'WEBP'),
  readHeader: (bytes) => {
    const { canvas, frame } = readFile(bytes);
    return canvas ?? sizeOf(frame);
  },
  readOrientation: (bytes) => readFile(bytes).orientation,
  decode,
};

/** One stored picture: colours, and separate alpha if there is any. */
interface StoredFrame {
  readonly lossy?: Uint8Array;
  readonly lossless?: Uint8Array;
  readonly alpha?: Uint8Array;
}

interface WebpFile {
  /** Size of the whole picture, if the file states one. */
  readonly canvas: ImageHeader | undefined;
  readonly frame: StoredFrame;
  /** Position of the first frame of an animation. */
  readonly place: { readonly x: number; readonly y: number } | undefined;
  readonly orientation: number;
}

const RIFF_HEADER_BYTES = 12;
const FRAME_HEADER_BYTES = 16;

/** Content of the chunks by name. Of chunks with the same name, the first counts. */
function readChunks(reader: ByteReader): Map<string, Uint8Array> {
  const chunks = new Map<string, Uint8Array>();
  while (reader.left >= 8) {
    const name = reader.text(4);
    const length = reader.u32le();
    // Chunks after the pixels may be cut off, the pixels may not.
    const isCut = length > reader.left;
    if (isCut && ['VP8 ', 'VP8L', 'ANMF', 'ALPH'].includes(name) && !chunks.has(name)) throw endsEarly();
    const content = reader.take(Math.min(length, reader.left));
    if (length % 2 === 1 && reader.left > 0) reader.skip(1);
    if (!chunks.has(name)) chunks.set(name, content);
  }
  return chunks;
}

function frameOf(chunks: Map<string, Uint8Array>): StoredFrame {
  const frame = { lossy: chunks.get('VP8 '), lossless: chunks.get('VP8L'), alpha: chunks.get('ALPH') };
  if (frame.lossy === undefined && frame.lossless === undefined) throw damaged('the WebP file has no picture');
  return frame;
}

function readFile(bytes: Uint8Array): WebpFile {
  const chunks = readChunks(new ByteReader(bytes, RIFF_HEADER_BYTES));
  const extended = chunks.get('VP8X');
  const exif = chunks.get('EXIF');
  const orientation = exif === undefined ? 1 : exifOrientation(hasText(exif, 0, 'Exif\0\0') ? exif.subarray(6) : exif);
  let canvas: ImageHeader | undefined;
  if (extended !== undefined) {
    const reader = new ByteReader(extended, 4);
    canvas = { width: reader.u24le() + 1, height: reader.u24le() + 1 };
  }
  const animated = chunks.get('ANMF');
  if (animated === undefined) return { canvas, frame: frameOf(chunks), place: undefined, orientation };
  if (canvas === undefined) throw damaged('the WebP file has an animation without a canvas');
  const reader = new ByteReader(animated);
  const place = { x: 2 * reader.u24le(), y: 2 * reader.u24le() };
  reader.at = FRAME_HEADER_BYTES;
  return { canvas, frame: frameOf(readChunks(reader)), place, orientation };
}

function sizeOf({ lossy, lossless }: StoredFrame): ImageHeader {
  return lossy !== undefined ? readVp8Size(lossy) : readLosslessHeader(lossless ?? new Uint8Array(0));
}

function decode(bytes: Uint8Array, wantAlpha: boolean): DecodedImage {
  const { canvas, frame, place } = readFile(bytes);
  const size = sizeOf(frame);
  const { x, y } = place ?? { x: 0, y: 0 };
  const fills = canvas === undefined || (canvas.width === size.width && canvas.height === size.height);
  if (size.width === 0 || size.height === 0) throw damaged('the picture in the WebP file has no pixels');
  if (!fills && (place === undefined || x + size.width > canvas.width || y + size.height > canvas.height)) {
    throw damaged('the picture in the WebP file does not fit its canvas');
  }
  const image = decodeFrame(frame, size, wantAlpha);
  return fills ? image : placed(image, canvas, x, y, wantAlpha);
}

function decodeFrame(frame: StoredFrame, size: ImageHeader, wantAlpha: boolean): DecodedImage {
  if (frame.lossy !== undefined) {
    const alpha = wantAlpha && frame.alpha !== undefined ? decodeAlpha(frame.alpha, size) : undefined;
    return { ...decodeLossy(frame.lossy), alpha };
  }
  const pixels = decodeLossless(frame.lossless ?? new Uint8Array(0));
  const rgb = new Uint8Array(3 * pixels.length);
  for (let i = 0, at = 0; i < pixels.length; i++) {
    rgb[at++] = pixels[i] >>> 16;
    rgb[at++] = pixels[i] >>> 8;
    rgb[at++] = pixels[i];
  }
  return { ...size, rgb, alpha: wantAlpha ? Uint8Array.from(pixels, (pixel) => pixel >>> 24) : undefined };
}

/** Places a frame on a black, transparent canvas. */
function placed(image: DecodedImage, canvas: ImageHeader, x0: number, y0: number, wantAlpha: boolean): DecodedImage {
  const { width, height } = canvas;
  const rgb = new Uint8Array(3 * width * height);
  const alpha = wantAlpha ? new Uint8Array(width * height) : undefined;
  for (let y = 0; y < image.height; y++) {
    const from = y * image.width;
    const to = (y0 + y) * width + x0;
    rgb.set(image.rgb.subarray(3 * from, 3 * (from + image.width)), 3 * to);
    if (image.alpha === undefined) alpha?.fill(255, to, to + image.width);
    else alpha?.set(image.alpha.subarray(from, from + image.width), to);
  }
  return { width, height, rgb, alpha };
}
