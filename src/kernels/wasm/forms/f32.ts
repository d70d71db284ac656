/** @file Weights and activations in float32 (`exact`). */
import { alignUp } from '../memory.ts';
import { blocks, type Form, panelColumns, unpack } from './form.ts';

/** The form of `exact`. */
export const f32: Form = {
  quantizes: false,
  blocking: (k) => ({ k, kPad: alignUp(k, 2), ...blocks(k, 384), limit: 0 }),
  panelBytes: ({ k }) => panelColumns * k * 4,
  scaleBytes: () => 0,
  expandedBytes: () => 0,
  activations: () => undefined,
  quantize: () => {
    throw new Error('float32 activations are not quantised');
  },
  pack(kernels, blocking, packing) {
    unpack(kernels, blocking, packing);
    const { scratch, rows, to } = packing;
    kernels.packPanelF32({ x: scratch, ldx: blocking.k * 4, nValid: rows, k: blocking.k, w: to });
  },
  multiply(kernels, { k, kb }, { a, lda }, _activations, panels) {
    kernels.linearF32({ a, lda, k, kb, ...panels });
  },
};
