/**
 * @file Queries and keys in int16. Each row gets the largest scale for which no product of two rows overflows.
 *
 * |Σ q·k| ≤ ‖q‖·‖k‖ (Cauchy and Schwarz), so a sum stays below 2³¹ while no norm is above √2³¹ = 46340. A row in which one value is
 * far larger than the others, as some models have them, then still gets 15 bits for that value; a limit on the largest alone would have to
 * leave room for rows of nothing but largest values.
 */
import { firstLanes, laneSum, largestOfEach, loadFirst, madd, squareRoot } from './math';
import { TINY, inverseOf, largestBits, quantizeGroup } from './quantize';

/** ‖q‖ before rounding, which adds at most √n / 2. */
@inline
function normLimit(n: i32): f32 {
  return <f32>46339 - squareRoot(<f32>n);
}

/** Σ (x · factor)² of `n` values. */
export function squareSum(x: usize, n: i32, factor: f32): f32 {
  const f = f32x4.splat(factor);
  let a = f32x4.splat(0), b = f32x4.splat(0);
  const end = x + (<usize>(n >> 3) << 5);
  for (; x < end; x += 32) {
    const u = f32x4.mul(v128.load(x), f), v = f32x4.mul(v128.load(x, 16), f);
    a = madd(u, u, a); b = madd(v, v, b);
  }
  if (n & 4) {
    const u = f32x4.mul(v128.load(x), f);
    a = madd(u, u, a);
    x += 16;
  }
  if (n & 3) {
    const u = f32x4.mul(loadFirst(x, n & 3), f);
    b = madd(u, u, b);
  }
  return laneSum(f32x4.add(a, b));
}

/** The scale of a row, x ≈ q · scale: NaN for a row with a NaN or an infinity, 0 for a row that is treated as zero. */
function rowScale(x: usize, n: i32): f32 {
  const bits = largestBits(x, n);
  if (bits >= 0x7f800000) return f32.NaN as f32;
  const largest = reinterpret<f32>(bits);
  if (largest < TINY) return 0;
  return largest / min<f32>(32767, normLimit(n) / squareRoot(squareSum(x, n, 1 / largest)));
}

/** Squares of a row sum up to a number within these limits, or the row is divided by its largest value first. */
@inline const LEAST_SQUARES: f32 = 1e-30;
@inline const MOST_SQUARES: f32 = 1e30;

/** The scales of four rows. */
export function groupScales(x0: usize, x1: usize, x2: usize, x3: usize, n: i32, scales: usize): void {
  let m0 = i32x4.splat(0), m1 = i32x4.splat(0), m2 = i32x4.splat(0), m3 = i32x4.splat(0);
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  const bytes = <usize>(n >> 2) << 4;
  for (let i: usize = 0; i < bytes; i += 16) {
    const a = v128.load(x0 + i), b = v128.load(x1 + i), c = v128.load(x2 + i), d = v128.load(x3 + i);
    m0 = f32x4.pmax(m0, f32x4.abs(a)); m1 = f32x4.pmax(m1, f32x4.abs(b)); m2 = f32x4.pmax(m2, f32x4.abs(c)); m3 = f32x4.pmax(m3, f32x4.abs(d));
    s0 = madd(a, a, s0); s1 = madd(b, b, s1); s2 = madd(c, c, s2); s3 = madd(d, d, s3);
  }
  if (n & 3) {
    const a = loadFirst(x0 + bytes, n & 3), b = loadFirst(x1 + bytes, n & 3), c = loadFirst(x2 + bytes, n & 3), d = loadFirst(x3 + bytes, n & 3);
    m0 = f32x4.pmax(m0, f32x4.abs(a)); m1 = f32x4.pmax(m1, f32x4.abs(b)); m2 = f32x4.pmax(m2, f32x4.abs(c)); m3 = f32x4.pmax(m3, f32x4.abs(d));
    s0 = madd(a, a, s0); s1 = madd(b, b, s1); s2 = madd(c, c, s2); s3 = madd(d, d, s3);
  }
  const largest = largestOfEach(m0, m1, m2, m3), squares = sumOfEach(s0, s1, s2, s3);
  const byNorm = f32x4.mul(f32x4.sqrt(squares), f32x4.splat(1 / normLimit(n)));
  v128.store(scales, f32x4.pmax(byNorm, f32x4.mul(largest, f32x4.splat(1 / <f32>32767))));
  const within = v128.and(f32x4.ge(squares, f32x4.splat(LEAST_SQUARES)), f32x4.le(squares, f32x4.splat(MOST_SQUARES)));
  if (i32x4.all_true(within)) return;
  // A NaN is within no limits.
  if (i32x4.extract_lane(within, 0) == 0) store<f32>(scales, rowScale(x0, n));
  if (i32x4.extract_lane(within, 1) == 0) store<f32>(scales, rowScale(x1, n), 4);
  if (i32x4.extract_lane(within, 2) == 0) store<f32>(scales, rowScale(x2, n), 8);
  if (i32x4.extract_lane(within, 3) == 0) store<f32>(scales, rowScale(x3, n), 12);
}

/** The sum of the lanes of each of four vectors. */
@inline
function sumOfEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.add(i64x2.shuffle(ab, cd, 0, 2), i64x2.shuffle(ab, cd, 1, 3));
}

/**
 * `rows` of `n` float32 to groups of 4 rows, `[n/2][row][2]` (n rounded up to 8), `groupBytes` apart, and a scale a row. The last
 * group is filled up with zeros.
 */
export function quantizeByNorm(x: usize, ldx: usize, rows: i32, n: i32, q: usize, groupBytes: usize, scales: usize): void {
  for (let r = 0; r < rows; r += 4) {
    const left = rows - r;
    const x1 = left > 1 ? x + ldx : x, x2 = left > 2 ? x1 + ldx : x, x3 = left > 3 ? x2 + ldx : x;
    groupScales(x, x1, x2, x3, n, scales);
    if (left < 4) v128.store(scales, v128.and(v128.load(scales), firstLanes(left)));
    quantizeGroup(
      x, x1, x2, x3, n, q, inverseOf(load<f32>(scales)), inverseOf(load<f32>(scales, 4)), inverseOf(load<f32>(scales, 8)), inverseOf(load<f32>(scales, 12)),
    );
    x += ldx << 2; q += groupBytes; scales += 16;
  }
}

/** Four groups of 4 rows, `[n/2][row][2]` without gaps, to one panel `[n/2][16][2]`. */
export function joinGroups(groups: usize, groupBytes: usize, panel: usize): void {
  const end = groups + groupBytes;
  for (; groups < end; groups += 16) {
    v128.store(panel, v128.load(groups)); v128.store(panel, v128.load(groups + groupBytes), 16);
    v128.store(panel, v128.load(groups + 2 * groupBytes), 32); v128.store(panel, v128.load(groups + 3 * groupBytes), 48);
    panel += 64;
  }
}
