/**
 * @file Attention of the query rows that one worker owns in one sequence.
 *
 * For each key/value head: K is turned into panels of 16 keys, `[d][16]`, V into panels of 16 dimensions, `[key][16]`;
 * then for each query head that uses it and each 4 query rows: scores of the keys they can see (a strip of 4 × T floats,
 * never T × T), softmax, the product with V. Panels are anchored at key 0 and sums over keys are closed at every
 * multiple of 512 keys, so that a row's bits do not depend on which rows are computed with it.
 */
import { tanh4 } from './math';
import { expRow } from './norm';
import { tileF32x1x16, tileF32x4x16, tileF32x4x8 } from './tile-f32';

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
  /** Added to the scores: `[nHead][2 · centre + 1]`, by key position − query position + centre; 0: none. */
  bias: usize; centre: i32;
  y: usize; ldy: usize;
  /** See `attentionScratch`. */
  scratch: usize;
  wide: i32;
}

/** Keys of one partial sum. */
@inline const KEY_BLOCK: i32 = 512;

@inline
function roundUp16(n: i32): i32 {
  return (n + 15) & ~15;
}

/** Bytes of scratch for `nKeys` keys. */
export function attentionScratch(nKeys: i32, headSize: i32, headSizeV: i32): usize {
  const keys = <usize>roundUp16(nKeys) + 16;
  return (keys * <usize>(headSize + roundUp16(headSizeV) + 4) + <usize>(4 * headSize) + 64 + <usize>(4 * roundUp16(headSizeV)) + 64) << 2;
}

/** Key panels `[d][16]`: 4 values of a key go to 4 rows of the panel. */
export function packKeys(from: usize, ld: usize, rows: i32, d: i32, panels: usize, firstKey: i32): void {
  for (let r = 0; r < rows; r++) {
    const key = firstKey + r;
    let to = panels + <usize>(key >> 4) * (<usize>d << 6) + (<usize>(key & 15) << 2);
    let p = from;
    let i = 0;
    for (; i + 4 <= d; i += 4) {
      const v = v128.load(p);
      v128.store32_lane(to, v, 0); v128.store32_lane(to, v, 1, 64); v128.store32_lane(to, v, 2, 128); v128.store32_lane(to, v, 3, 192);
      p += 16; to += 256;
    }
    for (; i < d; i++) { store<f32>(to, load<f32>(p)); p += 4; to += 64; }
    from += ld;
  }
}

/** Value panels `[key][16]`, `panelBytes` apart; columns past `d` become 0. */
export function packValues(from: usize, ld: usize, rows: i32, d: i32, panels: usize, panelBytes: usize, firstKey: i32): void {
  for (let r = 0; r < rows; r++) {
    let to = panels + (<usize>(firstKey + r) << 6);
    let p = from;
    let i = 0;
    for (; i + 16 <= d; i += 16) {
      v128.store(to, v128.load(p)); v128.store(to, v128.load(p, 16), 16);
      v128.store(to, v128.load(p, 32), 32); v128.store(to, v128.load(p, 48), 48);
      p += 64; to += panelBytes;
    }
    if (i < d) {
      const n = <usize>(d - i) << 2;
      memory.copy(to, p, n);
      memory.fill(to + n, 0, 64 - n);
    }
    from += ld;
  }
}

/** Scores `[rows][panel · 16]` of up to 4 query rows (contiguous, already scaled) with panels [p0, p1). */
export function scoreRows(q: usize, d: i32, rows: i32, keys: usize, p0: i32, p1: i32, s: usize, lds: usize, wide: i32): void {
  const ldq = <usize>d << 2;
  let k = keys + <usize>p0 * (<usize>d << 6);
  let to = s + (<usize>p0 << 6);
  for (let p = p0; p < p1; p++) {
    if (rows == 4) {
      if (wide) tileF32x4x16(q, ldq, k, to, lds, ldq);
      else {
        tileF32x4x8(q, ldq, k, to, lds, ldq);
        tileF32x4x8(q, ldq, k + 32, to + 32, lds, ldq);
      }
    } else {
      for (let r = 0; r < rows; r++) tileF32x1x16(q + <usize>r * ldq, k, to + <usize>r * lds, ldq);
    }
    k += <usize>d << 6; to += 64;
  }
}

/**
 * `out[4][16] = Σ s[row][key] · v[key]` over keys [from, to), both multiples of 16 and counted from `firstKey`;
 * `t` is scratch of 256 bytes.
 */
export function mixRows(
  s: usize, lds: usize, rows: i32, v: usize, from: i32, to: i32, firstKey: i32, out: usize, t: usize, wide: i32,
): void {
  memory.fill(out, 0, 256);
  for (let j = from; j < to; ) {
    const end = min(to, ((j + firstKey) & -KEY_BLOCK) + KEY_BLOCK - firstKey);
    const n4 = <usize>(end - j) << 2;
    const a = s + (<usize>j << 2), w = v + (<usize>j << 6);
    if (rows == 4) {
      if (wide) tileF32x4x16(a, lds, w, t, 64, n4);
      else {
        tileF32x4x8(a, lds, w, t, 64, n4);
        tileF32x4x8(a, lds, w + 32, t + 32, 64, n4);
      }
    } else {
      for (let r = 0; r < rows; r++) tileF32x1x16(a + <usize>r * lds, w, t + (<usize>r << 6), n4);
    }
    for (let i: usize = 0; i < <usize>rows << 6; i += 16) v128.store(out + i, f32x4.add(v128.load(out + i), v128.load(t + i)));
    j = end;
  }
}

/** `s = softcap · tanh(s / softcap)` (0: skip) and `s += bias` (0: skip) for `n` values rounded up to 4. */
function adjustScores(s: usize, n: i32, softcap: f32, bias: usize): void {
  const end = s + (<usize>((n + 3) >> 2) << 4);
  if (softcap != 0) {
    const c = f32x4.splat(softcap), inverse = f32x4.splat(1 / softcap);
    for (let p = s; p < end; p += 16) v128.store(p, f32x4.mul(c, tanh4(f32x4.mul(v128.load(p), inverse))));
  }
  if (bias != 0) {
    for (let p = s; p < end; p += 16) {
      v128.store(p, f32x4.add(v128.load(p), v128.load(bias)));
      bias += 16;
    }
  }
}

export function attendSequence(address: usize): void {
  const o = changetype<Params>(address);
  const d = o.headSize, dv = o.headSizeV, T = o.nKeys;
  const firstKey = max(0, o.firstQuery - o.back) & -16;
  const endKey = min(T, o.firstQuery + o.nQuery + min(o.forward, T));
  const span = roundUp16(endKey - firstKey);
  const panelBytes = <usize>span << 6;
  const keys = o.scratch;
  const values = keys + (<usize>(span * d) << 2);
  const scores = values + panelBytes * <usize>(roundUp16(dv) >> 4);
  const lds = <usize>span << 2;
  const query = scores + (lds << 2) + 64;
  const out = query + (<usize>(4 * d) << 2);
  const t = out + 256;
  const perKv = o.nHead / o.nHeadKv;
  for (let kv = 0; kv < o.nHeadKv; kv++) {
    gather(o, kv, firstKey, endKey, keys, values, panelBytes);
    for (let h = kv * perKv; h < (kv + 1) * perKv; h++) {
      const bias: usize = o.bias == 0 ? 0 : o.bias + (<usize>(h * (2 * o.centre + 1) + o.centre) << 2);
      for (let r = 0; r < o.nQuery; r += 4) {
        attendRows(o, h, r, min(4, o.nQuery - r), bias, firstKey, endKey, keys, values, panelBytes, scores, lds, query, out, t);
      }
    }
  }
}

/** Packs the keys and values [firstKey, endKey) of one key/value head; missing keys of the last panel become 0. */
function gather(o: Params, kv: i32, firstKey: i32, endKey: i32, keys: usize, values: usize, panelBytes: usize): void {
  const d = o.headSize, dv = o.headSizeV;
  const tail = (endKey - firstKey) & 15;
  if (tail != 0) {
    const panel = (endKey - firstKey) >> 4;
    memory.fill(keys + <usize>panel * (<usize>d << 6), 0, <usize>d << 6);
    for (let p: usize = 0; p < <usize>(roundUp16(dv) >> 4); p++) memory.fill(values + p * panelBytes + (<usize>panel << 10), 0, 1024);
  }
  let row = 0;
  for (let i = 0; i < o.nSegments; i++) {
    const segment = o.segments + <usize>(i * 20);
    const n = load<i32>(segment, 16);
    const from = max(row, firstKey), to = min(row + n, endKey);
    if (from < to) {
      const ldk = load<usize>(segment, 4), ldv = load<usize>(segment, 12);
      packKeys(load<usize>(segment) + <usize>(from - row) * ldk + (<usize>(kv * d) << 2), ldk, to - from, d, keys, from - firstKey);
      packValues(
        load<usize>(segment, 8) + <usize>(from - row) * ldv + (<usize>(kv * dv) << 2), ldv, to - from, dv, values, panelBytes, from - firstKey,
      );
    }
    row += n;
  }
}

/** Up to 4 query rows of one head. Key numbers below are counted from `firstKey`, a multiple of 16. */
function attendRows(
  o: Params, h: i32, r0: i32, rows: i32, bias: usize, firstKey: i32, endKey: i32, keys: usize, values: usize, panelBytes: usize,
  scores: usize, lds: usize, query: usize, out: usize, t: usize,
): void {
  const d = o.headSize, dv = o.headSizeV;
  scaleQuery(o.q + <usize>r0 * o.ldq + (<usize>(h * d) << 2), o.ldq, rows, d, o.scale, query);
  const p = o.firstQuery + r0;
  const from = (max(0, p - o.back) - firstKey) & -16;
  const to = roundUp16(min(endKey, p + rows + min(o.forward, o.nKeys)) - firstKey);
  scoreRows(query, d, rows, keys, from >> 4, to >> 4, scores, lds, o.wide);
  let s = scores;
  for (let r = 0; r < rows; r++) {
    const lo = max(0, p + r - o.back) - firstKey, hi = min(endKey, p + r + 1 + min(o.forward, o.nKeys)) - firstKey;
    if (o.softcap != 0 || bias != 0) {
      adjustScores(s + (<usize>lo << 2), hi - lo, o.softcap, bias == 0 ? 0 : bias + (<usize>(lo + firstKey - (p + r)) << 2));
    }
    store<f32>(t + 256 + (<usize>r << 2), expRow(s, lo, hi, from, to));
    s += lds;
  }
  for (let c = 0; c < dv; c += 16) {
    mixRows(scores, lds, rows, values + <usize>(c >> 4) * panelBytes, from, to, firstKey, out, t, o.wide);
    for (let r = 0; r < rows; r++) {
      const y = o.y + <usize>(r0 + r) * o.ldy + (<usize>(h * dv + c) << 2);
      writeRow(out + (<usize>r << 6), y, min(16, dv - c), 1 / load<f32>(t + 256 + (<usize>r << 2)));
    }
  }
}

function scaleQuery(q: usize, ldq: usize, rows: i32, d: i32, scale: f32, to: usize): void {
  const s = f32x4.splat(scale);
  for (let r = 0; r < rows; r++) {
    let p = q;
    let i = 0;
    for (; i + 4 <= d; i += 4) { v128.store(to, f32x4.mul(v128.load(p), s)); p += 16; to += 16; }
    for (; i < d; i++) { store<f32>(to, load<f32>(p) * scale); p += 4; to += 4; }
    q += ldq;
  }
}

function writeRow(from: usize, to: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= n; i += 4) { v128.store(to, f32x4.mul(v128.load(from), f)); from += 16; to += 16; }
  for (; i < n; i++) { store<f32>(to, load<f32>(from) * factor); from += 4; to += 4; }
}

/** ALiBi: `table[h][centre + rel] = −slopes[h] · |rel|`. */
export function fillAlibi(table: usize, nHead: i32, centre: i32, slopes: usize): void {
  for (let h = 0; h < nHead; h++) {
    const slope = load<f32>(slopes + (<usize>h << 2));
    for (let rel = -centre; rel <= centre; rel++) { store<f32>(table, -slope * <f32>abs(rel)); table += 4; }
  }
}

/**
 * T5: `table[h][centre + rel] = scale · values[bucket(rel)][h]`, rel = key − query position.
 * @param values float32 `[nBuckets][nHead]`
 * @param buckets int32 bucket of each distance below 128; from 128 on it is the last of its half
 */
export function fillRelative(table: usize, nHead: i32, centre: i32, values: usize, nBuckets: i32, buckets: usize, scale: f32): void {
  const half = nBuckets >> 1;
  for (let h = 0; h < nHead; h++) {
    for (let rel = -centre; rel <= centre; rel++) {
      const distance = abs(rel);
      let bucket = distance < 128 ? load<i32>(buckets + (<usize>distance << 2)) : half - 1;
      if (rel > 0) bucket += half;
      store<f32>(table, scale * load<f32>(values + (<usize>(bucket * nHead + h) << 2)));
      table += 4;
    }
  }
}
