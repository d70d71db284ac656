/**
 * @file Rows to columns, and rows times a factor.
 */

/** `to[c][r] = from[r][c]`. */
export function transpose(from: usize, ldf: usize, rows: i32, cols: i32, to: usize, ldt: usize): void {
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    let p = from, q = to;
    let c = 0;
    for (; c + 4 <= cols; c += 4) {
      const a = v128.load(p), b = v128.load(p + ldf), d = v128.load(p + 2 * ldf), e = v128.load(p + 3 * ldf);
      const ab = i32x4.shuffle(a, b, 0, 4, 1, 5), de = i32x4.shuffle(d, e, 0, 4, 1, 5);
      const fg = i32x4.shuffle(a, b, 2, 6, 3, 7), hi = i32x4.shuffle(d, e, 2, 6, 3, 7);
      v128.store(q, i64x2.shuffle(ab, de, 0, 2)); v128.store(q + ldt, i64x2.shuffle(ab, de, 1, 3));
      v128.store(q + 2 * ldt, i64x2.shuffle(fg, hi, 0, 2)); v128.store(q + 3 * ldt, i64x2.shuffle(fg, hi, 1, 3));
      p += 16; q += ldt << 2;
    }
    transposeSmall(p, ldf, 4, cols - c, q, ldt);
    from += ldf << 2; to += 16;
  }
  transposeSmall(from, ldf, rows - r, cols, to, ldt);
}

function transposeSmall(from: usize, ldf: usize, rows: i32, cols: i32, to: usize, ldt: usize): void {
  for (let r = 0; r < rows; r++) {
    let q = to + (<usize>r << 2);
    for (let c = 0; c < cols; c++) { store<f32>(q, load<f32>(from + (<usize>c << 2))); q += ldt; }
    from += ldf;
  }
}

/** `to[r][i] = scale · x[r][i]`; `to` has no gaps between rows. */
export function scaleRows(x: usize, ldx: usize, rows: i32, n: i32, scale: f32, to: usize): void {
  const s = f32x4.splat(scale);
  for (let r = 0; r < rows; r++) {
    let p = x;
    let i = 0;
    for (; i + 4 <= n; i += 4) { v128.store(to, f32x4.mul(v128.load(p), s)); p += 16; to += 16; }
    for (; i < n; i++) { store<f32>(to, load<f32>(p) * scale); p += 4; to += 4; }
    x += ldx;
  }
}
