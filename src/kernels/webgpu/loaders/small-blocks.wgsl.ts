/**
 * @file Tile loaders of the types with blocks of 32 to 128 values and one scale a block.
 *
 * Four-bit types keep values 0-15 of a block in the low and 16-31 in the high nibbles of its 16 bytes; so the eight values of part `p` are
 * in one nibble of each byte of the two words `2(p & 1)` and `2(p & 1) + 1`.
 */
import { ggmlTypes } from '../../../gguf/ggml-types.ts';
import { f16Head, type Int8Form, type Loader, wholeNumbers } from './loader.ts';

/** A type with a leading f16 scale. */
function scaled(type: Loader['type'], word: Loader['word'], code: string, int8?: Int8Form): Loader {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const place = { bodyAt: 2, bodyBytes: blockBytes - 2, headAt: 0, headBytes: 2 } as const;
  return { type, blockSize, blockBytes, ...place, word, ...read(f16Head + code, int8) };
}

function read(code: string, int8: Int8Form | undefined): Pick<Loader, 'int8' | 'code'> {
  return int8 === undefined ? { code } : wholeNumbers(int8, code);
}

const scaleOnly = { span: 32, low: false } as const;
const scaleAndLow = { span: 32, low: true } as const;

/** A type whose block size is a multiple of four bytes. */
function whole(type: Loader['type'], code: string, int8?: Int8Form): Loader {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const place = { bodyAt: 0, bodyBytes: blockBytes, headAt: 0, headBytes: 0 } as const;
  return { type, blockSize, blockBytes, ...place, word: 'u32', ...read(code, int8) };
}

/** The 16 values of IQ4_NL and IQ4_XS. */
export const iq4Values = /* wgsl */ `
const iq4 = array<i32, 16>(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
fn lookup4(n: u32) -> u32 {
  return pack4xI8(vec4<i32>(iq4[n & 15u], iq4[(n >> 8u) & 15u], iq4[(n >> 16u) & 15u], iq4[(n >> 24u) & 15u]));
}
`;

/** The 16 values of a doubled E2M1 float: MXFP4 and NVFP4. */
const fp4Values = /* wgsl */ `
const fp4 = array<i32, 16>(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
fn lookup4(n: u32) -> u32 {
  return pack4xI8(vec4<i32>(fp4[n & 15u], fp4[(n >> 8u) & 15u], fp4[(n >> 16u) & 15u], fp4[(n >> 24u) & 15u]));
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
fn scale(b: u32, p: u32) -> f32 { return head(b); }
fn q8(b: u32, p: u32) -> vec2<u32> { return wq[4u * b + p]; }`,
    scaleOnly,
  ),
  scaled(
    'Q4_0',
    'vec2<u32>',
    /* wgsl */ `${nibbles}
fn scale(b: u32, p: u32) -> f32 { return head(b) * 0.0625; }
fn q8(b: u32, p: u32) -> vec2<u32> { return centred(nibbles(wq[2u * b + (p & 1u)], p), 4u); }`,
    scaleOnly,
  ),
  whole(
    'Q4_1',
    /* wgsl */ `${nibbles}
fn scale(b: u32, p: u32) -> f32 { return half(wq[5u * b] & 0xffffu); }
fn low(b: u32, p: u32) -> f32 { return half(wq[5u * b] >> 16u); }
fn q8(b: u32, p: u32) -> vec2<u32> {
  let i = 5u * b + 1u + 2u * (p & 1u);
  return nibbles(vec2<u32>(wq[i], wq[i + 1u]), p);
}`,
    scaleAndLow,
  ),
  scaled(
    'Q5_0',
    'u32',
    /* wgsl */ `${nibbles}${fiveBits}
fn scale(b: u32, p: u32) -> f32 { return head(b) * 0.125; }
fn q8(b: u32, p: u32) -> vec2<u32> {
  let at = 5u * b;
  let i = at + 1u + 2u * (p & 1u);
  return centred(five_bits(vec2<u32>(wq[i], wq[i + 1u]), wq[at], p), 3u);
}`,
    scaleOnly,
  ),
  whole(
    'Q5_1',
    /* wgsl */ `${nibbles}${fiveBits}
fn scale(b: u32, p: u32) -> f32 { return half(wq[6u * b] & 0xffffu); }
fn low(b: u32, p: u32) -> f32 { return half(wq[6u * b] >> 16u); }
fn q8(b: u32, p: u32) -> vec2<u32> {
  let at = 6u * b;
  let i = at + 2u + 2u * (p & 1u);
  return five_bits(vec2<u32>(wq[i], wq[i + 1u]), wq[at + 1u], p);
}`,
    scaleAndLow,
  ),
  scaled(
    'IQ4_NL',
    'vec2<u32>',
    /* wgsl */ `${nibbles}${iq4Values}
fn scale(b: u32, p: u32) -> f32 { return head(b); }
fn q8(b: u32, p: u32) -> vec2<u32> {
  let q = nibbles(wq[2u * b + (p & 1u)], p);
  return vec2<u32>(lookup4(q.x), lookup4(q.y));
}`,
    scaleOnly,
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
    ...wholeNumbers(
      scaleOnly,
      /* wgsl */ `${nibbles}${fp4Values}
fn scale(b: u32, p: u32) -> f32 {
  let e = (wd[b >> 2u] >> ((b & 3u) * 8u)) & 255u;
  return bitcast<f32>(select((e - 1u) << 23u, 0x00200000u << e, e < 2u));
}
fn q8(b: u32, p: u32) -> vec2<u32> {
  let q = nibbles(wq[2u * b + (p & 1u)], p);
  return vec2<u32>(lookup4(q.x), lookup4(q.y));
}`,
    ),
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
fn scale(b: u32, p: u32) -> f32 { return ue4m3_half((wq[9u * b] >> (8u * (p >> 1u))) & 255u); }
fn q8(b: u32, p: u32) -> vec2<u32> {
  let shift = 4u * (p & 1u);
  let i = 9u * b + 1u + 2u * (p >> 1u);
  return vec2<u32>(lookup4(wq[i] >> shift), lookup4(wq[i + 1u] >> shift));
}`,
    { span: 16, low: false },
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
