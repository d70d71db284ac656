/**
 * @file Attention in float32: all scores of 16 queries, `[key][16]`, then softmax, then the product with V.
 */
import { KEY_BLOCK, Params, QUERIES, Work, roundUp } from './attention-layout';
import { endSeen, finishScores, firstSeen, multiplyQueries } from './attention-scores';
import { addSums, expColumns, invertColumns, largestColumns, multiplyColumns } from './columns';
import { addTile } from './epilogue';
import { tilesF32 } from './linear';
import { scaleRows, transpose } from './transpose';

/** All query rows of head `h`. */
export function attendF32(o: Params, w: Work, h: i32): void {
  for (let r = 0; r < o.nQuery; r += QUERIES) attendRows(o, w, h, r, min(QUERIES, o.nQuery - r));
}

/** Up to 16 query rows. */
function attendRows(o: Params, w: Work, h: i32, r0: i32, rows: i32): void {
  const d = o.headSize, dv = o.headSizeV;
  const p = o.firstQuery + r0;
  const from = firstSeen(o, w, p), last = endSeen(o, w, p, rows), to = roundUp(last, 4);
  const q = o.q + <usize>r0 * o.ldq + (<usize>(h * d) << 2);
  const k4 = <usize>d << 2;
  transpose(q, o.ldq, rows, d, w.query, 64);
  scaleRows(w.query, 0, 1, d << 4, o.scale, w.query);
  tilesF32(w.keys + <usize>from * k4, k4, to - from, w.query, w.strip + (<usize>from << 6), k4, o.wide);
  if (o.relative) multiplyQueries(o, w, h, q, rows);
  finishScores(o, w, h, r0, rows, w.strip, from, last);
  mix(o, w, from, last);
  invertColumns(w.total);
  multiplyColumns(w.out, w.out + (<usize>dv << 6), w.total);
  transpose(w.out, 64, dv, rows, o.y + <usize>r0 * o.ldy + (<usize>(h * dv) << 2), o.ldy);
}

/** Softmax of the strip without its division and the product with V, for keys [from, last); the divisor goes to `total`. */
function mix(o: Params, w: Work, from: i32, last: i32): void {
  const dv = o.headSizeV, to = roundUp(last, 4);
  largestColumns(w.strip + (<usize>from << 6), w.strip + (<usize>to << 6), w.largest);
  memory.fill(w.sums, 0, 512);
  for (let j = from; j < last; ) {
    const next = min(to, ((j + w.firstKey) & -KEY_BLOCK) + KEY_BLOCK - w.firstKey);
    const block = w.strip + (<usize>j << 6);
    expBlock(w, block, w.strip + (<usize>next << 6));
    const n4 = <usize>(min(next, last) - j) << 2;
    tilesF32(w.values + (<usize>j << 2), w.ldv, dv, block, j == from ? w.out : w.part, n4, o.wide);
    if (j != from) addTile(w.part, w.out, 64, w.out, 64, 1, dv);
    j = next;
  }
  memory.fill(w.total, 0, 64);
  addSums(w.sums, w.total);
}

/** Exponentials of a block, in place, and their partial sums. */
function expBlock(w: Work, block: usize, end: usize): void {
  expColumns(block, end, w.largest, w.sums);
  expColumns(block + 32, end + 32, w.largest + 32, w.sums + 32);
}
