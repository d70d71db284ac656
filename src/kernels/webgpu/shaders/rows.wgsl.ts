/**
 * @file Reductions over rows: softmax of each row, pooling of each sequence.
 *
 * Idea     softmax: a workgroup a row, maximum and sum by a tree in shared memory. pool: a thread a value of the result,
 *          which adds its column in order.
 * Threads  64. Shared 256 bytes (softmax). Features none.
 */
import { type Kernel, kernel, linearGroup } from '../kernel.ts';

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

/** Numbers of the kinds of pooling in the shader. */
export const poolCode = { mean: 0, cls: 1, last: 2 } as const;

export const pool: Kernel = kernel({
  name: 'pool',
  params: { x: 'tensor', y: 'tensor', rows: 'u32', cols: 'u32', offsetsAt: 'u32', kind: 'u32' },
  code: /* wgsl */ `
${linearGroup}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = linear_group(wg, nwg) * 64u + t;
  let s = i / p.cols;
  let c = i % p.cols;
  if (s >= p.rows) { return; }
  let begin = u32(batch[p.offsetsAt + s]);
  let end = u32(batch[p.offsetsAt + s + 1u]);
  var v = 0.0;
  switch p.kind {
    case 1u: { v = arena[p.xOff + begin * p.xStride + c]; }
    case 2u: { v = arena[p.xOff + (end - 1u) * p.xStride + c]; }
    default: {
      for (var row = begin; row < end; row++) { v += arena[p.xOff + row * p.xStride + c]; }
      v = v / f32(end - begin);
    }
  }
  arena[p.yOff + s * p.yStride + c] = v;
}`,
});
