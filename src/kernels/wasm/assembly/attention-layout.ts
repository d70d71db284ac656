/**
 * @file The layout and size of attention's scratch. Only the module knows it.
 */
import { STRIP_BYTES } from './epilogue';

/** Queries of one panel. */
@inline export const QUERIES: i32 = 16;
/** Number of keys in one partial sum, in float32 and in int16. In int16, V and the exponentials have separate scales in each. */
@inline export const KEY_BLOCK: i32 = 512;
@inline export const KEY_BLOCK_I16: i32 = 128;
/** Queries that pass over a block of keys in int16 while it is in the caches. */
@inline export const PASS: i32 = 128;
/** Bytes at the start of the scratch: `Params`, `Work`, and the parts whose size does not depend on lengths. */
@inline export const PARAMS_BYTES: usize = 128;
@inline const WORK_BYTES: usize = 128;
@inline const FIXED_BYTES: usize = STRIP_BYTES + 512 + 6 * 64;
/** Bytes of 4 dimensions of V in a block. */
@inline export const VALUE_GROUP: usize = 1024;

@inline
export function roundUp(n: i32, unit: i32): i32 {
  return (n + unit - 1) & -unit;
}

/** The parameters of `attendSequence`, kept at the start of its scratch. */
@unmanaged
export class Params {
  q: usize; ldq: usize; nQuery: i32; firstQuery: i32;
  segments: usize; nSegments: i32; nKeys: i32;
  nHead: i32; nHeadKv: i32; headSize: i32; headSizeV: i32;
  scale: f32;
  back: i32; forward: i32; ahead: usize;
  softcap: f32;
  bias: usize; centre: i32;
  y: usize; ldy: usize;
  wide: i32;
  int16: i32;
  relative: usize;
  quantized: usize;
}

/** Rows that stand for distances (disentangled attention). */
@unmanaged
export class Relative {
  keys: usize; queries: usize; ldRow: usize; nRows: i32; rows: usize;
}

/** Bytes of `Relative`. */
export const RELATIVE_BYTES: usize = 20;

/**
 * Sets the rows of distances at `relative`.
 * @param keys float32 rows that queries are multiplied with, `[nRows][nHead · headSize]`, `ldRow` bytes apart; 0: none
 * @param queries the same for keys
 * @param rows int32 index of the row by query position − key position + nKeys − 1, multiplied by 64
 */
export function setRelative(relative: usize, keys: usize, queries: usize, ldRow: usize, nRows: i32, rows: usize): void {
  const r = changetype<Relative>(relative);
  r.keys = keys; r.queries = queries;
  r.ldRow = ldRow;
  r.nRows = nRows; r.rows = rows;
}

/** Rows of K and V that are contiguous. */
@unmanaged
export class Segment {
  k: usize; ldk: usize; v: usize; ldv: usize; rows: i32;
}

/** Bytes of one segment. */
export const SEGMENT_BYTES: usize = 20;

/** Sets the location of `rows` rows of K and V: segment `i` of the list at `segments`. */
export function setSegment(segments: usize, i: i32, k: usize, ldk: usize, v: usize, ldv: usize, rows: i32): void {
  const segment = changetype<Segment>(segments + <usize>i * SEGMENT_BYTES);
  segment.k = k; segment.ldk = ldk;
  segment.v = v; segment.ldv = ldv;
  segment.rows = rows;
}

/** Addresses in the scratch, and the range of keys that they hold: [firstKey, endKey). firstKey is a multiple of 16. */
@unmanaged
export class Work {
  firstKey: i32; endKey: i32;
  /** float32: `[key][headSize]`; int16: groups of 4 keys, `keyGroup` bytes apart, and a scale a key. */
  keys: usize; keyGroup: usize; keyScales: usize;
  /** float32: `[dimension][key]`, rows `ldv` bytes apart; int16: `[block of keys][dimensions / 4]` groups, and scales `[block][dimension]`. */
  values: usize; ldv: usize; valueBlock: usize; valueScales: usize;
  /** int16: a block of keys and values in float32 before they are quantised; rows of values `ldv` apart. */
  stageKeys: usize; stageValues: usize;
  /** float32: `[d][16]`; int16: `[d/2][16][2]`, of the panel in use, and groups of 4 before they are joined. */
  query: usize; groups: usize;
  /** `[key][16]`: of all keys, in int16 of a block. */
  strip: usize;
  /** `[dimension][16]`: the sums over all keys so far, in float32 also over a block. In int16 `out` follows `total`. */
  out: usize; part: usize;
  /** Of 16 columns: the score that exponentials are relative to, the largest of a block, the sum of the exponentials and partial ones. */
  largest: usize; blockLargest: usize; total: usize; sums: usize;
  /** int16, of 16 columns: scales of the queries and of the exponentials, the factors of the latter, zeros. */
  queryScales: usize; shareScales: usize; shareFactors: usize; zeros: usize;
  /** int16: panels of queries, each `[largest | queryScales | total | out | query]`. */
  panels: usize; panelBytes: usize; panelOut: usize;
  /** Sums of tiles. */
  t: usize;
  /** Disentangled: 16 queries or keys `[d][16]`, products of 16 queries with rows `[row][16]`, those of all keys `[key / 16][row][16]`. */
  panel: usize; ofQueries: usize; ofKeys: usize;
}

/** Blocks of keys that have their own scales in int16. */
@inline
function blocksOf(span: i32): i32 {
  return (span + KEY_BLOCK_I16 - 1) / KEY_BLOCK_I16;
}

/** Bytes of keys in float32. */
@inline
function floatKeyBytes(n: i32, d: i32): usize {
  return <usize>(n * d) << 2;
}

/**
 * Bytes from dimension to dimension of values in float32. It is an odd number of cache lines, so that columns do not compete for the same
 * cache sets.
 */
@inline
function floatValueStride(n: i32): usize {
  return (<usize>n << 2) | 64;
}

/** Bytes of 4 keys in int16. */
@inline
function keyGroupBytes(d: i32): usize {
  return <usize>roundUp(d, 8) << 3;
}

/** Bytes of a block of values in int16. */
@inline
function valueBlockBytes(dv: i32): usize {
  return <usize>(roundUp(dv, 4) >> 2) * VALUE_GROUP;
}

/** Bytes of the keys and values of one key/value head in int16, with their scales. */
@inline
function quantizedBytes(span: i32, d: i32, dv: i32): usize {
  return <usize>(span >> 2) * keyGroupBytes(d) + (<usize>span << 2) + <usize>blocksOf(span) * (valueBlockBytes(dv) + (<usize>dv << 2));
}

/** Bytes from key/value head to head of a sequence of `nKeys` tokens where `quantizeSequence` stores them. */
export function quantizedHeadBytes(nKeys: i32, headSize: i32, headSizeV: i32): usize {
  // Tiles read past the end.
  return (quantizedBytes(roundUp(nKeys, 16), headSize, headSizeV) + 64 + 63) & -64;
}

/** Places keys and values in int16 at `at`; returns their end. */
function placeQuantized(w: Work, at: usize, span: i32, dv: i32): usize {
  const nBlocks = <usize>blocksOf(span);
  w.keys = at;
  w.keyScales = at + <usize>(span >> 2) * w.keyGroup;
  w.values = w.keyScales + (<usize>span << 2);
  w.valueScales = w.values + nBlocks * w.valueBlock;
  return w.valueScales + ((nBlocks * <usize>dv) << 2);
}

/** Finds key/value head `kv` among those of `quantizeSequence`. */
export function placeHead(o: Params, w: Work, kv: i32): void {
  const dv = o.headSizeV, block = <usize>(w.firstKey / KEY_BLOCK_I16);
  placeQuantized(w, o.quantized + <usize>kv * quantizedHeadBytes(o.nKeys, o.headSize, dv), roundUp(o.nKeys, 16), dv);
  w.keys += <usize>(w.firstKey >> 2) * w.keyGroup;
  w.keyScales += <usize>w.firstKey << 2;
  w.values += block * w.valueBlock;
  w.valueScales += (block * <usize>dv) << 2;
}

/** Bytes of what disentangled attention needs beside the rest. */
@inline
function relativeBytes(span: i32, headSize: i32, nRows: i32): usize {
  return nRows == 0 ? 0 : (<usize>(headSize + nRows + (span >> 4) * nRows) << 6) + 64;
}

/** Bytes of 16 queries in int16 and of what is known of them. */
@inline
function panelBytes(d: i32, dv: i32): usize {
  return (<usize>(3 + dv) << 6) + (keyGroupBytes(d) << 2);
}

/**
 * Bytes of scratch for a sequence of `nKeys` tokens. With `int16` it also suffices for shorter sequences in float32.
 * @param nRows rows of distances; 0: none
 */
export function attentionBytes(nKeys: i32, headSize: i32, headSizeV: i32, int16: i32, nRows: i32): usize {
  return plainBytes(nKeys, headSize, headSizeV, int16) + relativeBytes(roundUp(nKeys, 16), headSize, nRows);
}

/** The same without distances. */
function plainBytes(nKeys: i32, headSize: i32, headSizeV: i32, int16: i32): usize {
  const span = roundUp(nKeys, 16), staged = int16 ? KEY_BLOCK_I16 : span;
  let bytes = PARAMS_BYTES + WORK_BYTES + FIXED_BYTES + (<usize>(headSize + 8 + 2 * headSizeV + staged) << 6);
  if (int16) {
    bytes += quantizedBytes(span, headSize, headSizeV);
    bytes += <usize>(PASS / QUERIES) * panelBytes(headSize, headSizeV);
  }
  // The last tiles read past the end.
  return bytes + floatKeyBytes(staged, headSize) + floatValueStride(staged) * <usize>headSizeV + 256;
}

/** Makes panel `row / 16` of a pass the one in use. */
export function selectPanel(w: Work, row: i32): void {
  const panel = w.panels + <usize>(row / QUERIES) * w.panelBytes;
  w.largest = panel;
  w.queryScales = panel + 64;
  w.total = panel + 128;
  w.out = panel + 192;
  w.query = w.out + w.panelOut;
}

/** The range of keys that are read, and all addresses; `attentionBytes` counts each part. */
export function layOut(o: Params, w: Work): void {
  const d = o.headSize, dv = o.headSizeV, T = o.nKeys;
  // Whole blocks if they have scales, so that the scales do not depend on the queries.
  const unit = o.int16 ? KEY_BLOCK_I16 : 16;
  w.firstKey = max(0, o.firstQuery - o.back) & -unit;
  w.endKey = min(T, roundUp(o.firstQuery + o.nQuery + min(o.forward, T), unit));
  const span = roundUp(w.endKey - w.firstKey, 16);
  w.t = changetype<usize>(w) + WORK_BYTES;
  w.sums = w.t + STRIP_BYTES;
  w.largest = w.sums + 512;
  w.total = w.largest + 64;
  w.blockLargest = w.total + 64;
  w.shareScales = w.blockLargest + 64;
  w.shareFactors = w.shareScales + 64;
  w.zeros = w.shareFactors + 64;
  memory.fill(w.zeros, 0, 64);
  w.query = w.t + FIXED_BYTES;
  w.out = w.query + (<usize>(d + 8) << 6);
  w.part = w.out + (<usize>dv << 6);
  w.strip = w.part + (<usize>dv << 6);
  if (!o.int16) {
    // The lanes of missing queries are multiplied too.
    if (o.nQuery < QUERIES) memory.fill(w.query, 0, <usize>d << 6);
    w.keys = w.strip + (<usize>span << 6);
    w.values = w.keys + floatKeyBytes(span, d);
    w.ldv = floatValueStride(span);
  } else {
    const staged = min(span, KEY_BLOCK_I16);
    w.groups = w.query;
    w.panels = w.strip + (<usize>KEY_BLOCK_I16 << 6);
    w.panelOut = <usize>dv << 6;
    w.panelBytes = panelBytes(d, dv);
    w.keys = w.panels + <usize>(PASS / QUERIES) * w.panelBytes;
    w.keyGroup = keyGroupBytes(d);
    w.valueBlock = valueBlockBytes(dv);
    w.stageKeys = placeQuantized(w, w.keys, span, dv);
    w.ldv = floatValueStride(staged);
    w.stageValues = w.stageKeys + floatKeyBytes(staged, d);
  }
  if (o.relative != 0) {
    const nRows = changetype<Relative>(o.relative).nRows;
    w.panel = (changetype<usize>(o) + plainBytes(T, d, dv, o.int16) + 63) & -64;
    w.ofQueries = w.panel + (<usize>d << 6);
    w.ofKeys = w.ofQueries + (<usize>nRows << 6);
  }
}
