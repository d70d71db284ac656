/**
 * @file Rotary position embedding.
 */

/** sin r for |r| ≤ π/4, in float64, like the reference engine; rounded to float32 afterwards. */
@inline
function sine(r: f64): f64 {
  const s = r * r;
  return r + r * s * (-1.6666666666666632e-1 + s * (8.333333333322489e-3 + s * (-1.984126982985795e-4 + s * (2.755731370707e-6 + s * (-2.5050760253e-8 + s * 1.58969099e-10)))));
}

/** cos r for the same r. */
@inline
function cosine(r: f64): f64 {
  const s = r * r;
  return 1 - 0.5 * s + s * s * (4.1666666666666e-2 + s * (-1.388888888887e-3 + s * (2.48015872894e-5 + s * (-2.7557314351e-7 + s * (2.087572321e-9 - s * 1.13596475e-11)))));
}

/** Coordinate `c` of a token at `p`, as float32. */
@inline
function coordinate(p: usize, c: i32): f32 {
  return <f32>load<i32>(p + (<usize>c << 2));
}

/**
 * `table[t][i]` = (cos, sin) of pair i at the token's position, both times `magnitude`. The angle is a running float32 product, as in the
 * reference engine: θ₀ = position, θᵢ₊₁ = θᵢ · step.
 * @param positions int32 a row, or four coordinates a row
 * @param ldp bytes from row to row
 * @param turns int32 a pair: its coordinate, plus 4 where the products begin again; 0: the position rotates all pairs
 * @param factors divisors of the angles, 0: none
 * @param mix `[nPairs]` YaRN's mix of the interpolated and the plain angle, 0: none
 */
export function fillRope(
  table: usize, ldt: usize, positions: usize, ldp: usize, turns: usize, rows: i32, nPairs: i32, step: f32, freqScale: f32, factors: usize, mix: usize, magnitude: f32,
): void {
  for (let r = 0; r < rows; r++) {
    let theta = coordinate(positions, 0);
    let second: f32 = 0, third: f32 = 0, fourth: f32 = 0;
    for (let i = 0; i < nPairs; i++) {
      const at = <usize>i << 2;
      let product = theta;
      if (turns != 0) {
        const turn = load<i32>(turns + at);
        if (turn & 4) {
          theta = coordinate(positions, 0); second = coordinate(positions, 1);
          third = coordinate(positions, 2); fourth = coordinate(positions, 3);
        }
        const c = turn & 3;
        product = c == 0 ? theta : c == 1 ? second : c == 2 ? third : fourth;
        second *= step; third *= step; fourth *= step;
      }
      const plain: f32 = factors == 0 ? product : product / load<f32>(factors + at);
      let angle: f32 = freqScale * plain;
      if (mix != 0) {
        const m = load<f32>(mix + at);
        angle = angle * (1 - m) + plain * m;
      }
      const n = nearest<f64>(<f64>angle * 0.6366197723675814);
      const x = (<f64>angle - n * 1.5707963267948966) - n * 6.123233995736766e-17;
      const s = sine(x), c = cosine(x);
      const quadrant = <i32>(<i64>n & 3);
      const co = quadrant & 1 ? s : c, si = quadrant & 1 ? c : s;
      store<f32>(table + (at << 1), <f32>(quadrant == 1 || quadrant == 2 ? -co : co) * magnitude);
      store<f32>(table + (at << 1), <f32>(quadrant >= 2 ? -si : si) * magnitude, 4);
      theta *= step;
    }
    table += ldt; positions += ldp;
  }
}

/** Rotates pairs (2i, 2i+1), or (i, i + nPairs) when `neox`, of each head by `table`; other values are copied. */
export function ropeRows(
  x: usize, ldx: usize, y: usize, ldy: usize, table: usize, ldt: usize, rows: i32, nHead: i32, headSize: i32, nPairs: i32, neox: i32,
): void {
  for (let r = 0; r < rows; r++) {
    for (let h = 0; h < nHead; h++) {
      const from = x + (<usize>(h * headSize) << 2), to = y + (<usize>(h * headSize) << 2);
      if (neox) rotateHalves(from, to, table, nPairs);
      else rotatePairs(from, to, table, nPairs);
      const rotated = <usize>nPairs << 3;
      if (2 * nPairs < headSize) memory.copy(to + rotated, from + rotated, (<usize>headSize << 2) - rotated);
    }
    x += ldx; y += ldy; table += ldt;
  }
}

function rotatePairs(x: usize, y: usize, table: usize, nPairs: i32): void {
  let i = 0;
  for (; i + 2 <= nPairs; i += 2) {
    const v = v128.load(x), cs = v128.load(table);
    const c = i32x4.shuffle(cs, cs, 0, 0, 2, 2), s = i32x4.shuffle(cs, cs, 1, 1, 3, 3);
    const swapped = i32x4.shuffle(v, v, 1, 0, 3, 2);
    const signed = v128.xor(f32x4.mul(swapped, s), i32x4(0x80000000, 0, 0x80000000, 0));
    v128.store(y, f32x4.add(f32x4.mul(v, c), signed));
    x += 16; y += 16; table += 16;
  }
  if (i < nPairs) {
    const c = load<f32>(table), s = load<f32>(table, 4), x0 = load<f32>(x), x1 = load<f32>(x, 4);
    store<f32>(y, x0 * c - x1 * s);
    store<f32>(y, x0 * s + x1 * c, 4);
  }
}

function rotateHalves(x: usize, y: usize, table: usize, nPairs: i32): void {
  const half = <usize>nPairs << 2;
  let i = 0;
  for (; i + 4 <= nPairs; i += 4) {
    const t0 = v128.load(table), t1 = v128.load(table, 16);
    const c = i32x4.shuffle(t0, t1, 0, 2, 4, 6), s = i32x4.shuffle(t0, t1, 1, 3, 5, 7);
    const a = v128.load(x), b = v128.load(x + half);
    v128.store(y, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    v128.store(y + half, f32x4.add(f32x4.mul(a, s), f32x4.mul(b, c)));
    x += 16; y += 16; table += 32;
  }
  for (; i < nPairs; i++) {
    const c = load<f32>(table), s = load<f32>(table, 4), a = load<f32>(x), b = load<f32>(x + half);
    store<f32>(y, a * c - b * s);
    store<f32>(y + half, a * s + b * c);
    x += 4; y += 4; table += 8;
  }
}
