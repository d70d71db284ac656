/** @file Float32 values: biases, weights of norms, small tables that are added. */
import { panelColumns } from '../forms/form.ts';
import { alignUp } from '../memory.ts';
import type { Storage, Stored } from './storage.ts';

/** The storage of vectors. They are padded with zeros to whole panels. */
export const vector: Storage = {
  valueBytes: (w) => alignUp(size(w), panelColumns) * 4,
  scaleBytes: () => 0,
  stagingBytes: (w) => alignUp(w.rowBytes * w.n * w.nMatrices, 64),
  async fill(w, source, { memory, kernels, staging }) {
    await source.read(0, memory.bytes(staging, source.byteLength));
    memory.bytes(w.address, alignUp(size(w), panelColumns) * 4).fill(0);
    kernels.unpackRow({ type: w.type.id, from: staging, to: w.address, n: size(w), tables: w.grid });
  },
  row: ({ k }) => ({ type: 0, rowBytes: k * 4 }),
  copyBytes: () => 0,
  rows: (w, row) => w.address + row * w.k * 4,
  panelScratchBytes: noPanels,
  panels: noPanels,
};

function size({ k, n, nMatrices }: Stored): number {
  return k * n * nMatrices;
}

function noPanels(): never {
  throw new Error('a vector has no panels');
}
