/**
 * @file Layer norm, RMS norm, softmax over columns. Sums run over four vectors in parallel and are added in a fixed order, so that a row
 * always has the same result.
 */
import { expOrZero, firstLanes, laneSum, loadFirst, madd, squareRoot } from './math';

/** Σ x of `n` values. */
function rowSum(x: usize, n: i32): f32 {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  const end = x + (<usize>(n >> 4) << 6);
  for (; x < end; x += 64) {
    a = f32x4.add(a, v128.load(x)); b = f32x4.add(b, v128.load(x, 16));
    c = f32x4.add(c, v128.load(x, 32)); d = f32x4.add(d, v128.load(x, 48));
  }
  let rest = n & 15;
  for (; rest >= 4; rest -= 4) { a = f32x4.add(a, v128.load(x)); x += 16; }
  if (rest != 0) b = f32x4.add(b, loadFirst(x, rest));
  return laneSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}

/** Σ (x − mean)² of `n` values. */
function rowSquares(x: usize, n: i32, mean: f32): f32 {
  const m = f32x4.splat(mean);
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  const end = x + (<usize>(n >> 4) << 6);
  for (; x < end; x += 64) {
    const v0 = f32x4.sub(v128.load(x), m), v1 = f32x4.sub(v128.load(x, 16), m);
    const v2 = f32x4.sub(v128.load(x, 32), m), v3 = f32x4.sub(v128.load(x, 48), m);
    a = madd(v0, v0, a); b = madd(v1, v1, b); c = madd(v2, v2, c); d = madd(v3, v3, d);
  }
  let rest = n & 15;
  for (; rest >= 4; rest -= 4) {
    const v = f32x4.sub(v128.load(x), m);
    a = madd(v, v, a);
    x += 16;
  }
  if (rest != 0) {
    const v = v128.and(f32x4.sub(v128.load(x), m), firstLanes(rest));
    b = madd(v, v, b);
  }
  return laneSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}

/**
 * Each of `groups` slices of `n` values of each row: layer norm `(v − mean) / √(var + eps) · weight + bias`, or RMS norm
 * (`rms` 1, no bias), with v = x + residual (0: none). `bias` 0: none.
 */
export function normRows(
  x: usize, ldx: usize, residual: usize, ldr: usize, weight: usize, bias: usize, y: usize, ldy: usize,
  rows: i32, groups: i32, n: i32, eps: f32, rms: i32,
): void {
  const inverseN: f32 = 1 / <f32>n;
  for (let r = 0; r < rows; r++) {
    for (let g = 0; g < groups; g++) {
      const at = <usize>(g * n) << 2;
      const to = y + at;
      let v = x + at;
      if (residual != 0) {
        addInto(v, residual + at, to, n);
        v = to;
      }
      const mean: f32 = rms ? 0 : rowSum(v, n) * inverseN;
      const squares = rowSquares(v, n, mean);
      // Values of 10¹⁹ and more would all become 0.
      const inverse: f32 = squares == Infinity ? f32.NaN as f32 : 1 / squareRoot(squares * inverseN + eps);
      applyNorm(v, to, n, mean, inverse, weight, bias);
    }
    x += ldx; y += ldy;
    if (residual != 0) residual += ldr;
  }
}

/** `y = a + b`, exactly `n` values: a slice must not touch the next one. */
function addInto(a: usize, b: usize, y: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) { v128.store(y, f32x4.add(v128.load(a), v128.load(b))); a += 16; b += 16; y += 16; }
  for (; i < n; i++) { store<f32>(y, load<f32>(a) + load<f32>(b)); a += 4; b += 4; y += 4; }
}

function applyNorm(x: usize, y: usize, n: i32, mean: f32, inverse: f32, weight: usize, bias: usize): void {
  const m = f32x4.splat(mean), s = f32x4.splat(inverse);
  let i = 0;
  if (bias != 0) {
    for (; i + 4 <= n; i += 4) {
      v128.store(y, madd(f32x4.mul(f32x4.sub(v128.load(x), m), s), v128.load(weight), v128.load(bias)));
      x += 16; y += 16; weight += 16; bias += 16;
    }
    for (; i < n; i++) {
      store<f32>(y, (load<f32>(x) - mean) * inverse * load<f32>(weight) + load<f32>(bias));
      x += 4; y += 4; weight += 4; bias += 4;
    }
  } else {
    for (; i + 4 <= n; i += 4) {
      v128.store(y, f32x4.mul(f32x4.mul(f32x4.sub(v128.load(x), m), s), v128.load(weight)));
      x += 16; y += 16; weight += 16;
    }
    for (; i < n; i++) {
      store<f32>(y, (load<f32>(x) - mean) * inverse * load<f32>(weight));
      x += 4; y += 4; weight += 4;
    }
  }
}

/** Softmax of `n` columns of each row. */
export function softmaxRows(x: usize, ldx: usize, y: usize, ldy: usize, rows: i32, n: i32): void {
  for (let r = 0; r < rows; r++) {
    const width = ((n + 3) >> 2) << 2;
    memory.copy(y, x, <usize>n << 2);
    for (let i = n; i < width; i++) store<f32>(y + (<usize>i << 2), -Infinity);
    const end = y + (<usize>width << 2);
    const f = f32x4.splat(1 / expSum(y, end, rowLargest(y, end)));
    for (let i: usize = 0; i < <usize>width << 2; i += 16) v128.store(y + i, f32x4.mul(v128.load(y + i), f));
    x += ldx; y += ldy;
  }
}

function rowLargest(p: usize, end: usize): f32 {
  let a = v128.load(p), b = a;
  for (; p + 16 < end; p += 32) {
    a = f32x4.pmax(a, v128.load(p));
    b = f32x4.pmax(b, v128.load(p, 16));
  }
  if (p < end) a = f32x4.pmax(a, v128.load(p));
  a = f32x4.pmax(a, b);
  return max<f32>(
    max<f32>(f32x4.extract_lane(a, 0), f32x4.extract_lane(a, 1)), max<f32>(f32x4.extract_lane(a, 2), f32x4.extract_lane(a, 3)),
  );
}

/** Exponentials in place, and their sum; −inf counts as exactly 0. Even and odd vectors are summed apart. */
export function expSum(p: usize, end: usize, largest: f32): f32 {
  const m = f32x4.splat(largest);
  let a = f32x4.splat(0), b = f32x4.splat(0);
  for (; p + 32 <= end; p += 32) {
    const x0 = f32x4.sub(v128.load(p), m), x1 = f32x4.sub(v128.load(p, 16), m);
    const e0 = expOrZero(x0), e1 = expOrZero(x1);
    v128.store(p, e0); v128.store(p, e1, 16);
    a = f32x4.add(a, e0); b = f32x4.add(b, e1);
  }
  if (p < end) {
    const x = f32x4.sub(v128.load(p), m);
    const e = expOrZero(x);
    v128.store(p, e);
    a = f32x4.add(a, e);
  }
  return laneSum(f32x4.add(a, b));
}
