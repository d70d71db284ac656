/**
 * @file What the adapter can do at best, measured in the same run: bytes copied, fused multiply-adds of float32, products of
 * eight-bit integers, and of subgroup matrices, a second.
 */

const copy = `
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> b: array<vec4<f32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) { b[id.x] = a[id.x]; }`;

/** Sixteen independent chains a thread, so that latency is hidden; the result is stored, so that nothing is dropped. */
const fma = (steps) => `
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> b: array<vec4<f32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = a[id.x & 255u];
  var c0 = x; var c1 = x.yzwx; var c2 = x.zwxy; var c3 = x.wxyz;
  for (var i = 0u; i < ${steps}u; i++) {
    c0 = fma(c0, x, x); c1 = fma(c1, x, x); c2 = fma(c2, x, x); c3 = fma(c3, x, x);
  }
  b[id.x] = c0 + c1 + c2 + c3;
}`;

/** Eight independent chains of `dot4I8Packed`, four products each. */
const dot = (steps) => `
@group(0) @binding(0) var<storage, read> a: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> b: array<vec4<i32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = a[id.x & 255u];
  var c0 = vec4<i32>(x); var c1 = vec4<i32>(x.yzwx);
  for (var i = 0u; i < ${steps}u; i++) {
    c0 += vec4<i32>(dot4I8Packed(x.x, u32(c0.x)), dot4I8Packed(x.y, u32(c0.y)), dot4I8Packed(x.z, u32(c0.z)), dot4I8Packed(x.w, u32(c0.w)));
    c1 += vec4<i32>(dot4I8Packed(x.x, u32(c1.x)), dot4I8Packed(x.y, u32(c1.y)), dot4I8Packed(x.z, u32(c1.z)), dot4I8Packed(x.w, u32(c1.w)));
  }
  b[id.x] = c0 + c1;
}`;

/** Four independent chains of matrix products a subgroup, eight subgroups a workgroup, all in registers; no operand is known to the compiler. */
const matrices = ({ m, n, k, subgroup }, steps) => `
enable f16; enable subgroups; enable chromium_experimental_subgroup_matrix;
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
alias Result = subgroup_matrix_result<f32, ${n}, ${m}>;
@compute @workgroup_size(${8 * subgroup})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(subgroup_id) s: u32) {
  let x = subgroup_matrix_left<f16, ${k}, ${m}>(f16(a[0].x) + 0.5h);
  let y = subgroup_matrix_right<f16, ${n}, ${k}>(f16(a[0].y) + 0.25h);
  var c0 = Result(); var c1 = Result(1.0); var c2 = Result(2.0); var c3 = Result(3.0);
  for (var i = 0u; i < ${steps}u; i++) {
    c0 = subgroupMatrixMultiplyAccumulate(x, y, c0); c1 = subgroupMatrixMultiplyAccumulate(x, y, c1);
    c2 = subgroupMatrixMultiplyAccumulate(x, y, c2); c3 = subgroupMatrixMultiplyAccumulate(x, y, c3);
  }
  let at = ((wg.x & 15u) * 8u + s) * ${4 * m * n}u;
  subgroupMatrixStore<row_major>(&b, at, c0, ${n}u);
  subgroupMatrixStore<row_major>(&b, at + ${m * n}u, c1, ${n}u);
  subgroupMatrixStore<row_major>(&b, at + ${2 * m * n}u, c2, ${n}u);
  subgroupMatrixStore<row_major>(&b, at + ${3 * m * n}u, c3, ${n}u);
}`;

/**
 * `{ copyGBs, float, int8, matrix }` of a device: both ways of a copy are counted; the others in GFLOP/s (two a product),
 * `matrix` only with a `shape` of subgroup matrices.
 */
export async function ceilings(device, quick, shape) {
  const bytes = (quick ? 16 : 256) * 1024 * 1024;
  const usage = 0x80 | 0x8;
  const buffers = [0, 1].map(() => device.createBuffer({ size: bytes, usage }));
  const threads = quick ? 1 << 14 : 1 << 20;
  const steps = quick ? 256 : 2048;
  const copySeconds = await time(device, copy, buffers, bytes / 16 / 256);
  const fmaSeconds = await time(device, fma(steps), buffers, threads / 256);
  const dotSeconds = await time(device, dot(steps), buffers, threads / 256);
  const rate = (products, seconds) => (2 * products) / seconds / 1e9;
  let matrix;
  if (shape !== undefined) {
    const groups = threads / 1024;
    const seconds = await time(device, matrices(shape, steps), buffers, groups);
    matrix = rate(groups * 8 * 4 * steps * shape.m * shape.n * shape.k, seconds);
  }
  for (const buffer of buffers) buffer.destroy();
  return {
    copyGBs: (2 * bytes) / copySeconds / 1e9,
    float: rate(threads * steps * 16, fmaSeconds),
    int8: rate(threads * steps * 8 * 4, dotSeconds),
    matrix,
  };
}

/** Best of five, each a submit that is waited for; several dispatches a submit drown the cost of the submit. */
async function time(device, code, buffers, groups) {
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const width = Math.min(groups, 65535);
  const repeats = 4;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 6; i++) {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let r = 0; r < repeats; r++) pass.dispatchWorkgroups(width, Math.max(1, Math.floor(groups / width)));
    pass.end();
    const begin = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    if (i > 0) best = Math.min(best, (performance.now() - begin) / 1000 / repeats);
  }
  return best;
}
