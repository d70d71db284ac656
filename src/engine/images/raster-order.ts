/**
 * @file Puts the rows of patches in the steps of a vision tower into raster order. A tower may compute them in another one.
 */
import type { Observer } from '../../tensor/ops.ts';
import { isAttention } from '../trace/trace.ts';

/**
 * Shows `observer` every step in raster order.
 * @param order the patch of each row, by its index in raster order
 */
export function inRasterOrder(observer: Observer, order: Int32Array): Observer {
  const n = order.length;
  return (name, values, rows, cols) => {
    // A row for each patch, or for each head and patch. Other steps are behind the pooling of patches.
    if (rows % n !== 0) return observer(name, values, rows, cols);
    // The shares of attention have a column for each patch, too.
    const columns = cols === n && isAttention(name) ? order : undefined;
    const sorted = new Float32Array(values.length);
    for (let r = 0; r < rows; r++) {
      const row = values.subarray(r * cols, (r + 1) * cols);
      const to = (r - (r % n) + order[r % n]) * cols;
      if (columns === undefined) sorted.set(row, to);
      else for (let c = 0; c < cols; c++) sorted[to + columns[c]] = row[c];
    }
    observer(name, sorted, rows, cols);
  };
}
