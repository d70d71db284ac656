/**
 * @file What the adapter can do at best, measured in the same run: bytes copied and fused multiply-adds a second.
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

/** `{ copyGBs, gflops }` of a device; both ways of a copy are counted. */
export async function ceilings(device, quick) {
  const bytes = (quick ? 16 : 256) * 1024 * 1024;
  const usage = 0x80 | 0x8;
  const buffers = [0, 1].map(() => device.createBuffer({ size: bytes, usage }));
  const threads = quick ? 1 << 14 : 1 << 20;
  const steps = quick ? 256 : 2048;
  const copySeconds = await time(device, copy, buffers, bytes / 16 / 256);
  const fmaSeconds = await time(device, fma(steps), buffers, threads / 256);
  for (const buffer of buffers) buffer.destroy();
  return { copyGBs: (2 * bytes) / copySeconds / 1e9, gflops: (threads * steps * 16 * 2) / fmaSeconds / 1e9 };
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
