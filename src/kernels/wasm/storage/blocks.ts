/**
 * @file Stores the blocks of the file: for tables, and for matrices of models that are too large to be unpacked, whose panels are made at
 * each use. The blocks are in the kernels' memory, or outside it if 4 GiB are not enough (`outside-memory.ts`).
 */
import { panelColumns } from '../forms/form.ts';
import { alignUp } from '../memory.ts';
import { packingBytes, packPanel, type Storage, type Stored, stagingBytes } from './storage.ts';

/** Blocks in the kernels' memory. */
export const blocks: Storage = {
  valueBytes: (w) => w.rowBytes * w.n * w.nMatrices,
  scaleBytes: () => 0,
  stagingBytes: () => 0,
  async fill({ address }, source, { memory }) {
    for (let at = 0; at < source.byteLength; at += stagingBytes) {
      await source.read(at, memory.bytes(address + at, Math.min(stagingBytes, source.byteLength - at)));
    }
  },
  row: ({ type, rowBytes }) => ({ type: type.id, rowBytes }),
  copyBytes: () => 0,
  rows: (w, row) => w.address + row * w.rowBytes,
  panelScratchBytes: onePanelBytes,
  panels(w, reader, { matrix, begin, end, scratch }, use) {
    const panel = alignUp(scratch, 64);
    const scales = panel + panelColumns * (w.k + 2) * 4;
    const packing = alignUp(scales + w.products.scaleBytes(w.blocking), 64);
    const copied = alignUp(packing + packingBytes(w), 64);
    for (let column = begin * panelColumns; column < Math.min(w.n, end * panelColumns); column += panelColumns) {
      const n = Math.min(panelColumns, w.n - column);
      const from = reader.blocks(w, matrix * w.n + column, n, copied);
      packPanel(w, from, n, panel, scales, packing, reader.kernels);
      use(panel, scales, 1, column);
    }
  },
};

/** Blocks outside of the kernels' memory. */
export const outsideBlocks: Storage = {
  ...blocks,
  async fill({ address }, source, { outside }) {
    const staging = new Uint8Array(stagingBytes);
    for (let at = 0; at < source.byteLength; at += stagingBytes) {
      const part = staging.subarray(0, source.byteLength - at);
      await source.read(at, part);
      outside!.write(address + at, part);
    }
  },
  copyBytes: ({ rowBytes }, rows) => rows * rowBytes,
  rows(w, row, rows, scratch, memory, outside) {
    outside!.read(w.address + row * w.rowBytes, memory.bytes(scratch, rows * w.rowBytes));
    return scratch;
  },
  panelScratchBytes: (w) => onePanelBytes(w) + panelColumns * w.rowBytes + 64,
};

function onePanelBytes(w: Stored): number {
  return panelColumns * (w.k + 2) * 4 + w.products.scaleBytes(w.blocking) + packingBytes(w) + 256;
}
