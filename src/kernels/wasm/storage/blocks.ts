/**
 * @file Stores the blocks of the file: for tables, and for matrices of models that are too large to be unpacked, whose panels are made at
 * each use. The blocks are in the kernels' memory, or outside it if 4 GiB are not enough (`outside-memory.ts`).
 */
import type { WeightPart } from '../../../tensor/backend.ts';
import { panelColumns } from '../forms/form.ts';
import { alignUp } from '../memory.ts';
import { packingBytes, packPanel, rowsToFill, type Storage, type Stored, stagingBytes } from './storage.ts';

/** Blocks in the kernels' memory. */
export const blocks: Storage = {
  valueBytes: (w) => w.rowBytes * w.n * w.nMatrices,
  scaleBytes: () => 0,
  stagingBytes: () => 0,
  async fill(w, source, { memory, part }) {
    for (const { at, length } of pieces(w, part)) await source.read(at, memory.bytes(w.address + at, length));
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
  async fill(w, source, { outside, part }) {
    const staging = new Uint8Array(stagingBytes);
    for (const { at, length } of pieces(w, part)) {
      const bytes = staging.subarray(0, length);
      await source.read(at, bytes);
      outside!.write(w.address + at, bytes);
    }
  },
  copyBytes: ({ rowBytes }, rows) => rows * rowBytes,
  rows(w, row, rows, scratch, memory, outside) {
    outside!.read(w.address + row * w.rowBytes, memory.bytes(scratch, rows * w.rowBytes));
    return scratch;
  },
  panelScratchBytes: (w) => onePanelBytes(w) + panelColumns * w.rowBytes + 64,
};

/** Bytes of the weight that are read at a time: those of all matrices at once where whole matrices are filled. */
function* pieces(w: Stored, part: WeightPart | undefined): Generator<{ at: number; length: number }> {
  const [first, last] = rowsToFill(w, part);
  const isWhole = part === undefined;
  const [ranges, from, to] = isWhole ? [1, 0, w.n * w.nMatrices] : [w.nMatrices, first, last];
  for (let matrix = 0; matrix < ranges; matrix++) {
    const end = (matrix * w.n + to) * w.rowBytes;
    for (let at = (matrix * w.n + from) * w.rowBytes; at < end; at += stagingBytes)
      yield { at, length: Math.min(stagingBytes, end - at) };
  }
}

function onePanelBytes(w: Stored): number {
  return panelColumns * (w.k + 2) * 4 + w.products.scaleBytes(w.blocking) + packingBytes(w) + 256;
}
