/**
 * @file The steps after a tile of sums: scales, bias or the sums of earlier blocks of k, activation, residual.
 */
import { GELU, GELU_ERF, GELU_QUICK, NONE, RELU, SILU, gelu4, geluErf4, geluQuick4, madd, relu4, silu4, tanh4 } from './math';

/** Rows of a strip, whose sums are scaled together. */
@inline export const STRIP: i32 = 48;
/** Bytes of the sums of a strip, `[row][16]`. */
export const STRIP_BYTES: usize = 3072;

/** `base + factor · (scale · wScale · t + offset · wSum)` in four columns; `wScale` and `wSum` already include `factor`. */
@inline
function scaledU8(t: v128, scale: v128, wScale: v128, offset: v128, wSum: v128, base: v128): v128 {
  return madd(f32x4.convert_i32x4_s(t), f32x4.mul(scale, wScale), madd(offset, wSum, base));
}

/**
 * `c[r] = base[r] + factor · aScale[r] · wScale · t[r]` for int32 sums `t`, `rows` × 16.
 * `base` is the bias with `ldBase` 0 for the first block of k, and `c` itself for the others.
 */
export function scaleTile(
  t: usize, c: usize, ldc: usize, base: usize, ldBase: usize, aScale: usize, ldScale: usize, wScale: usize, factor: f32, rows: i32,
): void {
  const f = f32x4.splat(factor);
  const s0 = f32x4.mul(f, v128.load(wScale)), s1 = f32x4.mul(f, v128.load(wScale, 16));
  const s2 = f32x4.mul(f, v128.load(wScale, 32)), s3 = f32x4.mul(f, v128.load(wScale, 48));
  for (let r = 0; r < rows; r++) {
    const s = v128.load32_splat(aScale);
    const y0 = madd(f32x4.convert_i32x4_s(v128.load(t)), f32x4.mul(s, s0), v128.load(base));
    const y1 = madd(f32x4.convert_i32x4_s(v128.load(t, 16)), f32x4.mul(s, s1), v128.load(base, 16));
    const y2 = madd(f32x4.convert_i32x4_s(v128.load(t, 32)), f32x4.mul(s, s2), v128.load(base, 32));
    const y3 = madd(f32x4.convert_i32x4_s(v128.load(t, 48)), f32x4.mul(s, s3), v128.load(base, 48));
    v128.store(c, y0); v128.store(c, y1, 16); v128.store(c, y2, 32); v128.store(c, y3, 48);
    t += 64; c += ldc; base += ldBase; aScale += ldScale;
  }
}

/**
 * The same for 8-bit activations: `c[r] = base[r] + factor · (aScale[r].scale · wScale · t[r] + aScale[r].offset · wSum)`, with
 * (scale, offset) a row and 16 scales and 16 scaled sums of weights.
 */
export function scaleTileU8(
  t: usize, c: usize, ldc: usize, base: usize, ldBase: usize, aScale: usize, ldScale: usize, wScale: usize, factor: f32, rows: i32,
): void {
  const f = f32x4.splat(factor);
  const s0 = f32x4.mul(f, v128.load(wScale)), s1 = f32x4.mul(f, v128.load(wScale, 16));
  const s2 = f32x4.mul(f, v128.load(wScale, 32)), s3 = f32x4.mul(f, v128.load(wScale, 48));
  const o0 = f32x4.mul(f, v128.load(wScale, 64)), o1 = f32x4.mul(f, v128.load(wScale, 80));
  const o2 = f32x4.mul(f, v128.load(wScale, 96)), o3 = f32x4.mul(f, v128.load(wScale, 112));
  for (let r = 0; r < rows; r++) {
    const s = v128.load32_splat(aScale), o = v128.load32_splat(aScale, 4);
    const y0 = scaledU8(v128.load(t), s, s0, o, o0, v128.load(base));
    const y1 = scaledU8(v128.load(t, 16), s, s1, o, o1, v128.load(base, 16));
    const y2 = scaledU8(v128.load(t, 32), s, s2, o, o2, v128.load(base, 32));
    const y3 = scaledU8(v128.load(t, 48), s, s3, o, o3, v128.load(base, 48));
    v128.store(c, y0); v128.store(c, y1, 16); v128.store(c, y2, 32); v128.store(c, y3, 48);
    t += 64; c += ldc; base += ldBase; aScale += ldScale;
  }
}

/** The same for float32 sums: `c[r] = base[r] + factor · t[r]`. */
export function addTile(t: usize, c: usize, ldc: usize, base: usize, ldBase: usize, factor: f32, rows: i32): void {
  const f = f32x4.splat(factor);
  for (let r = 0; r < rows; r++) {
    for (let j: usize = 0; j < 64; j += 16) v128.store(c + j, madd(f, v128.load(t + j), v128.load(base + j)));
    t += 64; c += ldc; base += ldBase;
  }
}

/** `y = activation(x)` on `rows` × `cols` values (columns rounded up to 8; the rows are padded). */
export function activateRows(x: usize, ldx: usize, y: usize, ldy: usize, rows: i32, cols: i32, activation: i32): void {
  const bytes = <usize>(((cols + 7) >> 3) << 5);
  for (let r = 0; r < rows; r++) {
    if (activation == GELU) geluRow(x, y, bytes);
    else if (activation == SILU) siluRow(x, y, bytes);
    else if (activation == GELU_QUICK) geluQuickRow(x, y, bytes);
    else if (activation == GELU_ERF) geluErfRow(x, y, bytes);
    else if (activation == RELU) for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, relu4(v128.load(x + j)));
    else for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, tanh4(v128.load(x + j)));
    x += ldx; y += ldy;
  }
}

/** Two vectors at a time, so that V8 can pack them. */
export function geluRow(x: usize, y: usize, bytes: usize): void {
  for (let j: usize = 0; j < bytes; j += 32) {
    const a = gelu4(v128.load(x + j)), b = gelu4(v128.load(x + j, 16));
    v128.store(y + j, a); v128.store(y + j, b, 16);
  }
}

export function geluQuickRow(x: usize, y: usize, bytes: usize): void {
  for (let j: usize = 0; j < bytes; j += 32) {
    const a = geluQuick4(v128.load(x + j)), b = geluQuick4(v128.load(x + j, 16));
    v128.store(y + j, a); v128.store(y + j, b, 16);
  }
}

export function geluErfRow(x: usize, y: usize, bytes: usize): void {
  for (let j: usize = 0; j < bytes; j += 32) {
    const a = geluErf4(v128.load(x + j)), b = geluErf4(v128.load(x + j, 16));
    v128.store(y + j, a); v128.store(y + j, b, 16);
  }
}

export function siluRow(x: usize, y: usize, bytes: usize): void {
  for (let j: usize = 0; j < bytes; j += 32) {
    const a = silu4(v128.load(x + j)), b = silu4(v128.load(x + j, 16));
    v128.store(y + j, a); v128.store(y + j, b, 16);
  }
}

/** `y = a + b`. */
export function addRows(a: usize, lda: usize, b: usize, ldb: usize, y: usize, ldy: usize, rows: i32, cols: i32): void {
  const bytes = <usize>(((cols + 7) >> 3) << 5);
  for (let r = 0; r < rows; r++) {
    for (let j: usize = 0; j < bytes; j += 32) {
      const s = f32x4.add(v128.load(a + j), v128.load(b + j)), t = f32x4.add(v128.load(a + j, 16), v128.load(b + j, 16));
      v128.store(y + j, s); v128.store(y + j, t, 16);
    }
    a += lda; b += ldb; y += ldy;
  }
}

/** `y = a + factor · b`. */
export function addScaledRows(
  a: usize, lda: usize, b: usize, ldb: usize, y: usize, ldy: usize, rows: i32, cols: i32, factor: f32,
): void {
  if (factor == 1) {
    addRows(a, lda, b, ldb, y, ldy, rows, cols);
    return;
  }
  const bytes = <usize>(((cols + 7) >> 3) << 5), f = f32x4.splat(factor);
  for (let r = 0; r < rows; r++) {
    for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, f32x4.add(v128.load(a + j), f32x4.mul(f, v128.load(b + j))));
    a += lda; b += ldb; y += ldy;
  }
}

/** `y = activation(gate) · up`. */
export function gluRows(
  gate: usize, ldg: usize, up: usize, ldu: usize, y: usize, ldy: usize, rows: i32, cols: i32, activation: i32,
): void {
  activateRows(gate, ldg, y, ldy, rows, cols, activation);
  const bytes = <usize>(((cols + 7) >> 3) << 5);
  for (let r = 0; r < rows; r++) {
    for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, f32x4.mul(v128.load(y + j), v128.load(up + j)));
    up += ldu; y += ldy;
  }
}

/**
 * Applies the activation to the sums of a strip of one panel, `[row][16]`, adds the residual (address 0: none) and writes them to `c`.
 * `row` is the first row of the strip; `c` and `residual` are the addresses of the first row and column of the matrix.
 */
export function finishStrip(
  sums: usize, c: usize, ldc: usize, row: i32, panel: i32, rows: i32, activation: i32, residual: usize, ldr: usize,
): void {
  const column = <usize>panel << 6;
  c += <usize>row * ldc + column;
  if (activation != NONE) activateRows(sums, 64, sums, 64, rows, 16, activation);
  if (residual != 0) addRows(sums, 64, residual + <usize>row * ldr + column, ldr, c, ldc, rows, 16);
  else copyStrip(sums, c, ldc, rows);
}

/** Instead of `copyRows`: a `memory.copy` of 64 bytes has more overhead than copying them here. */
function copyStrip(sums: usize, c: usize, ldc: usize, rows: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let j: usize = 0; j < 64; j += 16) v128.store(c + j, v128.load(sums + j));
    sums += 64; c += ldc;
  }
}
