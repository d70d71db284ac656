/**
 * @file Defines tile loaders: the layout of one weight type's blocks in GPU memory, and the WGSL that reads eight values.
 *
 * Upload splits a block in two. Its *head*, the scale of odd size at its beginning or end, goes to one array. The rest, the *body*, is then
 * a multiple of four bytes and goes unchanged to another. Nothing is expanded, and both are aligned. Kernels call only `w8(b, p)`, which
 * returns values `8p … 8p+7` of block `b`, so that products do not depend on the type.
 */
import type { GgmlTypeName } from '../../../gguf/ggml-types.ts';
import type { IqGridName } from '../../../tensor/codecs/index.ts';

/** One weight type as shaders read it. */
export interface Loader {
  readonly type: GgmlTypeName;
  /** Values in a block; for the plain types eight, to which rows are padded with zeros. */
  readonly blockSize: number;
  /** Bytes of a block in the file. */
  readonly blockBytes: number;
  /** First byte of the body in the block. */
  readonly bodyAt: number;
  /** Bytes of the body, a multiple of 4. */
  readonly bodyBytes: number;
  /** First byte of the head in the block, and its size in bytes (0: no head). */
  readonly headAt: number;
  readonly headBytes: 0 | 1 | 2;
  /** WGSL type of an element of `wq`, the bodies. */
  readonly word: 'u32' | 'vec2<u32>' | 'vec4<u32>';
  /** The grid in which the type looks up its values. */
  readonly grid?: IqGridName;
  /** WGSL: `fn w8(b: u32, p: u32) -> mat2x4<f32>`. A type with `int8` also has the functions described there. */
  readonly code: string;
  /** WGSL with `f16`: `fn h8(b: u32, p: u32) -> mat2x4<f16>`, if that is simpler than rounding the result of `w8`. */
  readonly halves?: string;
  /** How products in int8 read the type, if its values are whole numbers times a scale. */
  readonly int8?: Int8Form;
}

/**
 * A type whose values are `scale · q + low` with `q` in −128…127. Its code has `q8(b, p)`, the eight `q` of a part as bytes of two words,
 * `scale(b, p)`, and `low(b, p)` if `hasLow` is set. Nothing is rounded: `w8` computes the same.
 */
export interface Int8Form {
  /** The smallest number of values that share a scale: 32, or 16 if a block of 32 has two scales. */
  readonly span: 16 | 32;
  /** Whether there is a `low`; without it, it is 0. */
  readonly low: boolean;
}

/** `form` and `code` of a type with an `Int8Form`; `w8` follows from them. */
export function wholeNumbers(form: Int8Form, code: string): Pick<Loader, 'int8' | 'code'> {
  const low = form.low ? ' + low(b, p)' : '';
  const w8 = /* wgsl */ `
fn w8(b: u32, p: u32) -> mat2x4<f32> {
  let q = q8(b, p);
  let d = scale(b, p);
  return mat2x4<f32>(i8x4(q.x) * d${low}, i8x4(q.y) * d${low});
}`;
  return { int8: form, code: code + w8 };
}

/** The buffers that a loader reads, for a kernel's bind group 1. */
export function loaderBindings(loader: Loader): Record<string, string> {
  return {
    wq: loader.word,
    ...(loader.headBytes > 0 && { wd: 'u32' }),
    ...(loader.grid !== undefined && { grid: 'u32' }),
  };
}

/**
 * WGSL that loaders share. `half` is exact for every finite f16, subnormal ones too, which `unpack2x16float` may flush:
 * the scales of K-quants are often that small.
 */
export const loaderHelpers = /* wgsl */ `
fn half(h: u32) -> f32 {
  let m = h & 0x3ffu;
  let normal = bitcast<f32>(((h & 0x7fffu) << 13u) + 0x38000000u);
  let v = select(normal, f32(m) * 5.9604644775390625e-8, (h & 0x7c00u) == 0u);
  return select(v, -v, (h & 0x8000u) != 0u);
}
fn u8x4(w: u32) -> vec4<f32> { return vec4<f32>(unpack4xU8(w)); }
fn i8x4(w: u32) -> vec4<f32> { return vec4<f32>(unpack4xI8(w)); }
/* Bytes of numbers of 8 - shift bits: each minus half its range, times 2^shift. */
fn centred(q: vec2<u32>, shift: u32) -> vec2<u32> { return (q << vec2<u32>(shift)) ^ vec2<u32>(0x80808080u); }
/* Bits 0-3 of h, each as +1.0 (clear) or -1.0 (set). */
fn signs4(h: u32) -> vec4<f32> {
  return 1.0 - 2.0 * vec4<f32>((vec4<u32>(h) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u));
}
/* Bits 0-3 of h in the bytes of a word, as 0x00 or 0x01. */
fn spread4(h: u32) -> u32 { return ((h & 15u) * 0x00204081u) & 0x01010101u; }
`;

/** WGSL for the head of block `b`, an f16. */
export const f16Head = /* wgsl */ `
fn head(b: u32) -> f32 { return half((wd[b >> 1u] >> ((b & 1u) * 16u)) & 0xffffu); }
`;
