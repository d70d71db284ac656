/**
 * @file GIF: the first frame on its canvas.
 */
import { ByteReader, endsEarly } from './byte-reader.ts';
import { damaged } from './errors.ts';
import { type DecodedImage, hasText, type ImageFormat, type ImageHeader } from './pixels.ts';

export const gif: ImageFormat = {
  name: 'GIF',
  detects: (bytes) => hasText(bytes, 0, 'GIF87a') || hasText(bytes, 0, 'GIF89a'),
  readHeader: readGifHeader,
  decode,
};

const IMAGE = 0x2c;
const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;

interface GifHeader extends ImageHeader {
  readonly background: number;
  readonly palette: Uint8Array | undefined;
  /** Offset of the blocks. */
  readonly blocks: number;
}

function readGifHeader(bytes: Uint8Array): GifHeader {
  const reader = new ByteReader(bytes, 6);
  const width = reader.u16le();
  const height = reader.u16le();
  const flags = reader.u8();
  const background = reader.u8();
  reader.skip(1);
  const palette = flags & 0x80 ? reader.take(3 * (2 << (flags & 7))) : undefined;
  return { width, height, background, palette, blocks: reader.at };
}

function decode(bytes: Uint8Array, wantAlpha: boolean): DecodedImage {
  const { width, height, background, palette: shared, blocks } = readGifHeader(bytes);
  const reader = new ByteReader(bytes, blocks);
  let transparent = -1;
  for (;;) {
    const block = reader.u8();
    if (block === EXTENSION) {
      const isControl = reader.u8() === GRAPHIC_CONTROL;
      const parts = subBlocks(reader);
      if (isControl && parts[0]?.length >= 4) transparent = parts[0][0] & 1 ? parts[0][3] : -1;
    } else if (block === IMAGE) break;
    else throw damaged('the GIF file has no picture');
  }
  const [x0, y0, w, h] = [reader.u16le(), reader.u16le(), reader.u16le(), reader.u16le()];
  if (x0 + w > width || y0 + h > height) throw damaged('the first frame of the GIF file is larger than its canvas');
  const flags = reader.u8();
  const palette = flags & 0x80 ? reader.take(3 * (2 << (flags & 7))) : shared;
  if (palette === undefined) throw damaged('the GIF file lacks its palette');
  const codes = unpack(reader.u8(), subBlocks(reader), w * h);

  const rgb = new Uint8Array(width * height * 3);
  const alpha = wantAlpha && transparent >= 0 ? new Uint8Array(width * height) : undefined;
  if (background > 0 && shared !== undefined) {
    for (let at = 0; at < rgb.length; at++) rgb[at] = shared[3 * background + (at % 3)] ?? 0;
  }
  const rows = flags & 0x40 ? interlacedRows(h) : undefined;
  for (let y = 0, from = 0; y < h; y++) {
    let to = (y0 + (rows?.[y] ?? y)) * width + x0;
    for (let x = 0; x < w; x++, from++, to++) {
      const code = codes[from];
      const visible = code !== transparent;
      for (let c = 0; c < 3; c++) rgb[3 * to + c] = visible ? (palette[3 * code + c] ?? 0) : 0;
      if (alpha !== undefined && visible) alpha[to] = 255;
    }
  }
  return { width, height, rgb, alpha };
}

function subBlocks(reader: ByteReader): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let n = reader.u8(); n > 0; n = reader.u8()) {
    parts.push(reader.take(n));
    // The end marker after the last picture may be missing.
    if (reader.left === 0) break;
  }
  return parts;
}

/** Rows of an interlaced frame in stored order. */
function interlacedRows(height: number): number[] {
  const rows: number[] = [];
  for (const [first, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ]) {
    for (let y = first; y < height; y += step) rows.push(y);
  }
  return rows;
}

const MAX_CODES = 4096;

/**
 * Undoes LZW.
 * @param minBits bits of a pixel; the first codes have one bit more
 * @param nPixels the number of pixels to unpack; the rest is ignored
 */
function unpack(minBits: number, parts: readonly Uint8Array[], nPixels: number): Uint8Array {
  if (minBits < 1 || minBits > 11) throw damaged(`GIF does not define codes of ${minBits} bits`);
  const out = new Uint8Array(nPixels);
  const clear = 1 << minBits;
  const end = clear + 1;
  const prefixes = new Uint16Array(MAX_CODES);
  const lengths = new Uint16Array(MAX_CODES);
  const firsts = new Uint8Array(MAX_CODES);
  const lasts = new Uint8Array(MAX_CODES);
  for (let code = 0; code < clear; code++) {
    lengths[code] = 1;
    firsts[code] = lasts[code] = code;
  }
  let nCodes = end + 1;
  let codeBits = minBits + 1;
  let previous = -1;
  let bits = 0;
  let nBits = 0;
  let done = 0;
  for (const part of parts) {
    for (const byte of part) {
      bits |= byte << nBits;
      nBits += 8;
      while (nBits >= codeBits) {
        const code = bits & ((1 << codeBits) - 1);
        bits >>>= codeBits;
        nBits -= codeBits;
        if (code === clear) {
          nCodes = end + 1;
          codeBits = minBits + 1;
          previous = -1;
          continue;
        }
        if (code === end) return complete(out, done);
        if (code > nCodes || (previous < 0 && code >= clear) || (code === nCodes && previous < 0)) {
          throw damaged('the packed pixels of the GIF file are damaged');
        }
        if (previous >= 0 && nCodes < MAX_CODES) {
          prefixes[nCodes] = previous;
          lengths[nCodes] = lengths[previous] + 1;
          firsts[nCodes] = firsts[previous];
          lasts[nCodes] = code === nCodes ? firsts[previous] : firsts[code];
          nCodes++;
          if (nCodes === 1 << codeBits && codeBits < 12) codeBits++;
        } else if (code >= nCodes) throw damaged('the packed pixels of the GIF file are damaged');
        const length = lengths[code];
        for (let at = done + length - 1, from = code; at >= done; at--) {
          if (at < nPixels) out[at] = lasts[from];
          from = prefixes[from];
        }
        done += length;
        if (done >= nPixels) return out;
        previous = code;
      }
    }
  }
  return complete(out, done);
}

function complete(out: Uint8Array, done: number): Uint8Array {
  if (done < out.length) throw endsEarly();
  return out;
}
