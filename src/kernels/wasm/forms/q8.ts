/**
 * @file Weights of Q8_0 in the file's own bytes (`high`): panels take one byte a weight and become those of `i16.ts` just before they are
 * multiplied. Only the file's scales are rounded, to ratios of 15 bits.
 */
import { expandedBytes } from '../kernels.ts';
import { type Form, panelColumns } from './form.ts';
import { i16 } from './i16.ts';

/** The form of Q8_0 at `high`. Its activations are those of `i16`. */
export const q8: Form = {
  ...i16,
  panelBytes: ({ k }) => panelColumns * k,
  // A scale for each block and column, and a ratio of two bytes for each 32 values.
  scaleBytes: ({ k, nBlocks }) => panelColumns * nBlocks * 4 + k,
  expandedBytes: ({ k }) => Math.max(expandedBytes, panelColumns * k * 2),
  pack(kernels, { k, kb, limit }, { from, rowBytes, rows, to, scales }) {
    kernels.packPanelQ8({ from, rowBytes, nValid: rows, k, kb, aLimit: limit, w: to, scales });
  },
  multiply(kernels, blocking, _from, activations, panels) {
    const { address, groupBytes, scales } = activations!;
    kernels.linearQ8({
      a: address,
      groupBytes,
      aScale: scales,
      scaleBytes: q8.scaleBytes(blocking),
      k: blocking.k,
      kb: blocking.kb,
      ...panels,
    });
  },
};
