/**
 * @file Logarithm, exponential, powers, sine and cosine from float64 additions, multiplications and divisions alone. IEEE 754 defines those
 * to the last bit. It does not define `Math.log`, `Math.exp`, `Math.sin`, `Math.cos` and `**`, which differ between engines.
 *
 * Errors of results between 2^-1000 and 2^1000, in units of the last place: `log` and `exp` 2; `pow` 4 + 2·|y·ln x|. `sin` and `cos`: 2,
 * up to ±2^29.
 */

/** ln 2 in two parts; the product of the first and an exponent is exact. */
const LN2_HIGH = 2977044471 / 4294967296;
const LN2_LOW = 1.9082149292705877e-10;

const view = new DataView(new ArrayBuffer(8));

/** 2^`exponent`, for a normal number. */
function powerOfTwo(exponent: number): number {
  view.setUint32(0, (exponent + 1023) << 20);
  view.setUint32(4, 0);
  return view.getFloat64(0);
}

/** The natural logarithm. */
export function log(x: number): number {
  if (!(x > 0) || x === Number.POSITIVE_INFINITY) return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN;
  if (x < 2.2250738585072014e-308) return log(x * 18014398509481984) - 54 * LN2_LOW - 54 * LN2_HIGH;
  view.setFloat64(0, x);
  const high = view.getUint32(0);
  let exponent = (high >>> 20) - 1023;
  view.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let mantissa = view.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  // ln m = f - (f²/2 - s·(f²/2 + R)), where f = m - 1, s = f / (2 + f), R = 2s²/3 + 2s⁴/5 + …
  const f = mantissa - 1;
  const s = f / (2 + f);
  const s2 = s * s;
  let series = 0;
  for (let n = 25; n >= 3; n -= 2) series = s2 * (2 / n + series);
  const half = 0.5 * f * f;
  return exponent * LN2_HIGH - (half - (s * (half + series) + exponent * LN2_LOW) - f);
}

/** e^`x`. */
export function exp(x: number): number {
  if (!(Math.abs(x) < 745)) return x > 0 ? Number.POSITIVE_INFINITY : x < 0 ? 0 : Number.NaN;
  const exponent = Math.floor(x / (LN2_HIGH + LN2_LOW) + 0.5);
  const rest = x - exponent * LN2_HIGH - exponent * LN2_LOW;
  let series = 0;
  for (let n = 14; n >= 2; n--) series = (rest / n) * (1 + series);
  const fraction = 1 + (rest + rest * series);
  const half = Math.floor(exponent / 2);
  return fraction * powerOfTwo(half) * powerOfTwo(exponent - half);
}

/** `x`^`y` for an `x` that is not negative. Small integer values of `y` use multiplications. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (y < 0) return 1 / pow(x, -y);
  if (!Number.isInteger(y) || y > 64) return exp(y * log(x));
  let product = 1;
  for (let i = 0; i < y; i++) product *= x;
  return product;
}

/** π/2 in parts of 24 bits; the product of a part and a whole number below 2^29 is exact. */
const HALF_PI = [
  13176794 / 2 ** 23,
  10625384 / 2 ** 47,
  12727492 / 2 ** 71,
  13001355 / 2 ** 95,
  8444956 / 2 ** 119,
  13707522 / 2 ** 143,
];

/** Sine and cosine. */
export function sinCos(x: number): { readonly sin: number; readonly cos: number } {
  if (!Number.isFinite(x)) return { sin: Number.NaN, cos: Number.NaN };
  const turns = Math.floor(x / (Math.PI / 2) + 0.5);
  // What is left of `x` is `high + low`; each difference leaves its rounding in `low`.
  let [high, low] = [x, 0];
  for (const part of HALF_PI) {
    const product = -turns * part;
    const sum = high + product;
    const added = sum - high;
    low += high - (sum - added) + (product - added);
    high = sum;
  }
  const rest = high + low;
  const square = rest * rest;
  let [odd, even] = [0, 0];
  for (let n = 20; n >= 2; n -= 2) {
    odd = -(square / (n * (n + 1))) * (1 + odd);
    even = -(square / ((n + 1) * (n + 2))) * (1 + even);
  }
  const half = square / 2;
  const sin = rest + rest * odd;
  // The rounding of 1 - half comes back.
  const cos = 1 - half + (1 - (1 - half) - half - half * even);
  switch (turns & 3) {
    case 0:
      return { sin, cos };
    case 1:
      return { sin: cos, cos: -sin };
    case 2:
      return { sin: -sin, cos: -cos };
    default:
      return { sin: -cos, cos: sin };
  }
}
