/**
 * @file Rounds activations to blocks of bytes for `matmul-int8`.
 *
 * Idea     Each block of 32 values of a row becomes whole numbers −127…127, their scale, and the sums of both halves.
 * Threads  64, eight a block. Shared 768 bytes. Features none.
 */
import { type Kernel, kernel, linearGroup } from '../kernel.ts';

/** Values of a block of activations. */
export const block = 32;
/** Number of 32-bit values in a block that `quantize` writes: 8 of bytes, the scale, the sums of each half's bytes, one unused. */
export const quantizedWords = 12;

/** `y` `[rows, nIn / 32 · 12]`: the rows of `x` in blocks of bytes. Grid: eight blocks a workgroup. */
export const quantize: Kernel = kernel({
  name: 'quantize int8',
  params: { x: 'tensor', y: 'tensor', rows: 'u32', nIn: 'u32' },
  arena: 'u32',
  code: /* wgsl */ `
var<workgroup> largest: array<f32, 64>;
var<workgroup> sums: array<i32, 64>;
${linearGroup}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let perRow = p.nIn / ${block}u;
  let b = linear_group(wg, nwg) * 8u + t / 8u;
  let row = b / perRow;
  let inside = row < p.rows;
  var v = vec4<f32>();
  if (inside) {
    let at = p.xOff + row * p.xStride + (b % perRow) * ${block}u + (t % 8u) * 4u;
    v = bitcast<vec4<f32>>(vec4<u32>(arena[at], arena[at + 1u], arena[at + 2u], arena[at + 3u]));
  }
  let a = abs(v);
  largest[t] = max(max(a.x, a.y), max(a.z, a.w));
  workgroupBarrier();
  let first = t & ~7u;
  var most = 0.0;
  for (var i = 0u; i < 8u; i++) { most = max(most, largest[first + i]); }
  let q = clamp(vec4<i32>(round(v * select(127.0 / most, 0.0, most < 1e-30))), vec4<i32>(-127), vec4<i32>(127));
  sums[t] = q.x + q.y + q.z + q.w;
  workgroupBarrier();
  if (!inside) { return; }
  let y = p.yOff + row * p.yStride + (b % perRow) * ${quantizedWords}u;
  arena[y + t % 8u] = pack4xI8(q);
  if (t == first) {
    arena[y + 8u] = bitcast<u32>(select(most / 127.0, 0.0, most < 1e-30));
    for (var h = 0u; h < 2u; h++) {
      let s = first + 4u * h;
      arena[y + 9u + h] = bitcast<u32>(f32(sums[s] + sums[s + 1u] + sums[s + 2u] + sums[s + 3u]));
    }
    arena[y + 11u] = 0u;
  }
}`,
});
