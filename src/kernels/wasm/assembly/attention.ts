/**
 * @file Attention of the query rows that one worker owns in one sequence.
 *
 * 16 query rows are a panel, as 16 columns of weights are; keys, then dimensions of V, are the rows it is multiplied with. For each query
 * head and each 16 queries: scores of the keys they can see, `[key][16]` (a strip of 16 × T floats, never T × T), softmax down the columns,
 * the product with V, `[dimension][16]`, turned back into rows. Each query has its own lane, and partial sums over keys end at fixed keys
 * of the sequence, so a row's bits do not depend on the rows that are computed with it.
 *
 * Two forms. float32: K as it is, V transposed. int16: queries and keys have one scale a row, V one for each dimension and block of 128
 * keys, exponentials one for each query and block; K and V are stored in the groups of 4 rows that the products read. No int32 sum can
 * overflow: see `quantize-norm.ts` for the scores, `VALUE_LIMIT` in `columns.ts` for the product with V.
 */
import { KEY_BLOCK, KEY_BLOCK_I16, PARAMS_BYTES, Params, QUERIES, Relative, SEGMENT_BYTES, Segment, VALUE_GROUP, Work, layOut, roundUp } from './attention-layout';
import { VALUE_LIMIT, addSums, biasColumns, capColumns, divideColumns, expColumns, largestColumns, pairColumns, raiseColumns, shareScales } from './columns';
import { addTile } from './epilogue';
import { quantizeRows } from './quantize';
import { joinGroups, quantizeByNorm } from './quantize-norm';
import { blockI16, tilesF32 } from './linear';

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

/**
 * Attention of some query rows of one sequence.
 * @param scratch `attentionBytes` for at least this length, a multiple of 64
 * @param q first owned query row, `nQuery` of them, the first at position `firstQuery` of its sequence
 * @param segments the location of K and V: `nSegments` times `SEGMENT_BYTES`, see `setSegment`; `nKeys` rows in all
 * @param back a query at p sees keys p − back … p + forward
 * @param ahead int32 a query: how far it sees ahead, at most `forward`; 0: all see as far as `forward`
 * @param softcap 0: none
 * @param bias added to the scores: `[nHead][2 · centre + 1]`, by query position − key position + centre; 0: none. Readable for 15 more
 * @param wide 1: tiles for 256-bit registers
 * @param int16 1: products in int16, 0: in float32
 * @param relative rows of distances, see `setRelative`; 0: none. They need equal heads and no mask
 */
export function attendSequence(
  scratch: usize, q: usize, ldq: usize, nQuery: i32, firstQuery: i32, segments: usize, nSegments: i32, nKeys: i32,
  nHead: i32, nHeadKv: i32, headSize: i32, headSizeV: i32, scale: f32, back: i32, forward: i32, ahead: usize,
  softcap: f32, bias: usize, centre: i32, y: usize, ldy: usize, wide: i32, int16: i32, relative: usize,
): void {
  const o = changetype<Params>(scratch);
  o.q = q; o.ldq = ldq; o.nQuery = nQuery; o.firstQuery = firstQuery;
  o.segments = segments; o.nSegments = nSegments; o.nKeys = nKeys;
  o.nHead = nHead; o.nHeadKv = nHeadKv; o.headSize = headSize; o.headSizeV = headSizeV;
  o.scale = scale;
  o.back = back; o.forward = forward; o.ahead = ahead;
  o.softcap = softcap;
  o.bias = bias; o.centre = centre;
  o.y = y; o.ldy = ldy;
  o.wide = wide;
  o.int16 = int16;
  o.relative = relative;
  const w = changetype<Work>(scratch + PARAMS_BYTES);
  layOut(o, w);
  const perKv = nHead / nHeadKv;
  for (let kv = 0; kv < nHeadKv; kv++) {
    if (int16) quantizeKeys(o, w, kv);
    else {
      gather(o, kv, w.firstKey, w.endKey, w.keys, w.values, w.ldv);
      if (relative) multiplyKeys(o, w, kv, w.keys, 0, w.endKey - w.firstKey);
    }
    for (let h = kv * perKv; h < (kv + 1) * perKv; h++) {
      for (let r = 0; r < nQuery; r += QUERIES) attendRows(o, w, h, r, min(QUERIES, nQuery - r));
    }
  }
}

/** Keys and values of one key/value head in int16, block by block. */
function quantizeKeys(o: Params, w: Work, kv: i32): void {
  const d = o.headSize, dv = o.headSizeV;
  let values = w.values, valueScales = w.valueScales;
  for (let j = 0; j < w.endKey - w.firstKey; j += KEY_BLOCK_I16) {
    const n = min(KEY_BLOCK_I16, w.endKey - w.firstKey - j);
    gather(o, kv, w.firstKey + j, w.firstKey + j + n, w.stageKeys, w.stageValues, w.ldv);
    if (o.relative) multiplyKeys(o, w, kv, w.stageKeys, j, n);
    quantizeByNorm(w.stageKeys, <usize>d << 2, n, d, w.keys + <usize>(j >> 2) * w.keyGroup, w.keyGroup, w.keyScales + (<usize>j << 2));
    quantizeRows(w.stageValues, w.ldv, dv, n, values, VALUE_GROUP, valueScales, KEY_BLOCK_I16, VALUE_LIMIT);
    values += w.valueBlock; valueScales += <usize>dv << 2;
  }
}

/** Copies the keys [from, to) of one key/value head to `keys`, `[key][headSize]`, and their values to `values`, `[dimension][key]`. */
function gather(o: Params, kv: i32, from: i32, to: i32, keys: usize, values: usize, ldv: usize): void {
  const d = o.headSize, dv = o.headSizeV;
  let row = 0;
  for (let i = 0; i < o.nSegments; i++) {
    const segment = changetype<Segment>(o.segments + <usize>i * SEGMENT_BYTES);
    const n = segment.rows;
    const first = max(row, from), end = min(row + n, to);
    if (first < end) {
      const ldk = segment.ldk, ld = segment.ldv;
      const k = segment.k + <usize>(first - row) * ldk + (<usize>(kv * d) << 2);
      const v = segment.v + <usize>(first - row) * ld + (<usize>(kv * dv) << 2);
      scaleRows(k, ldk, end - first, d, 1, keys + (<usize>((first - from) * d) << 2));
      transpose(v, ld, end - first, dv, values + (<usize>(first - from) << 2), ldv);
    }
    row += n;
  }
  // The last tile reads up to 3 keys more.
  memory.fill(keys + (<usize>((to - from) * d) << 2), 0, <usize>(((from - to) & 3) * d) << 2);
}

/** Up to 16 query rows of one head. */
function attendRows(o: Params, w: Work, h: i32, r0: i32, rows: i32): void {
  const d = o.headSize, dv = o.headSizeV, strip = w.strip;
  const p = o.firstQuery + r0;
  const forward = min(o.forward, o.nKeys);
  // Keys from here on are counted from `firstKey`.
  const from = (max(0, p - o.back) - w.firstKey) & -16;
  const last = min(w.endKey, p + rows + forward) - w.firstKey;
  const to = roundUp(last, 4);
  const first = strip + (<usize>from << 6), end = strip + (<usize>to << 6);
  const q = o.q + <usize>r0 * o.ldq + (<usize>(h * d) << 2);

  if (!o.int16) {
    transpose(q, o.ldq, rows, d, w.query, 64);
    scaleRows(w.query, 0, 1, d << 4, o.scale, w.query);
    const k4 = <usize>d << 2;
    tilesF32(w.keys + <usize>from * k4, k4, to - from, w.query, first, k4, o.wide);
  } else {
    const groups = w.query + (w.keyGroup << 2);
    quantizeByNorm(q, o.ldq, rows, d, groups, w.keyGroup, w.queryScales);
    joinGroups(groups, w.keyGroup, w.query);
    blockI16(
      w.keys + <usize>(from >> 2) * w.keyGroup, w.keyGroup, w.keyScales + (<usize>from << 2), 4, w.query, w.queryScales,
      <usize>roundUp(d, 2) << 1, w.zeros, 0, o.scale, first, 64, to - from, o.wide, w.t,
    );
  }
  if (o.relative) addDistances(o, w, h, q, rows, p, from, last);
  if (o.softcap != 0) capColumns(first, end, o.softcap);
  if (o.bias != 0) biasColumns(first, end, o.bias + (<usize>(h * (2 * o.centre + 1) + o.centre + p - w.firstKey - from) << 2));
  for (let r = 0; r < rows; r++) {
    const lane = strip + (<usize>r << 2);
    hide(lane, from, max(0, p + r - o.back) - w.firstKey);
    const seen = o.ahead == 0 ? forward : load<i32>(o.ahead + (<usize>(r0 + r) << 2));
    hide(lane, min(last, p + r + 1 + seen - w.firstKey), to);
  }
  if (!o.int16) mixF32(o, w, from, last);
  else mixI16(o, w, from, last);
  divideColumns(w.out, w.out + (<usize>dv << 6), w.total);
  transpose(w.out, 64, dv, rows, o.y + <usize>r0 * o.ldy + (<usize>(h * dv) << 2), o.ldy);
}

/** Products of keys with the rows of distances, in float32: keys [first, first + n) of head `h`; `first` is a multiple of 16. */
function multiplyKeys(o: Params, w: Work, h: i32, keys: usize, first: i32, n: i32): void {
  const r = changetype<Relative>(o.relative), d = o.headSize;
  if (r.queries == 0) return;
  const k4 = <usize>d << 2;
  for (let j = 0; j < n; j += 16) {
    transpose(keys + <usize>j * k4, k4, min(16, n - j), d, w.panel, 64);
    scaleRows(w.panel, 0, 1, d << 4, o.scale, w.panel);
    const to = w.ofKeys + (<usize>(((first + j) >> 4) * r.nRows) << 6);
    tilesF32(r.queries + <usize>h * k4, r.ldRow, r.nRows, w.panel, to, k4, o.wide);
  }
}

/** Adds to the scores of keys [from, last) what their distances to the queries at `p` … contribute. */
function addDistances(o: Params, w: Work, h: i32, q: usize, rows: i32, p: i32, from: i32, last: i32): void {
  const r = changetype<Relative>(o.relative), d = o.headSize;
  const rowOf = r.rows + (<usize>(o.nKeys - 1 + p - w.firstKey) << 2);
  if (r.keys != 0) {
    const k4 = <usize>d << 2;
    transpose(q, o.ldq, rows, d, w.panel, 64);
    scaleRows(w.panel, 0, 1, d << 4, o.scale, w.panel);
    tilesF32(r.keys + <usize>h * k4, r.ldRow, r.nRows, w.panel, w.ofQueries, k4, o.wide);
    for (let j = from; j < last; j++) {
      let s = w.strip + (<usize>j << 6), at = rowOf - (<usize>j << 2), own = w.ofQueries;
      for (let c = 0; c < rows; c++) {
        store<f32>(s, load<f32>(s) + load<f32>(own + load<i32>(at)));
        s += 4; at += 4; own += 4;
      }
    }
  }
  if (r.queries == 0) return;
  for (let j = from; j < last; j++) {
    const key = w.ofKeys + (<usize>((j >> 4) * r.nRows) << 6) + (<usize>(j & 15) << 2);
    let s = w.strip + (<usize>j << 6), at = rowOf - (<usize>j << 2);
    for (let c = 0; c < rows; c++) {
      store<f32>(s, load<f32>(s) + load<f32>(key + load<i32>(at)));
      s += 4; at += 4;
    }
  }
}

/** Softmax of the strip without its division and the product with V, for keys [from, last); the divisor goes to `total`. */
function mixF32(o: Params, w: Work, from: i32, last: i32): void {
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

/** The same in int16: the exponentials of each block of keys and query become integers with their own scale. */
function mixI16(o: Params, w: Work, from: i32, last: i32): void {
  const dv = o.headSizeV, to = roundUp(last, 4), end = w.strip + (<usize>to << 6);
  const firstBlock = from & -KEY_BLOCK_I16;
  let top = w.blockLargest;
  for (let j = firstBlock; j < last; j += KEY_BLOCK_I16) {
    largestColumns(w.strip + (<usize>max(from, j) << 6), min(end, w.strip + (<usize>(j + KEY_BLOCK_I16) << 6)), top);
    if (j == firstBlock) memory.copy(w.largest, top, 64);
    else raiseColumns(w.largest, top);
    top += 64;
  }
  memory.fill(w.total, 0, 64);
  top = w.blockLargest;
  for (let j = firstBlock; j < last; j += KEY_BLOCK_I16) {
    const start = max(from, j), next = min(to, j + KEY_BLOCK_I16), b = j / KEY_BLOCK_I16;
    const block = w.strip + (<usize>start << 6), blockEnd = w.strip + (<usize>next << 6);
    memory.fill(w.sums, 0, 512);
    expBlock(w, block, blockEnd);
    shareScales(w.sums, top, w.largest, w.total, w.shareScales, w.shareFactors);
    // In place: a pair overwrites its first key.
    pairColumns(block, blockEnd, w.shareFactors, block);
    const values = w.values + <usize>b * w.valueBlock + (<usize>(start - j) << 3), scales = w.valueScales + (<usize>(b * dv) << 2);
    blockI16(
      values, VALUE_GROUP, scales, 4, block, w.shareScales, <usize>(next - start) << 1,
      start == from ? w.zeros : w.out, start == from ? 0 : 64, 1, w.out, 64, dv, o.wide, w.t,
    );
    top += 64;
  }
}

/** Exponentials of a block, in place, and their partial sums. */
function expBlock(w: Work, block: usize, end: usize): void {
  expColumns(block, end, w.largest, w.sums);
  expColumns(block + 32, end + 32, w.largest + 32, w.sums + 32);
}

/** Makes the scores of keys [from, to) in one lane −inf. */
function hide(lane: usize, from: i32, to: i32): void {
  for (let j = from; j < to; j++) store<f32>(lane + (<usize>j << 6), -Infinity);
}

/** `to[r][i] = scale · x[r][i]`; `to` has no gaps between rows. */
function scaleRows(x: usize, ldx: usize, rows: i32, n: i32, scale: f32, to: usize): void {
  const s = f32x4.splat(scale);
  for (let r = 0; r < rows; r++) {
    let p = x;
    let i = 0;
    for (; i + 4 <= n; i += 4) { v128.store(to, f32x4.mul(v128.load(p), s)); p += 16; to += 16; }
    for (; i < n; i++) { store<f32>(to, load<f32>(p) * scale); p += 4; to += 4; }
    x += ldx;
  }
}

/** ALiBi: `table[h][centre + rel] = −slopes[h] · |rel|`. */
export function fillAlibi(table: usize, nHead: i32, centre: i32, slopes: usize): void {
  for (let h = 0; h < nHead; h++) {
    const slope = load<f32>(slopes + (<usize>h << 2));
    for (let rel = -centre; rel <= centre; rel++) { store<f32>(table, -slope * <f32>abs(rel)); table += 4; }
  }
}

/**
 * T5: `table[h][centre + rel] = scale · values[bucket(rel)][h]`, rel = query − key position.
 * @param values float32 `[nBuckets][nHead]`
 * @param buckets int32 bucket of each distance below 128; from 128 on it is the last of its half
 */
export function fillRelative(table: usize, nHead: i32, centre: i32, values: usize, nBuckets: i32, buckets: usize, scale: f32): void {
  const half = nBuckets >> 1;
  for (let h = 0; h < nHead; h++) {
    for (let rel = -centre; rel <= centre; rel++) {
      const distance = abs(rel);
      let bucket = distance < 128 ? load<i32>(buckets + (<usize>distance << 2)) : half - 1;
      if (rel < 0) bucket += half;
      store<f32>(table, scale * load<f32>(values + (<usize>(bucket * nHead + h) << 2)));
      table += 4;
    }
  }
}
