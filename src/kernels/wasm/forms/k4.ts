/** @file The 4 bits of Q4_K unchanged, activations in int8 (`fast`, if `u8` is not available). Only activations lose precision. */
import { alignUp, rowStride } from '../memory.ts';
import { type Blocking, blocks, type Form, groupRows, layOut, panelColumns } from './form.ts';
import { blockingI16 } from './i16.ts';

/** Values of a sub-block of Q4_K. */
const subBlock = 32;

/** The blocking of the minima: int16, with one minimum for each sub-block. */
function minBlocking(k: number): Blocking {
  return blockingI16(k / subBlock);
}

/** The sums of 32 activations that are multiplied with the minima: bytes of a group in int16, of a row of scales, of a row in float32. */
function sumBytes(k: number): { group: number; scales: number; floats: number } {
  const { k: kMin, nBlocks } = minBlocking(k);
  return { group: alignUp(kMin, 8) * 2 * groupRows, scales: nBlocks * 4, floats: alignUp(kMin, 8) * 4 };
}

/** For the scales of a panel see `packPanelK4`. */
function scaleBytes({ k }: Blocking): number {
  return 4 * k + minBlocking(k).nBlocks * panelColumns * 4;
}

/** The form of Q4_K at `fast`. */
export const k4: Form = {
  quantizes: true,
  blocking: (k) => ({ k, kPad: alignUp(k, 2), ...blocks(k, 128), limit: 254 }),
  panelBytes: ({ kPad }) => panelColumns * kPad,
  scaleBytes,
  activations: ({ k, nBlocks }, address, rows) =>
    layOut(address, rows, rowStride(alignUp(k, 16) * groupRows), nBlocks * 8, sumBytes(k)),
  quantize(kernels, { k, kb, nBlocks, limit }, { a, lda, begin, rows }, to) {
    const { group, scales: sumScaleBytes, floats: floatBytes } = sumBytes(k);
    const mins = minBlocking(k);
    const firstGroup = begin / groupRows;
    const [x, q] = [a + begin * lda, to.address + firstGroup * to.groupBytes];
    const scales = to.scales + begin * nBlocks * 8;
    kernels.quantizeRowsU8({
      x,
      ldx: lda,
      rows,
      k,
      q,
      groupBytes: to.groupBytes,
      scales,
      kb,
      levels: limit,
      zero: 127,
    });
    const floats = to.floats + begin * floatBytes;
    kernels.sumsOf32({ x, ldx: lda, rows, k, to: floats, ldTo: floatBytes });
    kernels.quantizeRows({
      x: floats,
      ldx: floatBytes,
      rows,
      k: mins.k,
      q: to.sums + firstGroup * group,
      groupBytes: group,
      scales: to.sumScales + begin * sumScaleBytes,
      kb: mins.kb,
      limit: mins.limit,
    });
  },
  pack(kernels, { k }, { from, rowBytes, rows, to, scales, scratch }) {
    const { kb, limit } = minBlocking(k);
    kernels.packPanelK4({ from, rowBytes, nValid: rows, k, kbMin: kb, aLimit: limit, w: to, scales, row: scratch });
  },
  multiply(kernels, blocking, _from, activations, panels) {
    const { address, groupBytes, scales, sums, sumScales } = activations!;
    const { k } = blocking;
    kernels.linearK4({
      a: address,
      groupBytes,
      aScale: scales,
      sums,
      sumGroupBytes: sumBytes(k).group,
      sumScale: sumScales,
      w: panels.w,
      wScale: panels.wScale,
      scaleBytes: scaleBytes(blocking),
      k,
      kbMin: minBlocking(k).kb,
      nPanels: panels.nPanels,
      bias: panels.bias,
      biasStep: panels.biasStep,
      factor: panels.factor,
      c: panels.c,
      ldc: panels.ldc,
      rows: panels.rows,
      activation: panels.activation,
      residual: panels.residual,
      ldr: panels.ldr,
      wide: panels.wide,
      t: panels.t,
    });
  },
};
