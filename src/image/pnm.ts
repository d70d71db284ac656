/**
 * @file PNM: binary gray (P5) and colour (P6) pictures of 8 or 16 bits.
 */
import { ByteReader, endsEarly } from './byte-reader.ts';
import { damaged } from './errors.ts';
import { type DecodedImage, hasText, type ImageFormat, type ImageHeader } from './pixels.ts';

export const pnm: ImageFormat = {
  name: 'PNM',
  detects: (bytes) => hasText(bytes, 0, 'P5') || hasText(bytes, 0, 'P6'),
  readHeader: readPnmHeader,
  decode,
};

interface PnmHeader extends ImageHeader {
  readonly samples: number;
  readonly bytesPerSample: number;
  /** Offset of the pixels. */
  readonly pixels: number;
}

function readPnmHeader(bytes: Uint8Array): PnmHeader {
  const reader = new ByteReader(bytes, 2);
  const width = readNumber(reader);
  const height = readNumber(reader);
  const largest = readNumber(reader);
  if (largest < 1 || largest > 65535) throw damaged(`PNM does not define pictures whose largest value is ${largest}`);
  return {
    width,
    height,
    samples: bytes[1] === 0x36 ? 3 : 1,
    bytesPerSample: largest > 255 ? 2 : 1,
    pixels: reader.at,
  };
}

/** Reads a number after white space and comments, and the character after it. */
function readNumber(reader: ByteReader): number {
  let c = reader.u8();
  while (isSpace(c) || c === 0x23) {
    if (c === 0x23) while (c !== 0x0a && c !== 0x0d) c = reader.u8();
    else c = reader.u8();
  }
  let value = -1;
  for (; c >= 0x30 && c <= 0x39; c = reader.u8()) {
    value = Math.max(0, value) * 10 + c - 0x30;
    if (value > 2 ** 31) throw damaged('a number in the header of the PNM file is too large');
  }
  if (value < 0 || !isSpace(c)) throw damaged('the header of the PNM file cannot be read');
  return value;
}

function isSpace(c: number): boolean {
  return c === 0x20 || (c >= 0x09 && c <= 0x0d);
}

/** Samples of 16 bits are cut to their high byte; smaller ranges than 0 to 255 are not scaled, as in llama.cpp. */
function decode(bytes: Uint8Array): DecodedImage {
  const { width, height, samples, bytesPerSample, pixels } = readPnmHeader(bytes);
  const n = width * height;
  if (bytes.length - pixels < n * samples * bytesPerSample) throw endsEarly();
  const rgb = new Uint8Array(n * 3);
  for (let i = 0; i < rgb.length; i++) {
    const sample = samples === 3 ? i : Math.floor(i / 3);
    rgb[i] = bytes[pixels + sample * bytesPerSample];
  }
  return { width, height, rgb };
}
