/**
 * @file From ggml blocks to float32: the plain types, and the dispatch over all types by their id in the file.
 */
import { f16, f16x4 } from './blocks';
import {
  unpackIQ1_M, unpackIQ1_S, unpackIQ2_S, unpackIQ2_XS, unpackIQ2_XXS, unpackIQ3_S, unpackIQ3_XXS,
} from './unpack-iq';
import { unpackQ2_K, unpackQ3_K, unpackQ4_K, unpackQ5_K, unpackQ6_K } from './unpack-k';
import { unpackQ1_0, unpackQ2_0, unpackTQ1_0, unpackTQ2_0 } from './unpack-low';
import {
  unpackIQ4_NL, unpackIQ4_XS, unpackMXFP4, unpackNVFP4, unpackQ4_0, unpackQ4_1, unpackQ5_0, unpackQ5_1,
} from './unpack-q4';
import { unpackQ8_0, unpackQ8_1, unpackQ8_K } from './unpack-q8';

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

function unpackNumbers<T>(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    store<f32>(to, <f32>load<T>(from));
    from += sizeof<T>(); to += 4;
  }
}

/** `n` values (whole blocks) of the ggml type `type` at `from` to float32 at `to`. `tables`: address of the type's grid. */
export function unpackRow(type: i32, from: usize, to: usize, n: i32, tables: usize): void {
  switch (type) {
    case 0: memory.copy(to, from, <usize>n << 2); break;
    case 1: unpackF16(from, to, n); break;
    case 2: unpackQ4_0(from, to, n); break;
    case 3: unpackQ4_1(from, to, n); break;
    case 6: unpackQ5_0(from, to, n); break;
    case 7: unpackQ5_1(from, to, n); break;
    case 8: unpackQ8_0(from, to, n); break;
    case 9: unpackQ8_1(from, to, n); break;
    case 10: unpackQ2_K(from, to, n); break;
    case 11: unpackQ3_K(from, to, n); break;
    case 12: unpackQ4_K(from, to, n); break;
    case 13: unpackQ5_K(from, to, n); break;
    case 14: unpackQ6_K(from, to, n); break;
    case 15: unpackQ8_K(from, to, n); break;
    case 16: unpackIQ2_XXS(from, to, n, tables); break;
    case 17: unpackIQ2_XS(from, to, n, tables); break;
    case 18: unpackIQ3_XXS(from, to, n, tables); break;
    case 19: unpackIQ1_S(from, to, n, tables); break;
    case 20: unpackIQ4_NL(from, to, n); break;
    case 21: unpackIQ3_S(from, to, n, tables); break;
    case 22: unpackIQ2_S(from, to, n, tables); break;
    case 23: unpackIQ4_XS(from, to, n); break;
    case 24: unpackNumbers<i8>(from, to, n); break;
    case 25: unpackNumbers<i16>(from, to, n); break;
    case 26: unpackNumbers<i32>(from, to, n); break;
    case 27: unpackNumbers<i64>(from, to, n); break;
    case 28: unpackNumbers<f64>(from, to, n); break;
    case 29: unpackIQ1_M(from, to, n, tables); break;
    case 30: unpackBF16(from, to, n); break;
    case 34: unpackTQ1_0(from, to, n); break;
    case 35: unpackTQ2_0(from, to, n); break;
    case 39: unpackMXFP4(from, to, n); break;
    case 40: unpackNVFP4(from, to, n); break;
    case 41: unpackQ1_0(from, to, n); break;
    case 42: unpackQ2_0(from, to, n); break;
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
