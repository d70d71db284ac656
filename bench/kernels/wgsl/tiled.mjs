/**
 * @file A workgroup computes a tile of 16 × 16 outputs. Its 256 threads bring 16 × 16 values of A and of W into shared memory, one each; then
 * every value is used by 16 threads. So memory is read a sixteenth as often; shared memory is still read twice for every product.
 */

/** `c[m][n] = Σ a[m][k] · w[n][k]`: WGSL, and how many workgroups to launch. */
export function tiled({ M, N, K }) {
  const code = /* wgsl */ `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

var<workgroup> tileA: array<array<f32, 16>, 16>;
/* One value more in each row, so that threads that read down a column hit different banks. */
var<workgroup> tileW: array<array<f32, 17>, 16>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) t: vec3<u32>) {
  let n = group.x * 16u;
  let m = group.y * 16u;
  var sum = 0.0;
  for (var k = 0u; k < ${K}u; k += 16u) {
    tileA[t.y][t.x] = 0.0;
    tileW[t.y][t.x] = 0.0;
    if (k + t.x < ${K}u) {
      if (m + t.y < ${M}u) { tileA[t.y][t.x] = a[(m + t.y) * ${K}u + k + t.x]; }
      if (n + t.y < ${N}u) { tileW[t.y][t.x] = w[(n + t.y) * ${K}u + k + t.x]; }
    }
    workgroupBarrier();  // both tiles are complete
    for (var i = 0u; i < 16u; i++) {
      sum += tileA[t.y][i] * tileW[t.x][i];
    }
    workgroupBarrier();  // before they are overwritten
  }
  if (m + t.y < ${M}u && n + t.x < ${N}u) {
    c[(m + t.y) * ${N}u + n + t.x] = sum;
  }
}`;
  return { code, groups: [Math.ceil(N / 16), Math.ceil(M / 16)] };
}
