/**
 * @file From ggml blocks to float32: the plain types, and the switch over all types.
 * A type's number is its id in the file.
 */
import { unpackQ8_0 } from './unpack-q8';

/** Four f16 in the low halves of int32 lanes to float32. Multiplying by 2¹¹² moves the exponent and makes subnormals right. */
// @ts-ignore: decorator
@inline
export function f16x4(h: v128): v128 {
  const sign = i32x4.shl(v128.and(h, i32x4.splat(0x8000)), 16);
  const magnitude = i32x4.shl(v128.and(h, i32x4.splat(0x7fff)), 13);
  const finite = f32x4.mul(magnitude, i32x4.splat(0x77800000));
  const special = v128.and(i32x4.ge_u(magnitude, i32x4.splat(0x0f800000)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(finite, special), sign);
}

/** The f16 at `p`. */
// @ts-ignore: decorator
@inline
export function f16(p: usize): f32 {
  return f32x4.extract_lane(f16x4(i32x4.splat(<i32>load<u16>(p))), 0);
}

function unpackF16(from: usize, to: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(to, f16x4(v128.load16x4_u(from)));
    from += 8; to += 16;
  }
  for (; i < n; i++) { store<f32>(to, f16(from)); from += 2; to += 4; }
}

function unpackBF16(from: usize, to: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(to, i32x4.shl(v128.load16x4_u(from), 16));
    from += 8; to += 16;
  }
  for (; i < n; i++) { store<i32>(to, <i32>load<u16>(from) << 16); from += 2; to += 4; }
}

/** `n` values (whole blocks) of the ggml type `type` at `from` to float32 at `to`. `tables`: where the code books lie. */
export function unpackRow(type: i32, from: usize, to: usize, n: i32, tables: usize): void {
  switch (type) {
    case 0: memory.copy(to, from, <usize>n << 2); break;
    case 1: unpackF16(from, to, n); break;
    case 8: unpackQ8_0(from, to, n); break;
    case 30: unpackBF16(from, to, n); break;
    default: unreachable();
  }
}

/** `rows` rows of `k` values, `rowBytes` apart, to float32 rows `ldx` bytes apart. */
export function unpackRows(type: i32, from: usize, rowBytes: usize, rows: i32, k: i32, x: usize, ldx: usize, tables: usize): void {
  for (let r = 0; r < rows; r++) {
    unpackRow(type, from, x, k, tables);
    from += rowBytes; x += ldx;
  }
}
