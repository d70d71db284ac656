/**
 * @file Whole rows: softmax of each row, pooling of each sequence, rows that come with the batch.
 *
 * Idea     softmax: a workgroup a row, maximum and sum by a tree in shared memory. pool: a thread a value of the result,
 *          which adds its column in order, or copies one value. given: a thread a value.
 * Threads  64. Shared 256 bytes (softmax). Features none.
 */
import { eachValue, type Kernel, kernel, linearGroup } from '../kernel.ts';

export const softmax: Kernel = kernel({
  name: 'softmax',
  params: { x: 'tensor', y: 'tensor', rows: 'u32', cols: 'u32' },
  code: /* wgsl */ `
var<workgroup> part: array<f32, 64>;
${linearGroup}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let row = linear_group(wg, nwg);
  if (row >= p.rows) { return; }
  let x = p.xOff + row * p.xStride;
  let y = p.yOff + row * p.yStride;
  var most = -3.4e38;
  for (var i = t; i < p.cols; i += 64u) { most = max(most, arena[x + i]); }
  part[t] = most;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (t < half) { part[t] = max(part[t], part[t + half]); }
    workgroupBarrier();
  }
  most = part[0];
  workgroupBarrier();
  var sum = 0.0;
  for (var i = t; i < p.cols; i += 64u) { sum += exp(arena[x + i] - most); }
  part[t] = sum;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (t < half) { part[t] += part[t + half]; }
    workgroupBarrier();
  }
  for (var i = t; i < p.cols; i += 64u) { arena[y + i] = exp(arena[x + i] - most) / part[0]; }
}`,
});

export const pool: Kernel = kernel({
  name: 'pool',
  params: {
    x: 'tensor',
    y: 'tensor',
    rows: 'u32',
    cols: 'u32',
    /** Number of columns of `x`; `y` has more if rows are put side by side. */
    width: 'u32',
    /** Three numbers for each sequence in `batch`: the begin and end of the rows to pool, and its first row. */
    pooledAt: 'u32',
    /** 0: copies rows, 1: their mean, 2: their maximum, 3: their sum by the root of their number, 4: their mean weighted by place. */
    reduction: 'u32',
  },
  code: eachValue(/* wgsl */ `
  let begin = u32(batch[p.pooledAt + 3u * row]);
  let end = u32(batch[p.pooledAt + 3u * row + 1u]);
  var v = 0.0;
  if (p.reduction == 0u) {
    v = arena[p.xOff + (begin + c / p.width) * p.xStride + c % p.width];
  } else if (p.reduction == 2u) {
    v = arena[p.xOff + begin * p.xStride + c];
    for (var r = begin + 1u; r < end; r++) { v = max(v, arena[p.xOff + r * p.xStride + c]); }
  } else if (p.reduction == 4u) {
    let first = u32(batch[p.pooledAt + 3u * row + 2u]);
    let places = f32(end - begin) * (f32(begin - first) + f32(end - first) + 1.0) / 2.0;
    for (var r = begin; r < end; r++) { v += f32(r - first + 1u) / places * arena[p.xOff + r * p.xStride + c]; }
  } else {
    for (var r = begin; r < end; r++) { v += arena[p.xOff + r * p.xStride + c]; }
    let n = f32(end - begin);
    v = v / select(n, sqrt(n), p.reduction == 3u);
  }
  arena[p.yOff + row * p.yStride + c] = v;`),
});

export const given: Kernel = kernel({
  name: 'given',
  params: {
    /** The rows that come with the batch. */
    g: 'tensor',
    x: 'tensor',
    y: 'tensor',
    rows: 'u32',
    cols: 'u32',
    /** First column of `g`. */
    start: 'u32',
    /** 1: added to `x`; 0: replaces it. */
    isAdded: 'u32',
    /** The row of `g` of each row in `batch`; −1: none. */
    rowsAt: 'u32',
  },
  code: eachValue(/* wgsl */ `
  let source = batch[p.rowsAt + row];
  var v = 0.0;
  if (source >= 0) { v = arena[p.gOff + u32(source) * p.gStride + p.start + c]; }
  if (source < 0 || p.isAdded != 0u) { v = v + arena[p.xOff + row * p.xStride + c]; }
  arena[p.yOff + row * p.yStride + c] = v;`),
});
