/**
 * @file The coefficients of a VP8 macroblock, and their transforms.
 */
import type { BoolReader } from './bool-reader.ts';

/** Position in the 4x4 block of each coefficient in stored order. */
const zigzag = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];
/** The band of probabilities for each coefficient, and for the one after the last. */
const bands = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0];
/** Probabilities of the extra bits of large values. */
const largeBits = [
  [173, 148, 140],
  [176, 155, 140, 135],
  [180, 157, 141, 134, 130],
  [254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129],
];

const BRANCHES = 11;
const PER_BAND = 3 * BRANCHES;
const PER_KIND = 8 * PER_BAND;

/** Kinds of blocks. Each has its own probabilities. */
export const blockKind = { lumaWithoutDc: 0, lumaDc: 1, chroma: 2, luma: 3 } as const;

/**
 * Reads the coefficients of one 4x4 block, multiplied by their factors.
 * @param first 1 where the DC coefficient is stored elsewhere
 * @param context the number of neighbours (above, left) with coefficients
 * @param out receives the 16 coefficients at `at`
 * @returns the index after the last coefficient that is not 0
 */
export function readBlock(
  bits: BoolReader,
  probabilities: Uint8Array,
  kind: number,
  context: number,
  factors: readonly [number, number],
  first: number,
  out: Int16Array,
  at: number,
): number {
  const start = kind * PER_KIND;
  let n = first;
  let p = start + bands[n] * PER_BAND + context * BRANCHES;
  while (n < 16) {
    if (!bits.bit(probabilities[p])) return n;
    while (!bits.bit(probabilities[p + 1])) {
      p = start + bands[++n] * PER_BAND;
      if (n === 16) return 16;
    }
    const next = start + bands[n + 1] * PER_BAND;
    let value = 1;
    if (bits.bit(probabilities[p + 2])) {
      value = readLarge(bits, probabilities, p);
      p = next + 2 * BRANCHES;
    } else p = next + BRANCHES;
    if (bits.bit(128)) value = -value;
    out[at + zigzag[n]] = value * factors[n > 0 ? 1 : 0];
    n++;
  }
  return 16;
}

function readLarge(bits: BoolReader, p: Uint8Array, at: number): number {
  if (!bits.bit(p[at + 3])) {
    if (!bits.bit(p[at + 4])) return 2;
    return 3 + bits.bit(p[at + 5]);
  }
  if (!bits.bit(p[at + 6])) {
    if (!bits.bit(p[at + 7])) return 5 + bits.bit(159);
    const high = bits.bit(165);
    return 7 + 2 * high + bits.bit(145);
  }
  const high = bits.bit(p[at + 8]);
  const size = 2 * high + bits.bit(p[at + 9 + high]);
  let value = 0;
  for (const probability of largeBits[size]) value = 2 * value + bits.bit(probability);
  return value + 3 + (8 << size);
}

const rows = new Int32Array(16);

/** Transforms the DC coefficients of 16 blocks and stores each as the first of its block's 16 values in `out`. */
export function spreadDc(dc: Int16Array, out: Int16Array): void {
  for (let i = 0; i < 4; i++) {
    const a0 = dc[i] + dc[12 + i];
    const a1 = dc[4 + i] + dc[8 + i];
    const a2 = dc[4 + i] - dc[8 + i];
    const a3 = dc[i] - dc[12 + i];
    rows[i] = a0 + a1;
    rows[8 + i] = a0 - a1;
    rows[4 + i] = a3 + a2;
    rows[12 + i] = a3 - a2;
  }
  for (let i = 0, at = 0; i < 16; i += 4, at += 64) {
    const first = rows[i] + 3;
    const a0 = first + rows[i + 3];
    const a1 = rows[i + 1] + rows[i + 2];
    const a2 = rows[i + 1] - rows[i + 2];
    const a3 = first - rows[i + 3];
    out[at] = (a0 + a1) >> 3;
    out[at + 16] = (a3 + a2) >> 3;
    out[at + 32] = (a0 - a1) >> 3;
    out[at + 48] = (a3 - a2) >> 3;
  }
}

const byCosine = (value: number) => ((value * 20091) >> 16) + value;
const bySine = (value: number) => (value * 35468) >> 16;

/** Adds the inverse transform of a block to the 4x4 samples at `to`. */
export function addBlock(block: Int16Array, at: number, samples: Uint8Array, to: number, stride: number): void {
  for (let i = 0; i < 4; i++) {
    const s0 = block[at + i];
    const s1 = block[at + 4 + i];
    const s2 = block[at + 8 + i];
    const s3 = block[at + 12 + i];
    const a = s0 + s2;
    const b = s0 - s2;
    const c = bySine(s1) - byCosine(s3);
    const d = byCosine(s1) + bySine(s3);
    rows[4 * i] = a + d;
    rows[4 * i + 1] = b + c;
    rows[4 * i + 2] = b - c;
    rows[4 * i + 3] = a - d;
  }
  for (let i = 0; i < 4; i++, to += stride) {
    const first = rows[i] + 4;
    const a = first + rows[8 + i];
    const b = first - rows[8 + i];
    const c = bySine(rows[4 + i]) - byCosine(rows[12 + i]);
    const d = byCosine(rows[4 + i]) + bySine(rows[12 + i]);
    samples[to] = clamp(samples[to] + ((a + d) >> 3));
    samples[to + 1] = clamp(samples[to + 1] + ((b + c) >> 3));
    samples[to + 2] = clamp(samples[to + 2] + ((b - c) >> 3));
    samples[to + 3] = clamp(samples[to + 3] + ((a - d) >> 3));
  }
}

export function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
