/**
 * @file Tile loaders of the types without blocks: F32, F16, BF16, read eight values at a time.
 */
import type { Loader } from './loader.ts';

function plain(type: 'F32' | 'F16' | 'BF16', bytes: number, code: string, halves?: string): Loader {
  const blockBytes = 8 * bytes;
  const whole = { blockSize: 8, blockBytes, bodyAt: 0, bodyBytes: blockBytes, headAt: 0, headBytes: 0 } as const;
  return { type, ...whole, word: 'vec4<u32>', code, halves };
}

/** F16 goes through `half` so that subnormal weights are kept on every adapter. */
export const plainLoaders: readonly Loader[] = [
  plain(
    'F32',
    4,
    /* wgsl */ `
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  return mat2x4<f32>(bitcast<vec4<f32>>(wq[2u * b]), bitcast<vec4<f32>>(wq[2u * b + 1u]));
}`,
  ),
  plain(
    'F16',
    2,
    /* wgsl */ `
fn halves(a: u32, b: u32) -> vec4<f32> {
  return vec4<f32>(half(a & 0xffffu), half(a >> 16u), half(b & 0xffffu), half(b >> 16u));
}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let q = wq[b];
  return mat2x4<f32>(halves(q.x, q.y), halves(q.z, q.w));
}`,
    /* wgsl */ `
fn h8(b: u32, p: u32) -> mat2x4<f16> {
  let q = wq[b];
  return mat2x4<f16>(bitcast<vec4<f16>>(q.xy), bitcast<vec4<f16>>(q.zw));
}`,
  ),
  plain(
    'BF16',
    2,
    /* wgsl */ `
fn uppers(a: u32, b: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(a << 16u, a & 0xffff0000u, b << 16u, b & 0xffff0000u));
}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let q = wq[b];
  return mat2x4<f32>(uppers(q.x, q.y), uppers(q.z, q.w));
}`,
  ),
];
