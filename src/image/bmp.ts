/**
 * @file BMP: uncompressed pictures of 1, 4, 8, 16, 24 and 32 bits a pixel.
 */
import { ByteReader } from './byte-reader.ts';
import { damaged, unsupported } from './errors.ts';
import { type DecodedImage, hasText, type ImageFormat, type ImageHeader } from './pixels.ts';

export const bmp: ImageFormat = {
  name: 'BMP',
  detects: (bytes) => hasText(bytes, 0, 'BM') && [12, 40, 52, 56, 108, 124].includes(bytes[14]),
  readHeader: readBmpHeader,
  decode,
};

const UNPACKED = 0;
const BIT_FIELDS = 3;

interface BmpHeader extends ImageHeader {
  readonly topDown: boolean;
  readonly bits: number;
  /** Offset of the pixels. */
  readonly pixels: number;
  /** Offset of the palette, and the number of bytes in each of its entries. */
  readonly palette: number;
  readonly entryBytes: number;
  /** Bits of red, green, blue and alpha in a pixel of 16 or 32 bits. */
  readonly masks: readonly number[];
}

function readBmpHeader(bytes: Uint8Array): BmpHeader {
  const reader = new ByteReader(bytes, 10);
  const pixels = reader.u32le();
  const headerBytes = reader.u32le();
  const old = headerBytes === 12;
  const width = old ? reader.u16le() : reader.u32le() | 0;
  const height = old ? reader.u16le() : reader.u32le() | 0;
  if (reader.u16le() !== 1) throw damaged('a BMP file must have one plane');
  const bits = reader.u16le();
  if (![1, 4, 8, 16, 24, 32].includes(bits)) throw damaged(`BMP does not define pictures of ${bits} bits a pixel`);
  const compression = old ? UNPACKED : reader.u32le();
  const fields = compression === BIT_FIELDS || compression === 6;
  if (!(compression === UNPACKED || (fields && (bits === 16 || bits === 32)))) {
    throw unsupported(`BMP with packed pixels (compression ${compression}) is not supported`);
  }
  let masks = bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0xff000000];
  let palette = 14 + headerBytes;
  if (fields) {
    reader.at = 54;
    masks = [reader.u32le(), reader.u32le(), reader.u32le(), headerBytes >= 56 ? reader.u32le() : 0];
    if (headerBytes === 40) palette += 12;
  }
  if (masks.some((mask) => bitsOf(mask) > 8) || masks.slice(0, 3).includes(0)) {
    throw damaged(`the bit fields of the BMP file cannot be read: ${masks.map((mask) => mask.toString(16)).join(' ')}`);
  }
  const entryBytes = old ? 3 : 4;
  return { width, height: Math.abs(height), topDown: height < 0, bits, pixels, palette, entryBytes, masks };
}

function decode(bytes: Uint8Array, wantAlpha: boolean): DecodedImage {
  const header = readBmpHeader(bytes);
  const { width, height, topDown, bits, pixels } = header;
  const stride = Math.ceil((width * bits) / 32) * 4;
  // The last row may lack its padding.
  if (pixels + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length) {
    throw damaged('the BMP file ends before the picture is complete');
  }
  const rgb = new Uint8Array(width * height * 3);
  const alpha =
    wantAlpha && (bits === 16 || bits === 32) && header.masks[3] !== 0 ? new Uint8Array(width * height) : undefined;
  const paint =
    bits <= 8
      ? paletteOf(bytes, header, rgb)
      : bits === 24
        ? trueColor(bytes, rgb)
        : bitFields(bytes, header, rgb, alpha);
  for (let y = 0; y < height; y++) {
    const row = pixels + stride * (topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) paint(row, x, y * width + x);
  }
  // Many writers set the alpha byte to 0 when they mean no alpha.
  const isUnused = alpha?.every((value) => value === 0);
  return { width, height, rgb, alpha: isUnused ? undefined : alpha };
}

/** Writes pixel `x` of the row that begins at byte `row` as pixel `to` of the picture. */
type Painter = (row: number, x: number, to: number) => void;

function paletteOf(bytes: Uint8Array, { bits, palette, entryBytes, pixels }: BmpHeader, rgb: Uint8Array): Painter {
  const nEntries = Math.min(1 << bits, Math.floor((pixels - palette) / entryBytes));
  if (nEntries <= 0) throw damaged('the BMP file lacks its palette');
  const perByte = 8 / bits;
  return (row, x, to) => {
    const byte = bytes[row + Math.floor(x / perByte)];
    const entry = (byte >> (8 - bits * ((x % perByte) + 1))) & ((1 << bits) - 1);
    const at = palette + entry * entryBytes;
    for (let c = 0; c < 3; c++) rgb[3 * to + c] = entry < nEntries ? bytes[at + 2 - c] : 0;
  };
}

function trueColor(bytes: Uint8Array, rgb: Uint8Array): Painter {
  return (row, x, to) => {
    const at = row + 3 * x;
    rgb[3 * to] = bytes[at + 2];
    rgb[3 * to + 1] = bytes[at + 1];
    rgb[3 * to + 2] = bytes[at];
  };
}

function bitFields(
  bytes: Uint8Array,
  { bits, masks }: BmpHeader,
  rgb: Uint8Array,
  alpha: Uint8Array | undefined,
): Painter {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const read = masks.map(fieldReader);
  return (row, x, to) => {
    const pixel = bits === 16 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
    for (let c = 0; c < 3; c++) rgb[3 * to + c] = read[c](pixel);
    if (alpha !== undefined) alpha[to] = read[3](pixel);
  };
}

/** Extracts the bits of a mask from a pixel and repeats them to fill 8 bits. */
function fieldReader(mask: number): (pixel: number) => number {
  const n = bitsOf(mask);
  const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
  const values = Uint8Array.from({ length: 1 << n }, (_, value) => {
    let bits = value << (8 - n);
    for (let have = n; n > 0 && have < 8; have *= 2) bits |= bits >> have;
    return bits;
  });
  return (pixel) => values[(pixel & mask) >>> shift] ?? 0;
}

function bitsOf(mask: number): number {
  let n = 0;
  for (; mask !== 0; mask &= mask - 1) n++;
  return n;
}
