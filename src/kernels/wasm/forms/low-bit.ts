/**
 * @file Weights of at most 6 bits in their own integers, activations in int8 (`fast`, if `u8` is not available). Only activations lose
 * precision, and by a little the scales of types whose scales are floats.
 */

import type { Kernels } from '../kernels.ts';
import { alignUp, rowStride } from '../memory.ts';
import { type Activations, type Blocking, type Form, groupRows, layOut, panelColumns, type Rows } from './form.ts';
import { blockingI16 } from './i16.ts';

/** How the values of a type are made: scale · (q − centre) + minimum, with q from 0 to 2 · centre. */
interface Values {
  readonly centre: number;
  /** Values that share a scale; the product needs 127 · centre · sub / 2 ≤ 32767. */
  readonly sub: 32 | 16;
  readonly minima: boolean;
}

/** Values that share a scale of the activations. */
const kb = 128;

/** Values that share a minimum. */
const minimumOf = 32;

/** The blocking of the minima: int16, one for every 32 values. */
function minBlocking(k: number): Blocking {
  return blockingI16(k / minimumOf);
}

/** The sums of 32 activations that are multiplied with the minima: bytes of a group in int16, of a row of scales, of a row in float32. */
function sumBytes(k: number): { group: number; scales: number; floats: number } {
  const { k: kMin, nBlocks } = minBlocking(k);
  return { group: alignUp(kMin, 8) * 2 * groupRows, scales: nBlocks * 4, floats: alignUp(kMin, 8) * 4 };
}

/** Bytes of `startSums` of a group. */
function startBytes(kPad: number, sub: number): number {
  return (kPad / sub) * groupRows * 4;
}

/** Quantises the sums of 32 activations. */
function quantizeSums(kernels: Kernels, k: number, { a, lda, begin, rows }: Rows, to: Activations): void {
  const { group, scales, floats: floatBytes } = sumBytes(k);
  const mins = minBlocking(k);
  const firstGroup = begin / groupRows;
  const floats = to.floats + begin * floatBytes;
  kernels.sumsOf32({ x: a + begin * lda, ldx: lda, rows, k, to: floats, ldTo: floatBytes });
  kernels.quantizeRows({
    x: floats,
    ldx: floatBytes,
    rows,
    k: mins.k,
    q: to.sums + firstGroup * group,
    groupBytes: group,
    scales: to.sumScales + begin * scales,
    kb: mins.kb,
    limit: mins.limit,
  });
}

function lowBit({ centre, sub, minima }: Values): Form {
  /** For the scales of a panel see `packPanelLow`. */
  const scaleBytes = ({ k, kPad, nBlocks }: Blocking) =>
    nBlocks * panelColumns * 8 +
    (kPad / sub) * panelColumns * 4 +
    (minima ? (alignUp(k / minimumOf, 2) * 2 + minBlocking(k).nBlocks * 4) * panelColumns : 0);
  return {
    quantizes: true,
    blocking(k) {
      const kPad = alignUp(k, kb);
      return { k, kPad, kb, nBlocks: kPad / kb, limit: 254 };
    },
    panelBytes: ({ kPad }) => panelColumns * kPad,
    scaleBytes,
    expandedBytes: () => 0,
    activations: ({ k, kPad, nBlocks }, address, rows) =>
      layOut(address, rows, rowStride(kPad * groupRows), nBlocks * 8, {
        starts: startBytes(kPad, sub),
        ...(minima ? sumBytes(k) : { group: 0, scales: 0, floats: 0 }),
      }),
    quantize(kernels, { k, kPad, nBlocks, limit }, from, to) {
      const { a, lda, begin, rows } = from;
      const firstGroup = begin / groupRows;
      const q = to.address + firstGroup * to.groupBytes;
      const { groupBytes } = to;
      const scales = to.scales + begin * nBlocks * 8;
      kernels.quantizeRowsU8({
        x: a + begin * lda,
        ldx: lda,
        rows,
        k,
        q,
        groupBytes,
        scales,
        kb,
        levels: limit,
        zero: 127,
      });
      const startGroupBytes = startBytes(kPad, sub);
      const starts = to.starts + firstGroup * startGroupBytes;
      kernels.startSums({
        q,
        groupBytes,
        groups: Math.ceil(rows / groupRows),
        k,
        sub,
        centre,
        starts,
        startGroupBytes,
      });
      if (minima) quantizeSums(kernels, k, from, to);
    },
    pack(kernels, { k, kPad }, { type, from, rowBytes, rows, to, scales, scratch }) {
      const { kb: kbMin, limit: aLimit } = minima ? minBlocking(k) : { kb: 0, limit: 0 };
      kernels.packPanelLow({
        type,
        from,
        rowBytes,
        nValid: rows,
        k,
        kPad,
        kb,
        sub,
        centre,
        kbMin,
        aLimit,
        w: to,
        scales,
        row: scratch,
      });
    },
    multiply(kernels, blocking, _from, activations, panels) {
      const { address, groupBytes, scales, starts, sums, sumScales } = activations!;
      const { k, kPad } = blocking;
      kernels.linearLow({
        a: address,
        groupBytes,
        aScale: scales,
        start: starts,
        startGroupBytes: startBytes(kPad, sub),
        sums: minima ? sums : 0,
        sumGroupBytes: minima ? sumBytes(k).group : 0,
        sumScale: sumScales,
        scaleBytes: scaleBytes(blocking),
        k,
        kPad,
        kb,
        sub,
        kbMin: minima ? minBlocking(k).kb : 1,
        ...panels,
      });
    },
  };
}

const q4 = lowBit({ centre: 8, sub: 32, minima: false });
const q4WithMinima = lowBit({ centre: 8, sub: 32, minima: true });
const q5 = lowBit({ centre: 16, sub: 32, minima: false });
const q5WithMinima = lowBit({ centre: 16, sub: 32, minima: true });

/** The forms by type of the file. Types with the same form share activations. */
export const lowBitForms: ReadonlyMap<string, Form> = new Map([
  ['Q4_0', q4],
  ['Q4_1', q4WithMinima],
  ['Q4_K', q4WithMinima],
  ['Q5_0', q5],
  ['Q5_1', q5WithMinima],
  ['Q5_K', q5WithMinima],
  ['Q6_K', lowBit({ centre: 32, sub: 16, minima: false })],
  ['MXFP4', lowBit({ centre: 12, sub: 32, minima: false })],
]);
