/**
 * @file Expands the blocks of a weight to f16, in the layout of the type F16.
 *
 * Idea     A thread reads eight values through the type's loader and writes them as four words. The target takes the place of the arena.
 *          Values are rounded to the nearest, ties to even, in integers, because `pack2x16float` may round otherwise and may flush
 *          subnormal values.
 * Threads  64. Shared none. Features none.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type Loader, loaderBindings, loaderHelpers, loaders } from '../loaders/index.ts';

export const expand = once((type: Loader['type']): Kernel => {
  const loader = loaders.get(type)!;
  const parts = loader.blockSize / 8;
  return kernel({
    name: `expand ${type}`,
    params: {
      /** Vectors of eight values, and where the first is written. */
      n: 'u32',
      first: 'u32',
    },
    arena: 'vec4<u32>',
    bindings: loaderBindings(loader),
    code: /* wgsl */ `
${linearGroup}
${loaderHelpers}${loader.code}
fn f16_bits(v: f32) -> u32 {
  let b = bitcast<u32>(v);
  let sign = (b >> 16u) & 0x8000u;
  /* The largest f16 is 65504. */
  let a = min(b & 0x7fffffffu, 0x477fe000u);
  if (a < 0x38800000u) { return sign | u32(round(bitcast<f32>(a) * 16777216.0)); }
  return sign | ((a + 0xfffu + ((a >> 13u) & 1u) - 0x38000000u) >> 13u);
}
fn pair(a: f32, b: f32) -> u32 { return f16_bits(a) | (f16_bits(b) << 16u); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = linear_group(wg, nwg) * 64u + t;
  if (i >= p.n) { return; }
  let w = w8(i / ${parts}u, i % ${parts}u);
  arena[p.first + i] = vec4<u32>(pair(w[0].x, w[0].y), pair(w[0].z, w[0].w), pair(w[1].x, w[1].y), pair(w[1].z, w[1].w));
}`,
  });
});
