/**
 * @file The entropy-coded pixels of lossless WebP: literals, copies of earlier pixels, and a cache of colours.
 */
import { damaged } from '../errors.ts';
import { type LowBits, type PrefixCode, readPrefixCode } from './lossless-codes.ts';

const N_LENGTHS = 24;
const N_DISTANCES = 40;
const MAX_CACHE_BITS = 11;
const MAX_SYMBOLS = 256 + N_LENGTHS + (1 << MAX_CACHE_BITS);

/** Codes for green (with copies and the cache), red, blue, alpha and distances. */
type Codes = readonly PrefixCode[];

/**
 * Reads a picture of ARGB pixels.
 * @param isMain whether this is the picture itself, whose areas may have their own codes, and not an auxiliary picture
 */
export function readPixels(bits: LowBits, width: number, height: number, isMain: boolean): Uint32Array {
  const cacheBits = bits.read(1) ? bits.read(4) : 0;
  if (cacheBits > MAX_CACHE_BITS) throw damaged('the colour cache of the WebP file is too large');
  let areaBits = 0;
  let areas: Uint32Array | undefined;
  let nGroups = 1;
  if (isMain && bits.read(1)) {
    areaBits = 2 + bits.read(3);
    areas = readPixels(bits, areasOf(width, areaBits), areasOf(height, areaBits), false);
    for (const [i, pixel] of areas.entries()) {
      areas[i] = (pixel >>> 8) & 0xffff;
      nGroups = Math.max(nGroups, areas[i] + 1);
    }
  }
  const nCached = cacheBits > 0 ? 1 << cacheBits : 0;
  const groups = readGroups(bits, nGroups, nCached, areas);
  return decodePixels(bits, { width, height, groups, areas, areaBits, cacheBits });
}

/** The number of areas of `2 ** bits` pixels along a side. */
export function areasOf(side: number, bits: number): number {
  return Math.ceil(side / (1 << bits));
}

/** Groups that no area uses are read and discarded. */
function readGroups(bits: LowBits, nGroups: number, nCached: number, areas: Uint32Array | undefined): Codes[] {
  const scratch = new Uint8Array(MAX_SYMBOLS);
  const used = new Uint8Array(nGroups);
  if (areas === undefined) used[0] = 1;
  else for (const group of areas) used[group] = 1;
  const sizes = [256 + N_LENGTHS + nCached, 256, 256, 256, N_DISTANCES];
  const none: Codes = [];
  return Array.from({ length: nGroups }, (_, group) => {
    const codes = sizes.map((size) => readPrefixCode(bits, size, scratch));
    return used[group] ? codes : none;
  });
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly groups: readonly Codes[];
  readonly areas: Uint32Array | undefined;
  readonly areaBits: number;
  readonly cacheBits: number;
}

function decodePixels(bits: LowBits, layout: Layout): Uint32Array {
  const { width, height, groups, areas, areaBits, cacheBits } = layout;
  const pixels = new Uint32Array(width * height);
  const cache = new Uint32Array(1 << cacheBits);
  const areasPerRow = areasOf(width, areaBits);
  const areaMask = (1 << areaBits) - 1;
  let codes = groups[areas?.[0] ?? 0];
  let cached = 0;
  const keep = (end: number) => {
    if (cacheBits > 0) for (; cached < end; cached++) cache[hash(pixels[cached], cacheBits)] = pixels[cached];
  };
  for (let at = 0, x = 0, y = 0; at < pixels.length; ) {
    if (areas !== undefined && (x & areaMask) === 0) {
      codes = groups[areas[(y >> areaBits) * areasPerRow + (x >> areaBits)]];
    }
    const symbol = bits.symbol(codes[0]);
    if (symbol < 256) {
      const red = bits.symbol(codes[1]);
      const blue = bits.symbol(codes[2]);
      const alpha = bits.symbol(codes[3]);
      pixels[at++] = (alpha << 24) | (red << 16) | (symbol << 8) | blue;
      if (++x === width) {
        x = 0;
        y++;
      }
    } else if (symbol < 256 + N_LENGTHS) {
      const length = readCount(bits, symbol - 256);
      const distance = toDistance(readCount(bits, bits.symbol(codes[4])), width);
      if (distance > at || length > pixels.length - at) throw damaged('a copy in the WebP file leaves the picture');
      for (let i = 0; i < length; i++, at++) pixels[at] = pixels[at - distance];
      x += length;
      y += Math.floor(x / width);
      x %= width;
      if (areas !== undefined && at < pixels.length) {
        codes = groups[areas[(y >> areaBits) * areasPerRow + (x >> areaBits)]];
      }
    } else {
      keep(at);
      pixels[at++] = cache[symbol - 256 - N_LENGTHS];
      if (++x === width) {
        x = 0;
        y++;
      }
    }
  }
  return pixels;
}

function hash(pixel: number, bits: number): number {
  return Math.imul(0x1e35a7bd, pixel) >>> (32 - bits);
}

/** A length or distance: a code, followed by more bits for large values. */
function readCount(bits: LowBits, code: number): number {
  if (code < 4) return code + 1;
  const more = (code - 2) >> 1;
  return ((2 + (code & 1)) << more) + bits.read(more) + 1;
}

/** Distances to the 120 nearest pixels: rows up times 16, plus 8 minus columns to the left. */
const nearest = Uint8Array.from([
  24, 7, 23, 25, 40, 6, 39, 41, 22, 26, 38, 42, 56, 5, 55, 57, 21, 27, 54, 58, 37, 43, 72, 4, 71, 73, 20, 28, 53, 59,
  70, 74, 36, 44, 88, 69, 75, 52, 60, 3, 87, 89, 19, 29, 86, 90, 35, 45, 68, 76, 85, 91, 51, 61, 104, 2, 103, 105, 18,
  30, 102, 106, 34, 46, 84, 92, 67, 77, 101, 107, 50, 62, 120, 1, 119, 121, 83, 93, 17, 31, 100, 108, 66, 78, 118, 122,
  33, 47, 117, 123, 49, 63, 99, 109, 82, 94, 0, 116, 124, 65, 79, 16, 32, 98, 110, 48, 115, 125, 81, 95, 64, 114, 126,
  97, 111, 80, 113, 127, 96, 112,
]);

function toDistance(code: number, width: number): number {
  if (code > nearest.length) return code - nearest.length;
  const place = nearest[code - 1];
  return Math.max(1, (place >> 4) * width + 8 - (place & 15));
}
