/**
 * @file Rows of a table, one a token, decoded from the table's own type.
 *
 * Idea     A thread decodes eight values of one row, scales them and adds the row of `a`. A table that is cut into parts
 *          is read by one launch a part; rows of other parts are left alone.
 * Threads  64, over tokens × eighths of a row.
 * Shared   none. Features none.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type Loader, loaderBindings, loaderHelpers, loaders } from '../loaders/index.ts';

export const embedding = once((type: Loader['type']): Kernel => {
  const loader = loaders.get(type)!;
  const parts = loader.blockSize / 8;
  return kernel({
    name: `embedding ${type}`,
    params: {
      y: 'tensor',
      a: 'tensor',
      hasAdd: 'u32',
      rows: 'u32',
      cols: 'u32',
      /** Offset of the row numbers in `batch`; 0xffffffff: row 0 for all. */
      indexAt: 'u32',
      /** Offset of the factors of the rows in `batch`, as bits; 0xffffffff: all 1. */
      weightsAt: 'u32',
      firstRow: 'u32',
      nRows: 'u32',
      blocksPerRow: 'u32',
      scale: 'f32',
    },
    bindings: loaderBindings(loader),
    code: /* wgsl */ `
${linearGroup}
${loaderHelpers}${loader.code}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let perRow = p.blocksPerRow * ${parts}u;
  let i = linear_group(wg, nwg) * 64u + t;
  let token = i / perRow;
  if (token >= p.rows) { return; }
  var row = 0u;
  if (p.indexAt != 0xffffffffu) { row = u32(batch[p.indexAt + token]); }
  if (row < p.firstRow || row >= p.firstRow + p.nRows) { return; }
  var scale = p.scale;
  if (p.weightsAt != 0xffffffffu) { scale = scale * bitcast<f32>(batch[p.weightsAt + token]); }
  let eighth = i % perRow;
  let w = w8((row - p.firstRow) * p.blocksPerRow + eighth / ${parts}u, eighth % ${parts}u);
  for (var j = 0u; j < 8u; j++) {
    let c = eighth * 8u + j;
    if (c >= p.cols) { return; }
    var v = w[j >> 2u][j & 3u] * scale;
    if (p.hasAdd != 0u) { v = v + arena[p.aOff + token * p.aStride + c]; }
    arena[p.yOff + token * p.yStride + c] = v;
  }
}`,
  });
});
