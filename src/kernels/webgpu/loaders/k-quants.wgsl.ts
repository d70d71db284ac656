/**
 * @file Tile loaders of the K-quants and the ternary types: blocks of 256 values, part `p` = 0…31 of eight.
 */
import { ggmlTypes } from '../../../gguf/ggml-types.ts';
import { f16Head, type Int8Form, type Loader, wholeNumbers } from './loader.ts';

/** A type of 256 values. Its f16 scale, if it is a head, is at `headAt`. */
function block256(type: Loader['type'], headAt: number | undefined, code: string, form?: Int8Form): Loader {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const place =
    headAt === undefined
      ? ({ bodyAt: 0, bodyBytes: blockBytes, headAt: 0, headBytes: 0 } as const)
      : ({ bodyAt: headAt === 0 ? 2 : 0, bodyBytes: blockBytes - 2, headAt, headBytes: 2 } as const);
  const text = headAt === undefined ? code : f16Head + code;
  const read = form === undefined ? { code: text } : wholeNumbers(form, text);
  return { type, blockSize, blockBytes, ...place, word: 'u32', ...read };
}

/** Six-bit scale and minimum number `j` of the 12 bytes from word `at` on (Q4_K, Q5_K), as `vec2(scale, min)`. */
const scaleMin = /* wgsl */ `
fn byte(at: u32, i: u32) -> u32 { return (wq[at + (i >> 2u)] >> (8u * (i & 3u))) & 255u; }
fn scale_min(at: u32, j: u32) -> vec2<f32> {
  if (j < 4u) { return vec2<f32>(f32(byte(at, j) & 63u), f32(byte(at, j + 4u) & 63u)); }
  let both = byte(at, j + 4u);
  return vec2<f32>(
    f32((both & 15u) | ((byte(at, j - 4u) >> 6u) << 4u)),
    f32((both >> 4u) | ((byte(at, j) >> 6u) << 4u)));
}
`;

export const kQuantLoaders: readonly Loader[] = [
  // words: 4 of scales, 16 of quants, d and dmin
  block256(
    'Q2_K',
    undefined,
    /* wgsl */ `
fn scales(b: u32, p: u32) -> u32 {
  let k = p >> 1u;
  return wq[21u * b + (k >> 2u)] >> (8u * (k & 3u));
}
fn scale(b: u32, p: u32) -> f32 { return half(wq[21u * b + 20u] & 0xffffu) * f32(scales(b, p) & 15u); }
fn low(b: u32, p: u32) -> f32 { return -half(wq[21u * b + 20u] >> 16u) * f32((scales(b, p) >> 4u) & 15u); }
fn q8(b: u32, p: u32) -> vec2<u32> {
  let i = 21u * b + 4u + 8u * (p >> 4u) + 2u * (p & 3u);
  return (vec2<u32>(wq[i], wq[i + 1u]) >> vec2<u32>(2u * ((p >> 2u) & 3u))) & vec2<u32>(0x03030303u);
}`,
    { span: 16, low: true },
  ),
  // words: 8 of high bits, 16 of quants, 3 of scales
  block256(
    'Q3_K',
    108,
    /* wgsl */ `
fn byte(at: u32, i: u32) -> u32 { return (wq[at + (i >> 2u)] >> (8u * (i & 3u))) & 255u; }
fn scale(b: u32, p: u32) -> f32 {
  let at = 27u * b;
  let k = p >> 1u;
  let low = select(byte(at + 24u, k & 7u) >> 4u, byte(at + 24u, k & 7u) & 15u, k < 8u);
  let high = (byte(at + 26u, k & 3u) >> (2u * (k >> 2u))) & 3u;
  return head(b) * (f32(low | (high << 4u)) - 32.0) * 0.03125;
}
fn q8(b: u32, p: u32) -> vec2<u32> {
  let at = 27u * b;
  let n = p >> 4u;
  let j = (p >> 2u) & 3u;
  let i = 2u * (p & 3u);
  let h = (vec2<u32>(wq[at + i], wq[at + i + 1u]) >> vec2<u32>(4u * n + j)) & vec2<u32>(0x01010101u);
  let l = at + 8u + 8u * n + i;
  let q = ((vec2<u32>(wq[l], wq[l + 1u]) >> vec2<u32>(2u * j)) & vec2<u32>(0x03030303u)) | (h << vec2<u32>(2u));
  return centred(q, 5u);
}`,
    { span: 16, low: false },
  ),
  // words: d and dmin, 3 of scales, 32 of quants
  block256(
    'Q4_K',
    undefined,
    /* wgsl */ `${scaleMin}
fn scale(b: u32, p: u32) -> f32 { return half(wq[36u * b] & 0xffffu) * scale_min(36u * b + 1u, p >> 2u).x; }
fn low(b: u32, p: u32) -> f32 { return -half(wq[36u * b] >> 16u) * scale_min(36u * b + 1u, p >> 2u).y; }
fn q8(b: u32, p: u32) -> vec2<u32> {
  let j = p >> 2u;
  let i = 36u * b + 4u + 8u * (j >> 1u) + 2u * (p & 3u);
  return (vec2<u32>(wq[i], wq[i + 1u]) >> vec2<u32>(4u * (j & 1u))) & vec2<u32>(0x0f0f0f0fu);
}`,
    { span: 32, low: true },
  ),
  // words: d and dmin, 3 of scales, 8 of fifth bits, 32 of quants
  block256(
    'Q5_K',
    undefined,
    /* wgsl */ `${scaleMin}
fn scale(b: u32, p: u32) -> f32 { return half(wq[44u * b] & 0xffffu) * scale_min(44u * b + 1u, p >> 2u).x; }
fn low(b: u32, p: u32) -> f32 { return -half(wq[44u * b] >> 16u) * scale_min(44u * b + 1u, p >> 2u).y; }
fn q8(b: u32, p: u32) -> vec2<u32> {
  let at = 44u * b;
  let j = p >> 2u;
  let h = at + 4u + 2u * (p & 3u);
  let fifth = (vec2<u32>(wq[h], wq[h + 1u]) >> vec2<u32>(j)) & vec2<u32>(0x01010101u);
  let i = at + 12u + 8u * (j >> 1u) + 2u * (p & 3u);
  let four = (vec2<u32>(wq[i], wq[i + 1u]) >> vec2<u32>(4u * (j & 1u))) & vec2<u32>(0x0f0f0f0fu);
  return four | (fifth << vec2<u32>(4u));
}`,
    { span: 32, low: true },
  ),
  // words: 32 of low nibbles, 16 of high pairs, 4 of scales
  block256(
    'Q6_K',
    208,
    /* wgsl */ `
fn scale(b: u32, p: u32) -> f32 {
  let k = p >> 1u;
  return head(b) * f32(unpack4xI8(wq[52u * b + 48u + (k >> 2u)])[k & 3u]) * 0.25;
}
fn q8(b: u32, p: u32) -> vec2<u32> {
  let at = 52u * b;
  let n = p >> 4u;
  let m = (p >> 2u) & 3u;
  let l = at + 16u * n + 8u * (m & 1u) + 2u * (p & 3u);
  let low = (vec2<u32>(wq[l], wq[l + 1u]) >> vec2<u32>(4u * (m >> 1u))) & vec2<u32>(0x0f0f0f0fu);
  let h = at + 32u + 8u * n + 2u * (p & 3u);
  let high = (vec2<u32>(wq[h], wq[h + 1u]) >> vec2<u32>(2u * m)) & vec2<u32>(0x03030303u);
  return centred(low | (high << vec2<u32>(4u)), 2u);
}`,
    { span: 16, low: false },
  ),
  // words: 12 of five trits a byte, 1 of four trits a byte
  block256(
    'TQ1_0',
    52,
    /* wgsl */ `
const power3 = array<u32, 5>(1u, 3u, 9u, 27u, 81u);
fn trits(w: u32, n: u32) -> vec4<f32> {
  let v = (unpack4xU8(w) * power3[n]) & vec4<u32>(255u);
  return vec4<f32>((v * 3u) >> vec4<u32>(8u)) - 1.0;
}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 13u * b;
  let d = head(b);
  if (p >= 30u) {
    let w = wq[at + 12u];
    let n = 2u * (p - 30u);
    return mat2x4<f32>(trits(w, n) * d, trits(w, n + 1u) * d);
  }
  let wide = p < 20u;
  let n = select((p - 20u) >> 1u, p >> 2u, wide);
  let i = at + select(8u + 2u * (p & 1u), 2u * (p & 3u), wide);
  return mat2x4<f32>(trits(wq[i], n) * d, trits(wq[i + 1u], n) * d);
}`,
  ),
  // words: 16 of four values a byte
  block256(
    'TQ2_0',
    64,
    /* wgsl */ `
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let d = head(b);
  let i = 16u * b + 8u * (p >> 4u) + 2u * (p & 3u);
  let q = (vec2<u32>(wq[i], wq[i + 1u]) >> vec2<u32>(2u * ((p >> 2u) & 3u))) & vec2<u32>(0x03030303u);
  return mat2x4<f32>((u8x4(q.x) - 1.0) * d, (u8x4(q.y) - 1.0) * d);
}`,
  ),
];
