/**
 * @file Tile loaders of the types with blocks of 32 to 128 values and one scale a block.
 *
 * Four-bit types keep values 0-15 of a block in the low and 16-31 in the high nibbles of its 16 bytes; so the eight
 * values of part `p` are one nibble each of the two words `2(p & 1)` and `2(p & 1) + 1`.
 */
import { ggmlTypes } from '../../../gguf/ggml-types.ts';
import { f16Head, type Loader } from './loader.ts';

/** A type with the f16 scale in front. */
function scaled(type: Loader['type'], word: Loader['word'], code: string): Loader {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const place = { bodyAt: 2, bodyBytes: blockBytes - 2, headAt: 0, headBytes: 2 } as const;
  return { type, blockSize, blockBytes, ...place, word, code: f16Head + code };
}

/** A type whose blocks are a multiple of four bytes as they are. */
function whole(type: Loader['type'], code: string): Loader {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const place = { bodyAt: 0, bodyBytes: blockBytes, headAt: 0, headBytes: 0 } as const;
  return { type, blockSize, blockBytes, ...place, word: 'u32', code };
}

/** The 16 values of IQ4_NL and IQ4_XS. */
export const iq4Values = /* wgsl */ `
const iq4 = array<f32, 16>(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
fn lookup4(n: u32) -> vec4<f32> {
  return vec4<f32>(iq4[n & 15u], iq4[(n >> 8u) & 15u], iq4[(n >> 16u) & 15u], iq4[(n >> 24u) & 15u]);
}
`;

/** The 16 values of a doubled E2M1 float: MXFP4 and NVFP4. */
const fp4Values = /* wgsl */ `
const fp4 = array<f32, 16>(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
fn lookup4(n: u32) -> vec4<f32> {
  return vec4<f32>(fp4[n & 15u], fp4[(n >> 8u) & 15u], fp4[(n >> 16u) & 15u], fp4[(n >> 24u) & 15u]);
}
`;

const nibbles = /* wgsl */ `
fn nibbles(q: vec2<u32>, p: u32) -> vec2<u32> { return (q >> vec2<u32>(4u * (p >> 1u))) & vec2<u32>(0x0f0f0f0fu); }
`;

/** Four low bits from `nibbles`, the fifth from bit `8p + i` of `qh`. */
const fiveBits = /* wgsl */ `
fn five_bits(q: vec2<u32>, qh: u32, p: u32) -> vec2<u32> {
  let h = qh >> (8u * p);
  return nibbles(q, p) | vec2<u32>(spread4(h) << 4u, spread4(h >> 4u) << 4u);
}
`;

export const smallBlockLoaders: readonly Loader[] = [
  scaled(
    'Q8_0',
    'vec2<u32>',
    /* wgsl */ `
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let d = head(b);
  let q = wq[4u * b + p];
  return mat2x4<f32>(i8x4(q.x) * d, i8x4(q.y) * d);
}`,
  ),
  scaled(
    'Q4_0',
    'vec2<u32>',
    /* wgsl */ `${nibbles}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let d = head(b);
  let q = nibbles(wq[2u * b + (p & 1u)], p);
  return mat2x4<f32>((u8x4(q.x) - 8.0) * d, (u8x4(q.y) - 8.0) * d);
}`,
  ),
  whole(
    'Q4_1',
    /* wgsl */ `${nibbles}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 5u * b;
  let d = half(wq[at] & 0xffffu);
  let m = half(wq[at] >> 16u);
  let i = at + 1u + 2u * (p & 1u);
  let q = nibbles(vec2<u32>(wq[i], wq[i + 1u]), p);
  return mat2x4<f32>(u8x4(q.x) * d + m, u8x4(q.y) * d + m);
}`,
  ),
  scaled(
    'Q5_0',
    'u32',
    /* wgsl */ `${nibbles}${fiveBits}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let d = head(b);
  let at = 5u * b;
  let i = at + 1u + 2u * (p & 1u);
  let q = five_bits(vec2<u32>(wq[i], wq[i + 1u]), wq[at], p);
  return mat2x4<f32>((u8x4(q.x) - 16.0) * d, (u8x4(q.y) - 16.0) * d);
}`,
  ),
  whole(
    'Q5_1',
    /* wgsl */ `${nibbles}${fiveBits}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 6u * b;
  let d = half(wq[at] & 0xffffu);
  let m = half(wq[at] >> 16u);
  let i = at + 2u + 2u * (p & 1u);
  let q = five_bits(vec2<u32>(wq[i], wq[i + 1u]), wq[at + 1u], p);
  return mat2x4<f32>(u8x4(q.x) * d + m, u8x4(q.y) * d + m);
}`,
  ),
  scaled(
    'IQ4_NL',
    'vec2<u32>',
    /* wgsl */ `${nibbles}${iq4Values}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let d = head(b);
  let q = nibbles(wq[2u * b + (p & 1u)], p);
  return mat2x4<f32>(lookup4(q.x) * d, lookup4(q.y) * d);
}`,
  ),
  {
    type: 'MXFP4',
    blockSize: 32,
    blockBytes: 17,
    bodyAt: 1,
    bodyBytes: 16,
    headAt: 0,
    headBytes: 1,
    word: 'vec2<u32>',
    code: /* wgsl */ `${nibbles}${fp4Values}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let e = (wd[b >> 2u] >> ((b & 3u) * 8u)) & 255u;
  let d = bitcast<f32>(select((e - 1u) << 23u, 0x00200000u << e, e < 2u));
  let q = nibbles(wq[2u * b + (p & 1u)], p);
  return mat2x4<f32>(lookup4(q.x) * d, lookup4(q.y) * d);
}`,
  },
  whole(
    'NVFP4',
    /* wgsl */ `${fp4Values}
fn ue4m3_half(x: u32) -> f32 {
  let m = f32(x & 7u);
  let e = (x >> 3u) & 15u;
  let normal = (1.0 + m * 0.125) * bitcast<f32>((e + 119u) << 23u);
  return select(select(normal, m * 0.0009765625, e == 0u), 0.0, x == 127u);
}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 9u * b;
  let s = p >> 1u;
  let d = ue4m3_half((wq[at] >> (8u * s)) & 255u);
  let shift = 4u * (p & 1u);
  let i = at + 1u + 2u * s;
  return mat2x4<f32>(lookup4(wq[i] >> shift) * d, lookup4(wq[i + 1u] >> shift) * d);
}`,
  ),
  scaled(
    'Q1_0',
    'u32',
    /* wgsl */ `
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let d = head(b);
  let h = wq[4u * b + (p >> 2u)] >> (8u * (p & 3u));
  return mat2x4<f32>(signs4(h) * -d, signs4(h >> 4u) * -d);
}`,
  ),
  scaled(
    'Q2_0',
    'u32',
    /* wgsl */ `
fn pairs(h: u32) -> vec4<f32> {
  return vec4<f32>((vec4<u32>(h) >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(3u)) - 1.0;
}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let d = head(b);
  let h = wq[4u * b + (p >> 1u)] >> (16u * (p & 1u));
  return mat2x4<f32>(pairs(h) * d, pairs(h >> 8u) * d);
}`,
  ),
];
