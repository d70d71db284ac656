/** @file Weights and activations in int16 (`high`). */
import { alignUp, rowStride } from '../memory.ts';
import { type Blocking, blocks, type Form, groupRows, layOut, panelColumns, unpack } from './form.ts';

/** The form of `high`. Blocks: 16 columns of 384 values fill half of a 32 KiB first-level cache. */
export const i16: Form = {
  quantizes: true,
  blocking: blockingI16,
  panelBytes: ({ kPad }) => panelColumns * kPad * 2,
  scaleBytes: ({ nBlocks }) => nBlocks * panelColumns * 4,
  expandedBytes: () => 0,
  activations: ({ k, nBlocks }, address, rows) =>
    layOut(address, rows, rowStride(alignUp(k, 8) * 2 * groupRows), nBlocks * 4),
  quantize(kernels, { k, kb, nBlocks, limit }, { a, lda, begin, rows }, to) {
    const [x, q] = [a + begin * lda, to.address + (begin / groupRows) * to.groupBytes];
    const scales = to.scales + begin * nBlocks * 4;
    kernels.quantizeRows({ x, ldx: lda, rows, k, q, groupBytes: to.groupBytes, scales, kb, limit });
  },
  pack(kernels, blocking, packing) {
    const row = unpack(kernels, blocking, packing);
    const { k, kPad, kb, limit } = blocking;
    const { scratch, rows, to, scales } = packing;
    kernels.packPanelI16({ x: scratch, ldx: k * 4, nValid: rows, k, kPad, kb, aLimit: limit, w: to, scales, row });
  },
  multiply(kernels, { k, kPad, kb }, _from, activations, panels) {
    const { address, groupBytes, scales } = activations!;
    kernels.linearI16({ a: address, groupBytes, aScale: scales, k, kPad, kb, ...panels });
  },
};

/** The blocking of int16. */
export function blockingI16(k: number): Blocking {
  const { kb, nBlocks } = blocks(k, 384);
  const fair = Math.min(32767, Math.floor(32767 * Math.sqrt(32 / Math.min(kb, alignUp(k, 2)))));
  return { k, kPad: alignUp(k, 2), kb, nBlocks, limit: fair };
}
