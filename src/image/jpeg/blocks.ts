/**
 * @file Decodes the coefficients of one block, for each kind of scan.
 */
import { damaged } from '../errors.ts';
import type { BitReader, HuffmanTable } from './huffman.ts';

/** Position in the 8x8 block of each coefficient in stored order. */
export const zigzag = new Uint8Array(64);
for (let sum = 0, k = 0; sum < 15; sum++) {
  for (let i = Math.max(0, sum - 7); i <= Math.min(7, sum); i++) {
    const [row, column] = sum % 2 ? [i, sum - i] : [sum - i, i];
    zigzag[k++] = 8 * row + column;
  }
}

/** The range of coefficients that a scan contains. */
export interface Band {
  /** First and last coefficient, in stored order. */
  readonly start: number;
  readonly end: number;
  /** The lowest bit that earlier scans have decoded, and the lowest that this one decodes; `high` is 0 for a first scan. */
  readonly high: number;
  readonly low: number;
}

function badDifference(): Error {
  return damaged('the packed pixels of the JPEG file are damaged: a value is out of range');
}

/**
 * A block of a baseline scan, multiplied by its quantisation table.
 * @returns the DC value for the next prediction
 */
export function decodeBaseline(
  bits: BitReader,
  [dc, ac]: readonly [HuffmanTable, HuffmanTable],
  quant: Uint16Array,
  prediction: number,
  block: Int16Array,
): number {
  block.fill(0);
  const dcValue = prediction + readDifference(bits, dc);
  block[0] = dcValue * quant[0];
  for (let k = 1; k < 64; ) {
    const code = bits.decode(ac);
    const size = code & 15;
    const run = code >> 4;
    if (size === 0) {
      if (run !== 15) break;
      k += 16;
      continue;
    }
    k += run;
    const value = bits.readSigned(size);
    // A run beyond the end writes the last coefficient, as in llama.cpp.
    const at = Math.min(k, 63);
    block[zigzag[at]] = value * quant[at];
    k++;
  }
  return dcValue;
}

/** The difference of a DC value from the previous one. */
function readDifference(bits: BitReader, table: HuffmanTable): number {
  const size = bits.decode(table);
  if (size > 15) throw badDifference();
  return bits.readSigned(size);
}

/**
 * The first bits of a DC coefficient.
 * @returns the DC value for the next prediction
 */
export function decodeDcFirst(
  bits: BitReader,
  table: HuffmanTable,
  { low }: Band,
  prediction: number,
  block: Int16Array,
): number {
  const value = prediction + readDifference(bits, table);
  if (value > 32767 || value < -32768) throw badDifference();
  block[0] = value * (1 << low);
  return value;
}

/** One more bit of a DC coefficient. */
export function refineDc(bits: BitReader, { low }: Band, block: Int16Array): void {
  if (bits.read(1)) block[0] += 1 << low;
}

/** The number of following blocks in the scan without coefficients. */
interface Run {
  blocks: number;
}

function readRun(bits: BitReader, size: number): number {
  return (1 << size) + bits.read(size);
}

/** The first bits of the other coefficients. */
export function decodeAcFirst(bits: BitReader, table: HuffmanTable, band: Band, run: Run, block: Int16Array): void {
  if (run.blocks > 0) {
    run.blocks--;
    return;
  }
  for (let k = band.start; k <= band.end; ) {
    const code = bits.decode(table);
    const size = code & 15;
    const skip = code >> 4;
    if (size === 0) {
      if (skip < 15) {
        run.blocks = readRun(bits, skip) - 1;
        return;
      }
      k += 16;
      continue;
    }
    k += skip;
    block[zigzag[Math.min(k, 63)]] = bits.readSigned(size) * (1 << band.low);
    k++;
  }
}

/** One more bit of the other coefficients. */
export function refineAc(bits: BitReader, table: HuffmanTable, band: Band, run: Run, block: Int16Array): void {
  const bit = 1 << band.low;
  let k = band.start;
  if (run.blocks === 0) {
    while (k <= band.end) {
      const code = bits.decode(table);
      let skip = code >> 4;
      let value = 0;
      if ((code & 15) === 0) {
        if (skip < 15) {
          run.blocks = readRun(bits, skip);
          break;
        }
      } else {
        if ((code & 15) !== 1) throw damaged('the packed pixels of the JPEG file are damaged: impossible coefficient');
        value = bits.read(1) ? bit : -bit;
      }
      // Skip `skip` coefficients that are still 0; the others get their next bit on the way.
      for (; k <= band.end; k++) {
        const at = zigzag[k];
        if (block[at] !== 0) refine(bits, bit, block, at);
        else if (skip-- === 0) {
          block[at] = value;
          k++;
          break;
        }
      }
    }
  }
  if (run.blocks === 0) return;
  run.blocks--;
  for (; k <= band.end; k++) if (block[zigzag[k]] !== 0) refine(bits, bit, block, zigzag[k]);
}

function refine(bits: BitReader, bit: number, block: Int16Array, at: number): void {
  if (bits.read(1) && (block[at] & bit) === 0) block[at] += block[at] > 0 ? bit : -bit;
}
