/**
 * @file Queries and keys in int16. Each row gets the largest scale for which no product of two rows overflows.
 *
 * |Σ q·k| ≤ ‖q‖·‖k‖ (Cauchy and Schwarz), so a sum stays below 2³¹ while no norm is above √2³¹ = 46340. A row in which one value is
 * far larger than the others, as some models have them, then still gets 15 bits for that value; a limit on the largest alone would have to
 * leave room for rows of nothing but largest values.
 */
import { laneSum, loadFirst, madd, squareRoot } from './math';
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

/**
 * `rows` of `n` float32 to groups of 4 rows, `[n/2][row][2]` (n rounded up to 8), `groupBytes` apart, and a scale a row. The last
 * group is filled up with zeros.
 */
export function quantizeByNorm(x: usize, ldx: usize, rows: i32, n: i32, q: usize, groupBytes: usize, scales: usize): void {
  for (let r = 0; r < rows; r += 4) {
    const left = rows - r;
    const x1 = left > 1 ? x + ldx : x, x2 = left > 2 ? x1 + ldx : x, x3 = left > 3 ? x2 + ldx : x;
    const s0 = rowScale(x, n), s1: f32 = left > 1 ? rowScale(x1, n) : 0;
    const s2: f32 = left > 2 ? rowScale(x2, n) : 0, s3: f32 = left > 3 ? rowScale(x3, n) : 0;
    quantizeGroup(x, x1, x2, x3, n, q, inverseOf(s0), inverseOf(s1), inverseOf(s2), inverseOf(s3));
    store<f32>(scales, s0); store<f32>(scales, s1, 4); store<f32>(scales, s2, 8); store<f32>(scales, s3, 12);
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
