/**
 * @file Stores the blocks of a large table, whose rows are read from the file when a batch first needs them (`table-rows.ts`). Texts use a
 * small part of a vocabulary, and pages of memory that nothing has written take none.
 */
import { blocks } from './blocks.ts';
import type { Storage } from './storage.ts';

/** Blocks in the kernels' memory that come when they are needed. */
export const rowsOnDemand: Storage = {
  ...blocks,
  async fill() {},
  require: (w, rows, memory) => w.tableRows!.require(rows, w.address, memory),
  rows(w, row, rows, _scratch, memory) {
    w.tableRows!.require(
      Array.from({ length: rows }, (_, i) => row + i),
      w.address,
      memory,
    );
    return w.address + row * w.rowBytes;
  },
};
