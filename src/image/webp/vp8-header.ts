/**
 * @file The header of a VP8 key frame, the content of lossy WebP.
 */
import { endsEarly } from '../byte-reader.ts';
import { damaged } from '../errors.ts';
import type { ImageHeader } from '../pixels.ts';
import { BoolReader } from './bool-reader.ts';
import { acFactors, coefficientUpdates, dcFactors, defaultCoefficients } from './vp8-tables.ts';

/** Quantisation factors, each for the DC coefficient and the others. */
export interface Factors {
  readonly luma: readonly [number, number];
  readonly lumaDc: readonly [number, number];
  readonly chroma: readonly [number, number];
}

/** How the edges of a macroblock are smoothed; a `limit` of 0 leaves them as they are. */
export interface EdgeFilter {
  readonly limit: number;
  readonly inner: number;
  readonly variance: number;
}

export interface Vp8Header extends ImageHeader {
  /** Macroblocks across and down. */
  readonly columns: number;
  readonly rows: number;
  /** Positioned after the header: modes of the macroblocks follow. */
  readonly modes: BoolReader;
  /** Coefficients; row `y` is in partition `y` modulo their number. */
  readonly partitions: readonly BoolReader[];
  /** Probabilities that choose a macroblock's segment; `undefined` if all are in segment 0. */
  readonly segmentTree: readonly number[] | undefined;
  /** For each segment. */
  readonly factors: readonly Factors[];
  /** For each segment: for macroblocks predicted as a whole, and for those predicted in 4x4 blocks. */
  readonly filters: readonly (readonly [EdgeFilter, EdgeFilter])[];
  readonly simpleFilter: boolean;
  readonly coefficients: Uint8Array;
  /** Probability that a macroblock has no coefficients; `undefined` if the file does not give it. */
  readonly skipProbability: number | undefined;
}

const FRAME_BYTES = 10;

/** The size in the first bytes of a VP8 chunk. */
export function readVp8Size(chunk: Uint8Array): ImageHeader {
  if (chunk.length < FRAME_BYTES) throw endsEarly();
  const [tag, , , a, b, c, w0, w1, h0, h1] = chunk;
  if (tag & 1 || a !== 0x9d || b !== 0x01 || c !== 0x2a) {
    throw damaged('the lossy part of the WebP file does not begin with its signature');
  }
  return { width: ((w1 << 8) | w0) & 0x3fff, height: ((h1 << 8) | h0) & 0x3fff };
}

export function readVp8Header(chunk: Uint8Array): Vp8Header {
  const { width, height } = readVp8Size(chunk);
  const modesBytes = (chunk[0] | (chunk[1] << 8) | (chunk[2] << 16)) >> 5;
  const end = FRAME_BYTES + modesBytes;
  if (end > chunk.length) throw endsEarly();
  const bits = new BoolReader(chunk.subarray(FRAME_BYTES, end));
  // Colour space and clamping: both have only one value.
  bits.number(2);
  const segments = readSegments(bits);
  const filter = readFilter(bits);
  const partitions = readPartitions(chunk, end, 1 << bits.number(2));
  const factors = readFactors(bits, segments);
  bits.number(1);
  const coefficients = defaultCoefficients.map((value, i) =>
    bits.bit(coefficientUpdates[i]) ? bits.number(8) : value,
  );
  const skipProbability = bits.number(1) ? bits.number(8) : undefined;
  return {
    width,
    height,
    columns: Math.ceil(width / 16),
    rows: Math.ceil(height / 16),
    modes: bits,
    partitions,
    segmentTree: segments.tree,
    factors,
    filters: segments.levels.map((level) => filtersOf(level, segments.absolute, filter)),
    simpleFilter: filter.simple,
    coefficients,
    skipProbability,
  };
}

interface Segments {
  /** Whether values replace the frame's own instead of being added to them. */
  readonly absolute: boolean;
  readonly qualities: readonly number[];
  readonly levels: readonly number[];
  readonly tree: readonly number[] | undefined;
}

function readSegments(bits: BoolReader): Segments {
  const none = [0, 0, 0, 0];
  if (!bits.number(1)) return { absolute: false, qualities: none, levels: none, tree: undefined };
  const hasTree = bits.number(1);
  const hasValues = bits.number(1);
  const absolute = hasValues === 0 || bits.number(1) === 1;
  const qualities = hasValues ? none.map(() => bits.optional(7)) : none;
  const levels = hasValues ? none.map(() => bits.optional(6)) : none;
  const tree = hasTree ? [0, 0, 0].map(() => (bits.number(1) ? bits.number(8) : 255)) : undefined;
  return { absolute, qualities, levels, tree };
}

interface FilterHeader {
  readonly simple: boolean;
  readonly level: number;
  readonly sharpness: number;
  /** Added to the level of all macroblocks, and of those that are predicted in 4x4 blocks. */
  readonly offset: number;
  readonly blockOffset: number;
}

function readFilter(bits: BoolReader): FilterHeader {
  const simple = bits.number(1) === 1;
  const level = bits.number(6);
  const sharpness = bits.number(3);
  let [offset, blockOffset] = [0, 0];
  if (bits.number(1) && bits.number(1)) {
    const offsets = Array.from({ length: 8 }, () => bits.optional(6));
    [offset, blockOffset] = [offsets[0], offsets[4]];
  }
  return { simple, level, sharpness, offset, blockOffset };
}

function filtersOf(segmentLevel: number, absolute: boolean, header: FilterHeader): [EdgeFilter, EdgeFilter] {
  const base = (absolute ? segmentLevel : header.level + segmentLevel) + header.offset;
  return [edgeFilter(base, header), edgeFilter(base + header.blockOffset, header)];
}

function edgeFilter(level: number, { sharpness, level: frameLevel }: FilterHeader): EdgeFilter {
  level = Math.min(63, Math.max(0, level));
  if (level === 0 || frameLevel === 0) return { limit: 0, inner: 0, variance: 0 };
  let inner = level;
  if (sharpness > 0) inner = Math.min(inner >> (sharpness > 4 ? 2 : 1), 9 - sharpness);
  inner = Math.max(1, inner);
  return { limit: 2 * level + inner, inner, variance: level >= 40 ? 2 : level >= 15 ? 1 : 0 };
}

/** Sizes of 3 bytes for all partitions but the last, then the partitions. */
function readPartitions(chunk: Uint8Array, start: number, n: number): BoolReader[] {
  let at = start + 3 * (n - 1);
  if (at > chunk.length) throw endsEarly();
  return Array.from({ length: n }, (_, i) => {
    const size = start + 3 * i;
    const end = i < n - 1 ? at + (chunk[size] | (chunk[size + 1] << 8) | (chunk[size + 2] << 16)) : chunk.length;
    if (end > chunk.length) throw endsEarly();
    const partition = new BoolReader(chunk.subarray(at, end));
    at = end;
    return partition;
  });
}

function readFactors(bits: BoolReader, { absolute, qualities }: Segments): Factors[] {
  const base = bits.number(7);
  const [lumaDc, dcDc, dcAc, chromaDc, chromaAc] = [0, 0, 0, 0, 0].map(() => bits.optional(4));
  const clip = (index: number, top = 127) => Math.min(top, Math.max(0, index));
  return qualities.map((quality) => {
    const q = absolute ? quality : base + quality;
    return {
      luma: [dcFactors[clip(q + lumaDc)], acFactors[clip(q)]],
      lumaDc: [2 * dcFactors[clip(q + dcDc)], Math.max(8, (acFactors[clip(q + dcAc)] * 101581) >> 16)],
      chroma: [dcFactors[clip(q + chromaDc, 117)], acFactors[clip(q + chromaAc)]],
    };
  });
}
