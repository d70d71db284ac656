/**
 * @file Defines codecs. A codec converts ggml blocks to float32 values and, for types that can be written, float32 values to blocks.
 *
 * The functions in the family files process whole rows and trust their arguments; `codec` adds the checks. They read and write single
 * bytes, so blocks may begin at any address. Hosts and files are little-endian.
 *
 * In the layouts, `@n` is the byte offset in the block, `f16 d` a little-endian half float, and bits are counted from the lowest. No type
 * needs an intermediate rounding: all products before the last step have at most 24 significant bits, so doubles that are rounded once to
 * float32 give the same bits as float32 arithmetic.
 */
import { type GgmlType, type GgmlTypeName, ggmlTypes, rowBytes } from '../../gguf/ggml-types.ts';

/** Decodes, and for some types encodes, rows of one storage type. */
export interface Codec {
  readonly type: GgmlType;
  /**
   * Writes the first `n` values held by the blocks in `src` to `dst`.
   * @throws RangeError when `n` is not a multiple of the block size, or `src` or `dst` is too short
   */
  dequantize(src: Uint8Array, dst: Float32Array, n: number): void;
  /**
   * Writes the blocks nearest to the first `n` values of `src` to `dst`. Absent: this type is only read.
   * Values must be finite.
   * @throws RangeError as `dequantize`
   */
  quantize?(src: Float32Array, dst: Uint8Array, n: number): void;
}

/** Decodes `n` values: `n` a multiple of the block size, both arrays long enough. */
export type Dequantize = (src: Uint8Array, dst: Float32Array, n: number) => void;
/** Encodes `n` values: `n` a multiple of the block size, both arrays long enough. */
export type Quantize = (src: Float32Array, dst: Uint8Array, n: number) => void;

/** Makes the codec of the type `name` from its functions and adds argument checks. */
export function codec(name: GgmlTypeName, dequantize: Dequantize, quantize?: Quantize): Codec {
  const type = ggmlTypes[name];
  const check = (bytes: Uint8Array, values: Float32Array, n: number) => {
    if (!(Number.isSafeInteger(n) && n >= 0)) throw new RangeError(`${name}: cannot convert ${n} values`);
    const needed = rowBytes(type, n);
    if (bytes.length < needed) throw new RangeError(`${name}: ${n} values take ${needed} bytes, got ${bytes.length}`);
    if (values.length < n) throw new RangeError(`${name}: ${n} values do not fit into an array of ${values.length}`);
  };
  return {
    type,
    dequantize(src, dst, n) {
      check(src, dst, n);
      dequantize(src, dst, n);
    },
    ...(quantize && {
      quantize(src: Float32Array, dst: Uint8Array, n: number) {
        check(dst, src, n);
        quantize(src, dst, n);
      },
    }),
  };
}

/** The 16-bit word at byte `at`: an integer, or the bits of an f16. */
export function u16(src: Uint8Array, at: number): number {
  return src[at] | (src[at + 1] << 8);
}

/** Stores the low 16 bits of `bits` at byte `at`. */
export function putU16(dst: Uint8Array, at: number, bits: number): void {
  dst[at] = bits;
  dst[at + 1] = bits >> 8;
}

/** The 32-bit word at byte `at`, as a signed integer (its bits matter, not its sign). */
export function i32(src: Uint8Array, at: number): number {
  return src[at] | (src[at + 1] << 8) | (src[at + 2] << 16) | (src[at + 3] << 24);
}
