/** @file A thread an output. It reads a row of A and a row of W from memory for itself: two loads for every product. */

/** `c[m][n] = Σ a[m][k] · w[n][k]`: WGSL, and how many workgroups to launch. */
export function naive({ M, N, K }) {
  const code = /* wgsl */ `
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let n = id.x;
  let m = id.y;
  if (m >= ${M}u || n >= ${N}u) { return; }
  var sum = 0.0;
  for (var k = 0u; k < ${K}u; k++) {
    sum += a[m * ${K}u + k] * w[n * ${K}u + k];
  }
  c[m * ${N}u + n] = sum;
}`;
  return { code, groups: [Math.ceil(N / 16), Math.ceil(M / 16)] };
}
