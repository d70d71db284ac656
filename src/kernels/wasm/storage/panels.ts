/**
 * @file Panels: 16 output columns together, in the numbers that products use (`forms/`): float32, or integers with scales for each column
 * and block of k.
 */
import { panelColumns } from '../forms/form.ts';
import { alignUp } from '../memory.ts';
import { packingBytes, packPanel, rowsToFill, type Storage, type Stored, stagingBytes } from './storage.ts';

/** The storage of matrices. */
export const panels: Storage = {
  valueBytes: (w) => w.nMatrices * matrixBytes(w),
  scaleBytes: (w) => w.nMatrices * matrixScaleBytes(w),
  stagingBytes: (w) => alignUp(rowsAtOnce(w) * w.rowBytes, 64) + alignUp(packingBytes(w), 64),
  async fill(w, source, { memory, kernels, staging, part }) {
    const [first, end] = rowsToFill(w, part);
    const atOnce = rowsAtOnce(w);
    const scratch = staging + alignUp(atOnce * w.rowBytes, 64);
    for (let m = 0; m < w.nMatrices; m++) {
      for (let row = first; row < end; row += atOnce) {
        const rows = Math.min(atOnce, end - row);
        await source.read((m * w.n + row) * w.rowBytes, memory.bytes(staging, rows * w.rowBytes));
        for (let r = 0; r < rows; r += panelColumns) {
          const { values, scales } = panelAt(w, m, (row + r) / panelColumns);
          packPanel(w, staging + r * w.rowBytes, Math.min(panelColumns, rows - r), values, scales, scratch, kernels);
        }
      }
    }
  },
  row: noRows,
  copyBytes: noRows,
  rows: noRows,
  panelScratchBytes: () => 0,
  panels(w, _reader, { matrix, begin, end }, use) {
    const { values, scales } = panelAt(w, matrix, begin);
    use(values, scales, end - begin, begin * panelColumns);
  },
};

function matrixBytes({ products, blocking, nPanels }: Stored): number {
  return nPanels * products.panelBytes(blocking);
}

function matrixScaleBytes({ products, blocking, nPanels }: Stored): number {
  return nPanels * products.scaleBytes(blocking);
}

function panelAt(w: Stored, matrix: number, panel: number): { values: number; scales: number } {
  const { products, blocking } = w;
  return {
    values: w.address + matrix * matrixBytes(w) + panel * products.panelBytes(blocking),
    scales: w.scales + matrix * matrixScaleBytes(w) + panel * products.scaleBytes(blocking),
  };
}

/** Rows that are read from the file at a time. */
function rowsAtOnce({ rowBytes }: Stored): number {
  return Math.max(1, Math.floor(stagingBytes / rowBytes / panelColumns)) * panelColumns;
}

function noRows(): never {
  throw new Error('rows of a matrix in panels cannot be looked up');
}
