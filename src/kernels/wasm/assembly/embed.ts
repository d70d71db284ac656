/**
 * @file Rows of tables.
 */
import { madd } from './math';
import { unpackRow } from './unpack';

/**
 * `y[t] = scale · weights[t] · table[index[t]] + add[t]`.
 * @param index address of int32 row numbers; 0: row 0 for all
 * @param weights float32 a row; 0: all 1
 * @param add 0: none
 */
export function embedRows(
  type: i32, table: usize, rowBytes: usize, index: usize, weights: usize, rows: i32, n: i32, scale: f32, add: usize, ldAdd: usize,
  y: usize, ldy: usize, tables: usize,
): void {
  const bytes = <usize>(((n + 3) >> 2) << 4);
  for (let r = 0; r < rows; r++) {
    const row = index == 0 ? 0 : load<u32>(index + (<usize>r << 2));
    const factor: f32 = weights == 0 ? scale : scale * load<f32>(weights + (<usize>r << 2));
    const s = f32x4.splat(factor);
    unpackRow(type, table + <usize>row * rowBytes, y, n, tables);
    if (add != 0) {
      for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, madd(v128.load(y + j), s, v128.load(add + j)));
      add += ldAdd;
    } else if (factor != 1) {
      for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, f32x4.mul(v128.load(y + j), s));
    }
    y += ldy;
  }
}
