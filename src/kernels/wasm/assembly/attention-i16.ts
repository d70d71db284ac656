/**
 * @file Attention in int16, block by block of keys. A block of 128 keys and values stays in the nearest caches while panels of 16 queries pass
 * over it. Scores of one panel and block take 8 KB, whatever the length of the sequence.
 *
 * Each query keeps the largest score that its exponentials are relative to, their sum, and the sums of its products with V. When a block has
 * a score that is larger by more than `RAISE`, these are made relative to it. Blocks begin at fixed keys of the sequence and each query has a
 * lane of its own, so its bits do not depend on the queries beside it.
 */
import { gather } from './attention-keys';
import { KEY_BLOCK_I16, PASS, Params, QUERIES, VALUE_GROUP, Work, roundUp, selectPanel } from './attention-layout';
import { endSeen, finishScores, firstSeen, multiplyKeys, multiplyQueries } from './attention-scores';
import { VALUE_LIMIT, invertColumns, largestColumns, multiplyColumns, pairColumns, raiseLargest, scaleScores, shareColumns, shareScales } from './columns';
import { STRIP } from './epilogue';
import { blockI16, tilesI16 } from './linear';
import { quantizeRows } from './quantize';
import { joinGroups, quantizeByNorm } from './quantize-norm';
import { transpose } from './transpose';

/** Below every score that is not −inf. */
@inline const NO_SCORE: f32 = -1e30;

/** Keys [from, to) of one key/value head and their values in int16, block by block; `from` is the first of a block. */
export function quantizeKeys(o: Params, w: Work, kv: i32, from: i32, to: i32): void {
  const d = o.headSize, dv = o.headSizeV;
  for (let j = from; j < to; j += KEY_BLOCK_I16) {
    const n = min(KEY_BLOCK_I16, to - j), block = <usize>(j / KEY_BLOCK_I16);
    gather(o, kv, w.firstKey + j, w.firstKey + j + n, w.stageKeys, w.stageValues, w.ldv);
    if (o.relative) multiplyKeys(o, w, kv, w.stageKeys, j, n);
    quantizeByNorm(w.stageKeys, <usize>d << 2, n, d, w.keys + <usize>(j >> 2) * w.keyGroup, w.keyGroup, w.keyScales + (<usize>j << 2));
    const values = w.values + block * w.valueBlock, scales = w.valueScales + ((block * <usize>dv) << 2);
    quantizeRows(w.stageValues, w.ldv, dv, n, values, VALUE_GROUP, scales, KEY_BLOCK_I16, VALUE_LIMIT);
  }
}

/** All query rows of head `h`. */
export function attendI16(o: Params, w: Work, h: i32): void {
  // The products of queries with rows of distances are kept for one panel.
  const pass = o.relative ? QUERIES : PASS;
  for (let r = 0; r < o.nQuery; r += pass) attendPass(o, w, h, r, min(pass, o.nQuery - r));
}

/** Up to `PASS` query rows: all of them over one block of keys after the other. */
function attendPass(o: Params, w: Work, h: i32, r0: i32, rows: i32): void {
  for (let r = 0; r < rows; r += QUERIES) startPanel(o, w, h, r, r0 + r, min(QUERIES, rows - r));
  const p = o.firstQuery + r0, end = endSeen(o, w, p, rows);
  for (let block = firstSeen(o, w, p) & -KEY_BLOCK_I16; block < end; block += KEY_BLOCK_I16) {
    for (let r = 0; r < rows; r += QUERIES) attendBlock(o, w, h, r, r0 + r, min(QUERIES, rows - r), block);
  }
  for (let r = 0; r < rows; r += QUERIES) finishPanel(o, w, h, r, r0 + r, min(QUERIES, rows - r));
}

/** Quantises query rows [r, r + rows), for which no key was seen yet. */
function startPanel(o: Params, w: Work, h: i32, at: i32, r: i32, rows: i32): void {
  const q = o.q + <usize>r * o.ldq + (<usize>(h * o.headSize) << 2);
  selectPanel(w, at);
  quantizeByNorm(q, o.ldq, rows, o.headSize, w.groups, w.keyGroup, w.queryScales);
  joinGroups(w.groups, w.keyGroup, w.query);
  if (o.relative) multiplyQueries(o, w, h, q, rows);
  for (let c: usize = 0; c < 64; c += 4) store<f32>(w.largest + c, NO_SCORE);
  memory.fill(w.total, 0, 64);
  memory.fill(w.out, 0, <usize>o.headSizeV << 6);
}

/** Query rows [r, r + rows) and the keys that they see in [block, block + 128). */
function attendBlock(o: Params, w: Work, h: i32, at: i32, r: i32, rows: i32, block: i32): void {
  const p = o.firstQuery + r;
  const from = max(firstSeen(o, w, p), block), last = min(endSeen(o, w, p, rows), block + KEY_BLOCK_I16);
  if (from >= last) return;
  const n = roundUp(last, 4) - from, strip = w.strip, end = strip + (<usize>n << 6);
  selectPanel(w, at);
  multiplyBlock(o, w, from, n);
  if (finishScores(o, w, h, r, rows, strip - (<usize>from << 6), from, last)) largestColumns(strip, end, w.blockLargest);
  if (raiseLargest(w.blockLargest, w.largest, w.shareFactors)) multiplyColumns(w.total, w.out + (<usize>o.headSizeV << 6), w.shareFactors);
  shareColumns(strip, end, w.largest, w.sums);
  shareColumns(strip + 32, end + 32, w.largest + 32, w.sums + 32);
  shareScales(w.sums, w.blockLargest, w.largest, w.total, w.shareScales, w.shareFactors);
  // In place: a pair overwrites its first key.
  pairColumns(strip, end, w.shareFactors, strip);
  const b = <usize>(block / KEY_BLOCK_I16);
  blockI16(
    w.values + b * w.valueBlock + (<usize>(from - block) << 3), VALUE_GROUP, w.valueScales + ((b * <usize>o.headSizeV) << 2), 4,
    strip, w.shareScales, <usize>n << 1, w.out, 64, 1, w.out, 64, o.headSizeV, o.wide, w.t,
  );
}

/** The scores of keys [from, from + n) in the strip, and the largest of each query. */
function multiplyBlock(o: Params, w: Work, from: i32, n: i32): void {
  const k4 = <usize>roundUp(o.headSize, 2) << 1;
  let keys = w.keys + <usize>(from >> 2) * w.keyGroup, scales = w.keyScales + (<usize>from << 2), scores = w.strip;
  for (let c: usize = 0; c < 64; c += 4) store<f32>(w.blockLargest + c, NO_SCORE);
  for (let r = 0; r < n; r += STRIP) {
    const rows = min(STRIP, n - r);
    tilesI16(keys, w.keyGroup, w.query, k4, rows, o.wide, w.t);
    scaleScores(w.t, scales, w.queryScales, o.scale, rows, scores, w.blockLargest);
    keys += w.keyGroup * (STRIP >> 2); scales += STRIP << 2; scores += STRIP << 6;
  }
}

/** Divides the sums of query rows [r, r + rows) and writes them as rows of the result. */
function finishPanel(o: Params, w: Work, h: i32, at: i32, r: i32, rows: i32): void {
  const dv = o.headSizeV;
  selectPanel(w, at);
  invertColumns(w.total);
  multiplyColumns(w.out, w.out + (<usize>dv << 6), w.total);
  transpose(w.out, 64, dv, rows, o.y + <usize>r * o.ldy + (<usize>(h * dv) << 2), o.ldy);
}
