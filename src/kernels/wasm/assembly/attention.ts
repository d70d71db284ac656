/**
 * @file Attention of the query rows that one worker owns in one sequence.
 *
 * 16 query rows are a panel, as the weights of a product are: keys are its rows. For each query head and each 16 queries:
 * scores of the keys they can see, `[key][16]` (a strip of 16 × T floats, never T × T), softmax down the columns, the
 * product with V, `[dimension][16]`, turned back into rows. Sums over keys are closed at every multiple of 512 keys from
 * the first of the sequence, and a query has a lane of its own, so that a row's bits do not depend on which rows are
 * computed with it.
 */
import { addSums, biasColumns, capColumns, divideColumns, expColumns, largestColumns } from './columns';
import { blockF32 } from './linear';
import { tileF32x4x16, tileF32x4x8 } from './tile-f32';

/** What `attendSequence` reads at `p`; addresses and strides in bytes. Written by `src/kernels/wasm/run-attention.ts`. */
@unmanaged
class Params {
  /** First owned query row, its row stride, how many rows, and the position of the first in its sequence. */
  q: usize; ldq: usize; nQuery: i32; firstQuery: i32;
  /** Where K and V lie: `nSegments` of (k, ldk, v, ldv, rows). `nKeys` rows in all. */
  segments: usize; nSegments: i32; nKeys: i32;
  nHead: i32; nHeadKv: i32; headSize: i32; headSizeV: i32;
  scale: f32;
  /** A query at p sees keys p − back … p + forward. */
  back: i32; forward: i32;
  /** 0: none. */
  softcap: f32;
  /** Added to the scores: `[nHead][2 · centre + 1]`, by query position − key position + centre; 0: none. Readable for 15 more. */
  bias: usize; centre: i32;
  y: usize; ldy: usize;
  /** See `attentionScratchBytes` in `run-attention.ts`. */
  scratch: usize;
  wide: i32;
}

/** Queries of one panel. */
@inline const QUERIES: i32 = 16;
/** Keys of one partial sum. */
@inline const KEY_BLOCK: i32 = 512;

@inline
function roundUp16(n: i32): i32 {
  return (n + 15) & ~15;
}

/** Where things lie in the scratch, and which keys they are of: [firstKey, endKey), the first a multiple of 16. */
@unmanaged
class Work {
  firstKey: i32; endKey: i32;
  /** `[key][headSize]`. */
  keys: usize;
  /** `[dimension][key]`, rows `ldv` bytes apart. */
  values: usize; ldv: usize;
  /** `[d][16]` */
  query: usize;
  /** `[key][16]` */
  strip: usize;
  /** `[dimension][16]` */
  out: usize;
  /** Of 16 columns: largest score, sum of the exponentials (and eight partial ones). */
  largest: usize; total: usize; sums: usize;
  /** Sums of a tile. */
  t: usize;
}

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

/** Scores `[key][16]` of `nKeys` keys (a multiple of 4) with a panel of queries `[d][16]`. */
export function scoreColumns(keys: usize, d: i32, nKeys: i32, query: usize, s: usize, wide: i32): void {
  const ldk = <usize>d << 2;
  for (let j = 0; j < nKeys; j += 4) {
    if (wide) tileF32x4x16(keys, ldk, query, s, 64, ldk);
    else {
      tileF32x4x8(keys, ldk, query, s, 64, ldk);
      tileF32x4x8(keys, ldk, query + 32, s + 32, 64, ldk);
    }
    keys += ldk << 2; s += 256;
  }
}

export function attendSequence(address: usize): void {
  const o = changetype<Params>(address);
  const d = o.headSize, dv = o.headSizeV, T = o.nKeys;
  const w = changetype<Work>(o.scratch);
  w.firstKey = max(0, o.firstQuery - o.back) & -16;
  w.endKey = min(T, o.firstQuery + o.nQuery + min(o.forward, T));
  const span = roundUp16(w.endKey - w.firstKey);
  w.t = o.scratch + 64;
  w.largest = w.t + 2048;
  w.total = w.largest + 64;
  w.sums = w.total + 64;
  w.query = w.sums + 512;
  w.out = w.query + (<usize>d << 6);
  w.strip = w.out + (<usize>dv << 6);
  w.keys = w.strip + (<usize>span << 6);
  w.values = w.keys + (<usize>(span * d) << 2);
  // An odd number of cache lines: a column then has sets of the cache for itself.
  w.ldv = (<usize>span << 2) | 64;
  const perKv = o.nHead / o.nHeadKv;
  for (let kv = 0; kv < o.nHeadKv; kv++) {
    gather(o, kv, w.firstKey, w.endKey, w.keys, w.values, w.ldv);
    for (let h = kv * perKv; h < (kv + 1) * perKv; h++) {
      for (let r = 0; r < o.nQuery; r += QUERIES) attendRows(o, w, h, r, min(QUERIES, o.nQuery - r));
    }
  }
}

/** Brings the keys [from, to) of one key/value head to `keys`, `[key][headSize]`, and their values to `values`, `[dimension][key]`. */
function gather(o: Params, kv: i32, from: i32, to: i32, keys: usize, values: usize, ldv: usize): void {
  const d = o.headSize, dv = o.headSizeV;
  let row = 0;
  for (let i = 0; i < o.nSegments; i++) {
    const segment = o.segments + <usize>(i * 20);
    const n = load<i32>(segment, 16);
    const first = max(row, from), end = min(row + n, to);
    if (first < end) {
      const ldk = load<usize>(segment, 4), ld = load<usize>(segment, 12);
      const k = load<usize>(segment) + <usize>(first - row) * ldk + (<usize>(kv * d) << 2);
      const v = load<usize>(segment, 8) + <usize>(first - row) * ld + (<usize>(kv * dv) << 2);
      scaleRows(k, ldk, end - first, d, 1, keys + (<usize>((first - from) * d) << 2));
      transpose(v, ld, end - first, dv, values + (<usize>(first - from) << 2), ldv);
    }
    row += n;
  }
  // The last tile reads up to 3 keys more.
  memory.fill(keys + (<usize>((to - from) * d) << 2), 0, <usize>(((from - to) & 15) * d) << 2);
}

/** Up to 16 query rows of one head. */
function attendRows(o: Params, w: Work, h: i32, r0: i32, rows: i32): void {
  const d = o.headSize, dv = o.headSizeV, strip = w.strip;
  const p = o.firstQuery + r0;
  const forward = min(o.forward, o.nKeys);
  // Keys from here on are counted from `firstKey`.
  const from = (max(0, p - o.back) - w.firstKey) & -16;
  const last = min(w.endKey, p + rows + forward) - w.firstKey;
  const to = roundUp16(last);
  const first = strip + (<usize>from << 6), end = strip + (<usize>to << 6);

  if (rows < QUERIES) memory.fill(w.query, 0, <usize>d << 6);
  transpose(o.q + <usize>r0 * o.ldq + (<usize>(h * d) << 2), o.ldq, rows, d, w.query, 64);
  scaleRows(w.query, 0, 1, d << 4, o.scale, w.query);
  scoreColumns(w.keys + (<usize>(from * d) << 2), d, to - from, w.query, first, o.wide);
  if (o.softcap != 0) capColumns(first, end, o.softcap);
  if (o.bias != 0) biasColumns(first, end, o.bias + (<usize>(h * (2 * o.centre + 1) + o.centre + p - w.firstKey - from) << 2));
  for (let r = 0; r < rows; r++) {
    const lane = strip + (<usize>r << 2);
    hide(lane, from, max(0, p + r - o.back) - w.firstKey);
    hide(lane, min(last, p + r + 1 + forward - w.firstKey), to);
  }

  largestColumns(first, end, w.largest);
  memory.fill(w.sums, 0, 512);
  memory.fill(w.out, 0, <usize>dv << 6);
  for (let j = from; j < last; ) {
    const next = min(to, ((j + w.firstKey) & -KEY_BLOCK) + KEY_BLOCK - w.firstKey);
    const block = strip + (<usize>j << 6), blockEnd = strip + (<usize>next << 6);
    expColumns(block, blockEnd, w.largest, w.sums);
    expColumns(block + 32, blockEnd + 32, w.largest + 32, w.sums + 32);
    const n4 = <usize>(min(next, last) - j) << 2;
    blockF32(w.values + (<usize>j << 2), w.ldv, block, n4, w.out, 64, 1, w.out, 64, dv, o.wide, w.t);
    j = next;
  }
  addSums(w.sums, w.total);
  divideColumns(w.out, w.out + (<usize>dv << 6), w.total);
  transpose(w.out, 64, dv, rows, o.y + <usize>r0 * o.ldy + (<usize>(h * dv) << 2), o.ldy);
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
