/** @file Weights in int8, activations in unsigned 8 bits with an offset (`fast`, if the engine has the products for it). */
import { alignUp, rowStride } from '../memory.ts';
import { blocks, type Form, groupRows, layOut, panelColumns, unpack } from './form.ts';

/**
 * The form of `fast`. A scale for every 64 values keeps the error below that of llama.cpp's Q8_0.
 * @param levels largest activation
 */
export function u8(levels: 255 | 127): Form {
  return {
    quantizes: true,
    blocking: (k) => ({ k, kPad: alignUp(k, 4), ...blocks(k, 64), limit: levels }),
    panelBytes: ({ kPad }) => panelColumns * kPad,
    // A scale and a sum a column.
    scaleBytes: ({ nBlocks }) => nBlocks * panelColumns * 8,
    expandedBytes: () => 0,
    activations: ({ k, nBlocks }, address, rows) =>
      layOut(address, rows, rowStride(alignUp(k, 16) * groupRows), nBlocks * 8),
    quantize(kernels, { k, kb, nBlocks }, { a, lda, begin, rows }, to) {
      const [x, q] = [a + begin * lda, to.address + (begin / groupRows) * to.groupBytes];
      const scales = to.scales + begin * nBlocks * 8;
      kernels.quantizeRowsU8({ x, ldx: lda, rows, k, q, groupBytes: to.groupBytes, scales, kb, levels, zero: 0 });
    },
    pack(kernels, blocking, packing) {
      const row = unpack(kernels, blocking, packing);
      const { k, kb } = blocking;
      const { scratch, rows, to, scales } = packing;
      kernels.packPanelI8({ x: scratch, ldx: k * 4, nValid: rows, k, kb, w: to, scales, row });
    },
    multiply(kernels, { k, kPad, kb }, _from, activations, panels) {
      const { address, groupBytes, scales } = activations!;
      kernels.linearU8({ a: address, groupBytes, aScale: scales, k, kPad, kb, ...panels });
    },
  };
}
