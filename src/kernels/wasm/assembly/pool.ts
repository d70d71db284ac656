/**
 * @file Pooling over the rows of a sequence, and the row lists of a mixture of experts.
 */
import { madd } from './math';

/** `y += factor · Σ rows`, row by row; the caller clears `y` before the first piece of a sequence. */
export function sumRows(x: usize, ldx: usize, rows: i32, cols: i32, factor: f32, y: usize): void {
  const bytes = <usize>(((cols + 3) >> 2) << 4);
  const f = f32x4.splat(factor);
  for (let r = 0; r < rows; r++) {
    for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, madd(v128.load(x + j), f, v128.load(y + j)));
    x += ldx;
  }
}

/** `y = max(y, rows)`, row by row; NaN where one of them is. */
export function maxRows(x: usize, ldx: usize, rows: i32, cols: i32, y: usize): void {
  const bytes = <usize>(((cols + 3) >> 2) << 4);
  for (let r = 0; r < rows; r++) {
    for (let j: usize = 0; j < bytes; j += 16) v128.store(y + j, f32x4.max(v128.load(y + j), v128.load(x + j)));
    x += ldx;
  }
}

/** Copies `rows` × `cols` values. */
export function copyRows(x: usize, ldx: usize, y: usize, ldy: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++) {
    memory.copy(y, x, <usize>cols << 2);
    x += ldx; y += ldy;
  }
}

/**
 * The best `nUsed` of `nExpert` probabilities of each row, best first, ties to the lower index. Writes `experts[row][i]` (int32) and
 * `weights[row][i]` (float32). NaN counts as lowest.
 * @param leastSum divide the weights by their sum, or by this if the sum is smaller; 0: do not divide
 */
export function routeRows(
  probs: usize, ldp: usize, rows: i32, nExpert: i32, nUsed: i32, leastSum: f32, experts: usize, weights: usize,
): void {
  for (let r = 0; r < rows; r++) {
    let sum: f32 = 0;
    for (let i = 0; i < nUsed; i++) {
      let best = -1;
      let bestValue: f32 = -1;
      for (let e = 0; e < nExpert; e++) {
        if (alreadyUsed(experts, i, e)) continue;
        const value = load<f32>(probs + (<usize>e << 2));
        if (best < 0 || value > bestValue || (bestValue != bestValue && value == value)) {
          best = e;
          bestValue = value;
        }
      }
      store<i32>(experts + (<usize>i << 2), best);
      store<f32>(weights + (<usize>i << 2), bestValue);
      sum += bestValue;
    }
    if (leastSum != 0) {
      const inverse: f32 = 1 / max<f32>(sum, leastSum);
      for (let i = 0; i < nUsed; i++) {
        const p = weights + (<usize>i << 2);
        store<f32>(p, load<f32>(p) * inverse);
      }
    }
    probs += ldp;
    experts += <usize>nUsed << 2; weights += <usize>nUsed << 2;
  }
}

function alreadyUsed(experts: usize, n: i32, e: i32): bool {
  for (let i = 0; i < n; i++) if (load<i32>(experts + (<usize>i << 2)) == e) return true;
  return false;
}

/** Copies the rows of `x` whose slot is routed to `expert` to `to`, and their slots to `list`. Returns their number. */
export function gatherExpert(
  x: usize, ldx: usize, experts: usize, nSlots: i32, nUsed: i32, expert: i32, cols: i32, to: usize, ldt: usize, list: usize,
): i32 {
  let n = 0;
  for (let slot = 0; slot < nSlots; slot++) {
    if (load<i32>(experts + (<usize>slot << 2)) != expert) continue;
    memory.copy(to, x + <usize>(slot / nUsed) * ldx, <usize>cols << 2);
    store<i32>(list + (<usize>n << 2), slot);
    to += ldt;
    n++;
  }
  return n;
}

/** Writes row i of `x` to row `list[i]` of `y`. */
export function scatterRows(x: usize, ldx: usize, n: i32, cols: i32, list: usize, y: usize, ldy: usize): void {
  for (let i = 0; i < n; i++) {
    memory.copy(y + <usize>load<i32>(list + (<usize>i << 2)) * ldy, x, <usize>cols << 2);
    x += ldx;
  }
}

/** `y[row] = Σᵢ weights[row][i] · x[row · nUsed + i]`, in that order. */
export function mixExperts(x: usize, ldx: usize, weights: usize, rows: i32, nUsed: i32, cols: i32, y: usize, ldy: usize): void {
  for (let r = 0; r < rows; r++) {
    memory.fill(y, 0, <usize>(((cols + 3) >> 2) << 4));
    for (let i = 0; i < nUsed; i++) {
      sumRows(x, ldx, 1, cols, load<f32>(weights), y);
      x += ldx; weights += 4;
    }
    y += ldy;
  }
}
