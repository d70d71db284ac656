/**
 * @file Extends a product by the norm of its input: `norm(x + r) Wᵀ`.
 *
 * Idea     A workgroup computes mean and factor of its rows before the product and norms what it loads. This repeats the sums for every
 *          tile of outputs, which costs less than a launch while rows are few. The workgroups of the first tile write the normed rows,
 *          if another step reads them.
 * Bits     Those of the norm's own kernel (`row-norm.wgsl.ts`).
 */
import { rowNormCode, rowNormParams, rowNormShared, rowThreads } from './row-norm.wgsl.ts';

/** The parameters that such a product has in addition. The product itself has no residual: `r` is the norm's. */
export const normedParams = {
  ...rowNormParams,
  normWeightAt: 'u32',
  normBiasAt: 'u32',
  addsFirst: 'u32',
  /** The column of `y` where the normed row begins; 0xffffffff: it is not written. */
  normedFrom: 'u32',
} as const;

/** Bytes of shared memory that the norm needs. */
export function normedShared(rows: number, threads: number): number {
  return rowNormShared(threads) + rows * 8;
}

/**
 * WGSL: `norm_rows(t, begin, writes)`, which all threads must call before they use `normed_x(i, row, k)`, the normed values `k…k+3` of row
 * `i` of the tile.
 * @param rows of a tile, a multiple of a sixteenth of the threads or less than that
 */
export function normedCode(wide: boolean, rows: number, threads: number): string {
  const atOnce = threads / rowThreads;
  const store = wide
    ? 'arena[(y + k) >> 2u] = v;'
    : 'for (var j = 0u; j < min(4u, p.nIn - k); j++) { arena[y + k + j] = v[j]; }';
  return /* wgsl */ `
var<workgroup> stats: array<vec2<f32>, ${Math.max(rows, atOnce)}>;
${rowNormCode({ wide, threads, n: 'p.nIn', hasResidual: 'p.addsFirst' })}
fn normed_x(i: u32, row: u32, k: u32) -> vec4<f32> {
  if (row >= p.rows || k >= p.nIn) { return vec4<f32>(); }
  return normed4(row, 0u, k, stats[i], p.normWeightAt, p.normBiasAt);
}
fn norm_rows(t: u32, begin: u32, writes: bool) {
  for (var first = 0u; first < bound(${rows}u); first += ${atOnce}u) {
    let i = first + t / ${rowThreads}u;
    let row = begin + i;
    let inside = row < p.rows && i < ${rows}u;
    let own = row_stats(t, row, 0u, inside);
    if (t % ${rowThreads}u == 0u) { stats[i] = own; }
    if (writes && inside && p.normedFrom != 0xffffffffu) {
      let y = p.yOff + row * p.yStride + p.normedFrom;
      for (var k = (t % ${rowThreads}u) * 4u; k < p.nIn; k += ${rowThreads * 4}u) {
        let v = normed4(row, 0u, k, own, p.normWeightAt, p.normBiasAt);
        ${store}
      }
    }
  }
  workgroupBarrier();
}
`;
}
