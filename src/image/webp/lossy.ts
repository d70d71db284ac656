/**
 * @file Lossy WebP: one VP8 key frame.
 */
import { endsEarly } from '../byte-reader.ts';
import type { ImageHeader } from '../pixels.ts';
import type { BoolReader } from './bool-reader.ts';
import { addBlock, blockKind, readBlock, spreadDc } from './coefficients.ts';
import { smoothEdges } from './edges.ts';
import { indexOf, mode, newPlane, predictBlock, predictSquare, type SamplePlane } from './predict.ts';
import { toRgb } from './vp8-color.ts';
import { readVp8Header, type Vp8Header } from './vp8-header.ts';
import { blockModes } from './vp8-tables.ts';

/** Modes of 4x4 blocks as a tree: positive numbers are further branches, others are modes. */
const modeTree = [0, 1, -1, 2, -2, 3, 4, 6, -3, 5, -4, -5, -6, 7, -7, 8, -8, -9];

/** @returns R, G, B of `width * height` pixels */
export function decodeLossy(chunk: Uint8Array): ImageHeader & { rgb: Uint8Array } {
  const header = readVp8Header(chunk);
  const frame = new Frame(header);
  for (let row = 0; row < header.rows; row++) frame.decodeRow(row);
  frame.smooth();
  return { width: header.width, height: header.height, rgb: toRgb(header, frame.planes) };
}

/** Indices of the flags of the chroma planes, above and to the left of a macroblock. They follow the four flags of luma. */
const [FLAGS_U, FLAGS_V, FLAG_DC, N_FLAGS] = [4, 6, 8, 9];

class Frame {
  readonly planes: readonly SamplePlane[];
  readonly #header: Vp8Header;
  /** Modes of the 4x4 blocks above and to the left. */
  readonly #modesAbove: Uint8Array;
  readonly #modesLeft = new Uint8Array(4);
  /** Whether the blocks above and to the left have coefficients. */
  readonly #flagsAbove: Uint8Array;
  readonly #flagsLeft = new Uint8Array(N_FLAGS);
  /** 16 blocks of luma, 4 of each chroma plane, of the current macroblock. */
  readonly #coefficients = new Int16Array(24 * 16);
  readonly #dc = new Int16Array(16);
  /** Modes of the macroblock's 4x4 blocks, or the one mode of all luma. */
  readonly #modes = new Uint8Array(16);
  /** For each macroblock: its segment, 4 if it is predicted in blocks, 8 if its inner edges are smoothed. */
  readonly #kinds: Uint8Array;

  constructor(header: Vp8Header) {
    const { columns, rows } = header;
    this.#header = header;
    this.planes = [newPlane(16 * columns, 16 * rows), newPlane(8 * columns, 8 * rows), newPlane(8 * columns, 8 * rows)];
    this.#modesAbove = new Uint8Array(4 * columns);
    this.#flagsAbove = new Uint8Array(N_FLAGS * columns);
    this.#kinds = new Uint8Array(columns * rows);
  }

  decodeRow(row: number): void {
    const { columns, modes, partitions } = this.#header;
    const partition = partitions[row % partitions.length];
    this.#modesLeft.fill(0);
    this.#flagsLeft.fill(0);
    for (let column = 0; column < columns; column++) this.#decodeMacroblock(partition, column, row);
    if (modes.isPast || (partition.isPast && partitions.length > 1)) throw endsEarly();
  }

  #decodeMacroblock(partition: BoolReader, column: number, row: number): void {
    const { modes: bits, segmentTree: tree, skipProbability } = this.#header;
    let segment = 0;
    if (tree !== undefined) segment = bits.bit(tree[0]) ? 2 + bits.bit(tree[2]) : bits.bit(tree[1]);
    const skips = skipProbability !== undefined && bits.bit(skipProbability) === 1;
    const inBlocks = !bits.bit(145);
    this.#readModes(inBlocks, column);
    const chroma = !bits.bit(142) ? mode.DC : !bits.bit(114) ? mode.V : bits.bit(183) ? mode.TM : mode.H;
    const hasCoefficients = this.#readCoefficients(partition, column, segment, inBlocks, skips);
    this.#kinds[row * this.#header.columns + column] =
      segment | (inBlocks ? 4 : 0) | (inBlocks || hasCoefficients ? 8 : 0);
    if (inBlocks) this.#buildBlocks(column, row);
    else this.#buildSquare(0, 16, this.#modes[0], column, row);
    this.#buildSquare(1, 8, chroma, column, row);
    this.#buildSquare(2, 8, chroma, column, row);
  }

  #readModes(inBlocks: boolean, column: number): void {
    const bits = this.#header.modes;
    const above = this.#modesAbove.subarray(4 * column, 4 * column + 4);
    const left = this.#modesLeft;
    if (!inBlocks) {
      const luma = bits.bit(156) ? (bits.bit(128) ? mode.TM : mode.H) : bits.bit(163) ? mode.V : mode.DC;
      this.#modes[0] = luma;
      above.fill(luma);
      left.fill(luma);
      return;
    }
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) {
        const p = 9 * (10 * above[x] + left[y]);
        let node = modeTree[bits.bit(blockModes[p])];
        while (node > 0) node = modeTree[2 * node + bits.bit(blockModes[p + node])];
        this.#modes[4 * y + x] = above[x] = left[y] = -node;
      }
    }
  }

  /** @returns whether any block has a coefficient that is not 0 */
  #readCoefficients(bits: BoolReader, column: number, segment: number, inBlocks: boolean, skips: boolean): boolean {
    const coefficients = this.#coefficients.fill(0);
    const above = this.#flagsAbove.subarray(N_FLAGS * column, N_FLAGS * (column + 1));
    const left = this.#flagsLeft;
    if (skips) {
      const n = inBlocks ? FLAG_DC : N_FLAGS;
      above.fill(0, 0, n);
      left.fill(0, 0, n);
      return false;
    }
    const { coefficients: p, factors } = this.#header;
    const { luma, lumaDc, chroma } = factors[segment];
    let any = false;
    let first = 0;
    if (!inBlocks) {
      const dc = this.#dc.fill(0);
      const n = readBlock(bits, p, blockKind.lumaDc, above[FLAG_DC] + left[FLAG_DC], lumaDc, 0, dc, 0);
      above[FLAG_DC] = left[FLAG_DC] = n > 0 ? 1 : 0;
      spreadDc(dc, coefficients);
      for (let i = 0; i < 256; i += 16) any ||= coefficients[i] !== 0;
      first = 1;
    }
    const kind = inBlocks ? blockKind.luma : blockKind.lumaWithoutDc;
    for (let y = 0, at = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++, at += 16) {
        const n = readBlock(bits, p, kind, above[x] + left[y], luma, first, coefficients, at);
        above[x] = left[y] = n > first ? 1 : 0;
        any ||= n > first;
      }
    }
    let at = 256;
    for (const flags of [FLAGS_U, FLAGS_V]) {
      for (let y = flags; y < flags + 2; y++) {
        for (let x = flags; x < flags + 2; x++, at += 16) {
          const n = readBlock(bits, p, blockKind.chroma, above[x] + left[y], chroma, 0, coefficients, at);
          above[x] = left[y] = n > 0 ? 1 : 0;
          any ||= n > 0;
        }
      }
    }
    return any;
  }

  #buildSquare(planeIndex: number, size: number, kind: number, column: number, row: number): void {
    const plane = this.planes[planeIndex];
    const start = indexOf(plane, column * size, row * size);
    predictSquare(plane, start, size, kind, row > 0, column > 0);
    let at = planeIndex === 0 ? 0 : 192 + 64 * planeIndex;
    for (let y = 0; y < size; y += 4) {
      for (let x = 0; x < size; x += 4, at += 16) {
        addBlock(this.#coefficients, at, plane.samples, start + y * plane.stride + x, plane.stride);
      }
    }
  }

  /** Builds block by block, because each block is predicted from earlier ones. */
  #buildBlocks(column: number, row: number): void {
    const [plane] = this.planes;
    const { samples, stride } = plane;
    const start = indexOf(plane, 16 * column, 16 * row);
    const aboveRight = start - stride + 16;
    // Nothing is to the right of the last macroblock: the last sample above it is repeated there.
    if (row > 0 && column === this.#header.columns - 1) {
      samples.fill(samples[aboveRight - 1], aboveRight, aboveRight + 4);
    }
    for (let y = 0, i = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++, i++) {
        const at = start + 4 * (y * stride + x);
        // The blocks of the last column use the row above the macroblock, because the macroblock to the right is not decoded yet.
        predictBlock(plane, at, this.#modes[i], x < 3 ? at - stride + 4 : aboveRight);
        addBlock(this.#coefficients, 16 * i, samples, at, stride);
      }
    }
  }

  smooth(): void {
    const { columns, filters } = this.#header;
    smoothEdges(this.#header, this.planes, (column, row) => {
      const kind = this.#kinds[row * columns + column];
      return { filter: filters[kind & 3][kind & 4 ? 1 : 0], hasInner: (kind & 8) !== 0 };
    });
  }
}
