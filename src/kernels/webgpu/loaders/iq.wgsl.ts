/**
 * @file Tile loaders of the IQ types: blocks of 256 values, part `p` = 0…31 of eight. Values are looked up in a grid
 * (bound as `grid`, one byte a value, so that an entry of eight is two words and one of four is one).
 */
import { ggmlTypes } from '../../../gguf/ggml-types.ts';
import type { IqGridName } from '../../../tensor/codecs/index.ts';
import { f16Head, type Int8Form, type Loader, wholeNumbers } from './loader.ts';
import { iq4Values } from './small-blocks.wgsl.ts';

function iq(type: Loader['type'], grid: IqGridName | undefined, head: boolean, code: string, form?: Int8Form): Loader {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const place = head
    ? ({ bodyAt: 2, bodyBytes: blockBytes - 2, headAt: 0, headBytes: 2 } as const)
    : ({ bodyAt: 0, bodyBytes: blockBytes, headAt: 0, headBytes: 0 } as const);
  const text = byte + (head ? f16Head : '') + code;
  const read = form === undefined ? { code: text } : wholeNumbers(form, text);
  return { type, blockSize, blockBytes, ...place, word: 'u32', grid, ...read };
}

const byte = /* wgsl */ `
fn byte(at: u32, i: u32) -> u32 { return (wq[at + (i >> 2u)] >> (8u * (i & 3u))) & 255u; }
fn short(at: u32, i: u32) -> u32 { return (wq[at + (i >> 1u)] >> (16u * (i & 1u))) & 0xffffu; }
`;

/** Entry `i` of a grid of eight, with the scale and a sign for each value. */
const grid8 = /* wgsl */ `
fn signed8(i: u32, d: f32, s: u32) -> mat2x4<f32> {
  return mat2x4<f32>(u8x4(grid[2u * i]) * d * signs4(s), u8x4(grid[2u * i + 1u]) * d * signs4(s >> 4u));
}
`;

/** Two entries of a grid of four. */
const grid4 = /* wgsl */ `
fn signed44(i: u32, j: u32, d: f32, s: u32) -> mat2x4<f32> {
  return mat2x4<f32>(u8x4(grid[i]) * d * signs4(s), u8x4(grid[j]) * d * signs4(s >> 4u));
}
`;

/** Seven sign bits and an eighth that makes the number of minus signs even. */
const evenSigns = /* wgsl */ `
fn even_signs(i: u32) -> u32 { return i | ((countOneBits(i) & 1u) << 7u); }
`;

export const iqLoaders: readonly Loader[] = [
  iq(
    'IQ2_XXS',
    'IQ2_XXS',
    true,
    /* wgsl */ `${grid8}${evenSigns}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 16u * b + 2u * (p >> 2u);
  let a = wq[at + 1u];
  let d = head(b) * (0.5 + f32(a >> 28u)) * 0.25;
  return signed8(byte(at, p & 3u), d, even_signs((a >> (7u * (p & 3u))) & 127u));
}`,
  ),
  iq(
    'IQ2_XS',
    'IQ2_XS',
    true,
    /* wgsl */ `${grid8}${evenSigns}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 18u * b;
  let w = short(at, p);
  let nibble = (byte(at + 16u, p >> 2u) >> (4u * ((p >> 1u) & 1u))) & 15u;
  return signed8(w & 511u, head(b) * (0.5 + f32(nibble)) * 0.25, even_signs(w >> 9u));
}`,
  ),
  iq(
    'IQ2_S',
    'IQ2_S',
    true,
    /* wgsl */ `${grid8}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 20u * b;
  let g = p >> 2u;
  let i = byte(at, p) | ((byte(at + 16u, g) << (8u - 2u * (p & 3u))) & 0x300u);
  let nibble = (byte(at + 18u, g) >> (4u * ((p >> 1u) & 1u))) & 15u;
  return signed8(i, head(b) * (0.5 + f32(nibble)) * 0.25, byte(at + 8u, p));
}`,
  ),
  iq(
    'IQ3_XXS',
    'IQ3_XXS',
    true,
    /* wgsl */ `${grid4}${evenSigns}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 24u * b;
  let a = wq[at + 16u + (p >> 2u)];
  let d = head(b) * (0.5 + f32(a >> 28u)) * 0.5;
  return signed44(byte(at, 2u * p), byte(at, 2u * p + 1u), d, even_signs((a >> (7u * (p & 3u))) & 127u));
}`,
  ),
  iq(
    'IQ3_S',
    'IQ3_S',
    true,
    /* wgsl */ `${grid4}
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 27u * b;
  let g = p >> 2u;
  let l = 2u * (p & 3u);
  let h = byte(at + 16u, g);
  let d = head(b) * (1.0 + 2.0 * f32((byte(at + 26u, g >> 1u) >> (4u * (g & 1u))) & 15u));
  let i = byte(at, 2u * p) | ((h << (8u - l)) & 256u);
  let j = byte(at, 2u * p + 1u) | ((h << (7u - l)) & 256u);
  return signed44(i, j, d, byte(at + 18u, p));
}`,
  ),
  iq(
    'IQ1_S',
    'IQ1',
    true,
    /* wgsl */ `
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 12u * b;
  let h = short(at + 8u, p >> 2u);
  let d = head(b) * f32(2u * ((h >> 12u) & 7u) + 1u);
  let delta = select(0.125, -0.125, (h & 0x8000u) != 0u);
  let i = byte(at, p) | (((h >> (3u * (p & 3u))) & 7u) << 8u);
  return mat2x4<f32>((i8x4(grid[2u * i]) + delta) * d, (i8x4(grid[2u * i + 1u]) + delta) * d);
}`,
  ),
  iq(
    'IQ1_M',
    'IQ1',
    false,
    /* wgsl */ `
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let at = 14u * b;
  let s01 = wq[at + 12u];
  let s23 = wq[at + 13u];
  let dbits = ((s01 >> 12u) & 15u) | ((s01 >> 24u) & 0xf0u) | ((s23 >> 4u) & 0xf00u) | ((s23 >> 16u) & 0xf000u);
  let g = p >> 2u;
  let scales = short(at + 12u, g >> 1u) >> (6u * (g & 1u) + 3u * ((p >> 1u) & 1u));
  let d = half(dbits) * f32(2u * (scales & 7u) + 1u);
  let h = byte(at + 8u, p >> 1u) >> (4u * (p & 1u));
  let delta = select(0.125, -0.125, (h & 8u) != 0u);
  let i = byte(at, p) | ((h & 7u) << 8u);
  return mat2x4<f32>((i8x4(grid[2u * i]) + delta) * d, (i8x4(grid[2u * i + 1u]) + delta) * d);
}`,
  ),
  iq(
    'IQ4_XS',
    undefined,
    false,
    /* wgsl */ `${iq4Values}
fn scale(b: u32, p: u32) -> f32 {
  let at = 34u * b;
  let g = p >> 2u;
  let low = (byte(at + 1u, g >> 1u) >> (4u * (g & 1u))) & 15u;
  let high = (wq[at] >> (16u + 2u * g)) & 3u;
  return half(wq[at] & 0xffffu) * (f32(low | (high << 4u)) - 32.0);
}
fn q8(b: u32, p: u32) -> vec2<u32> {
  let i = 34u * b + 2u + 4u * (p >> 2u) + 2u * (p & 1u);
  let shift = 4u * ((p >> 1u) & 1u);
  return vec2<u32>(lookup4(wq[i] >> shift), lookup4(wq[i + 1u] >> shift));
}`,
    { span: 32, low: false },
  ),
];
