/**
 * @file Softmax attention over packed sequences, in one pass over the keys (after FlashAttention, Dao et al. 2022).
 *
 * Idea     A workgroup takes one head and BQ consecutive queries of one sequence. It walks over the sequence's keys BK at a
 *          time: scores into shared memory, running maximum and sum of each query, old results rescaled, values added.
 *          The matrix of all scores never exists. Blocks of keys without any visible key are skipped.
 * Order    Blocks are counted from the beginning of the sequence, so a query's sums do not depend on where the sequence
 *          lies in the batch. A block that the mask hides from a query leaves its sums as they are.
 * Threads  128 (fewer with small blocks). For scores a thread has one key and several queries; for the softmax several threads share a query;
 *          for the values a thread has four columns of some queries.
 * Shared   4 · (BQ · headSize + BK · max(headSize + 4, headSizeV) + BQ · BK + 2 · threads + BQ) bytes; keys and values take turns.
 * Features none; `shader-f16` if queries, keys, values or the result are f16. The latter passes through the memory of the queries. With `vec4` head
 *          sizes, offsets and strides must be multiples of four.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type AttentionAccess, access, arenaElement, attentionName } from './attention-access.wgsl.ts';
import type { Stored } from './halves.wgsl.ts';

/** Threads of a workgroup: one for each score, at most 128. */
const threadsOf = ({ bq, bk }: AttentionTile) => Math.min(128, bq * bk);
const up4 = (n: number) => Math.ceil(n / 4);

const each = (n: number, line: (i: number) => string) => Array.from({ length: n }, (_, i) => line(i)).join('\n');

/** Queries and keys of a block. */
export interface AttentionTile {
  readonly bq: number;
  readonly bk: number;
}

/** Bytes of shared memory for head sizes `d` (queries, keys) and `dv` (values). */
function shared(tile: AttentionTile, d: number, dv: number): number {
  const { bq, bk } = tile;
  return 16 * (bq * up4(d) + bk * Math.max(up4(d) + 1, up4(dv))) + 4 * (bq * bk + 2 * threadsOf(tile) + bq);
}

/** The largest tile that fits `limit` bytes of shared memory; `undefined` when the heads are too large for any. At most `most` rows. */
export function attentionTile(d: number, dv: number, limit: number, most = 32): AttentionTile | undefined {
  for (const bq of [32, 16, 8, 4].filter((n) => n <= most)) {
    for (const bk of [32, 16, 8].filter((n) => n <= most)) {
      const tile = { bq, bk };
      if (shared(tile, d, dv) <= limit) return tile;
    }
  }
  return undefined;
}

/**
 * The kernel for these head sizes. `bq` is 4…32, `bk` 8…32, both powers of two.
 * @param rounded whether queries, keys and values are rounded to f16; `from` says which of them are stored so (see `AttentionAccess`)
 * @param disentangled whether scores contain products with rows of distances
 * @param stored how the result is stored; f16 where `storesHalves`
 */
export const attention = once(
  (
    bq: number,
    bk: number,
    d: number,
    dv: number,
    wide: boolean,
    rolled: boolean,
    disentangled: boolean,
    rounded: boolean,
    from: string,
    stored: Stored,
  ): Kernel => {
    const tensors = { d, dv, wide, from, stored };
    const kind = `${rounded ? ' rounded' : ''}${disentangled ? ' disentangled' : ''} ${bq}x${bk}`;
    return kernel({
      name: attentionName(tensors, kind),
      rolled,
      params: {
        ...attentionParams,
        ...(disentangled ? distanceParams : {}),
      },
      enable: from === '' && stored === 'f32' ? [] : ['f16'],
      arena: arenaElement(tensors),
      code: attentionCode(bq, bk, tensors, disentangled, rounded),
    });
  },
);

/** The parameters of every kernel of attention. */
export const attentionParams = {
  q: 'tensor',
  k: 'tensor',
  v: 'tensor',
  y: 'tensor',
  /** Five numbers for each tile in `batch`: first query row, its index in its sequence, begin and end of the sequence, end of its keys. */
  tilesAt: 'u32',
  nTiles: 'u32',
  /** The largest number of queries in a tile. */
  nQueries: 'u32',
  rows: 'u32',
  nHead: 'u32',
  /** Query heads that share a key/value head. */
  nGroup: 'u32',
  /** A key is seen if it is at most this far behind or ahead of the query. */
  maxBehind: 'u32',
  maxAhead: 'u32',
  /** How far each token sees ahead, in `batch`; 0xffffffff: all as far as `forward`. */
  aheadAt: 'u32',
  scale: 'f32',
  /** 0: none. */
  softcap: 'f32',
  /** Slope of each head (ALiBi), or 0xffffffff. */
  slopesAt: 'u32',
  /** 257 biases a head for distances −128…128 (T5), or 0xffffffff. */
  biasAt: 'u32',
} as const;

/** Of disentangled attention. */
const distanceParams = {
  /** Rows of the distances −`span`…`span` (query minus key), in `batch`. */
  distancesAt: 'u32',
  span: 'u32',
  /** Tables of rows that queries and keys are multiplied with, or 0xffffffff. */
  keyRowsAt: 'u32',
  queryRowsAt: 'u32',
} as const;

/**
 * WGSL: the products of a query and a key in shared memory, at `a` and `b`, with the rows of their distance. Values behind the end of a head are
 * 0 in shared memory.
 */
const distanceCode = (d: number) => /* wgsl */ `
fn four(at: u32) -> vec4<f32> { return vec4<f32>(vec[at], vec[at + 1u], vec[at + 2u], vec[at + 3u]); }
fn distance_term(a: u32, b: u32, head: u32, behind: i32) -> f32 {
  let span = i32(p.span);
  let row = u32(batch[p.distancesAt + u32(clamp(behind, -span, span) + span)]);
  let at = (row * p.nHead + head) * ${d}u;
  var s = 0.0;
  for (var c = 0u; c < bound(${up4(d)}u); c++) {
    if (p.keyRowsAt != 0xffffffffu) { s += dot(qs[a + c], four(p.keyRowsAt + at + 4u * c)); }
    if (p.queryRowsAt != 0xffffffffu) { s += dot(kv[b + c], four(p.queryRowsAt + at + 4u * c)); }
  }
  return s;
}
`;

function attentionCode(
  bq: number,
  bk: number,
  tensors: AttentionAccess,
  disentangled: boolean,
  rounded: boolean,
): string {
  const { d, dv, stored } = tensors;
  const [dQ, dV] = [up4(d), up4(dv)];
  const dK = dQ + 1;
  const threads = threadsOf({ bq, bk });
  const lanes = threads / bq;
  const nScores = (bq * bk) / threads;
  const perPass = threads / bk;
  const slots = Math.ceil((bq * dV) / threads);
  return /* wgsl */ `
var<workgroup> qs: array<vec4<f32>, ${bq * dQ}>;
var<workgroup> kv: array<vec4<f32>, ${bk * Math.max(dK, dV)}>;
var<workgroup> ss: array<f32, ${bq * bk}>;
var<workgroup> maxima: array<f32, ${threads}>;
var<workgroup> sums: array<f32, ${threads}>;
var<workgroup> rescale: array<f32, ${bq}>;
${linearGroup}
${access(tensors, rounded ? 'rounded' : 'f32')}${disentangled ? distanceCode(d) : ''}
${scoreCode}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
${findTile}
  for (var i = t; i < ${bq * dQ}u; i += ${threads}u) {
    let row = i32(i / ${dQ}u);
    qs[i] = vec4<f32>();
    if (row < nq) { qs[i] = load_q(u32(first + row), head, (i % ${dQ}u) * 4u); }
  }
  let headKv = head / p.nGroup;
  let r = t / ${lanes}u;
  let lane = t % ${lanes}u;
  let key = t % ${bk}u;
  var top = hidden;
  var sum = 0.0;
${each(slots, (i) => `  var o${i} = vec4<f32>();`)}
  let firstKey = (max(0, q0 - i32(min(p.maxBehind, 0x3fffffffu))) / ${bk}) * ${bk};
  let endKey = min(n, q0 + nq + i32(min(p.maxAhead, 0x3fffffffu)));
  for (var k0 = firstKey; k0 < endKey; k0 += ${bk}) {
    for (var i = t; i < ${bk * dQ}u; i += ${threads}u) {
      let row = k0 + i32(i / ${dQ}u);
      var v = vec4<f32>();
      if (row < n) { v = load_k(u32(begin + row), headKv, (i % ${dQ}u) * 4u); }
      kv[(i / ${dQ}u) * ${dK}u + i % ${dQ}u] = v;
    }
    workgroupBarrier();
${each(nScores, (j) => `    var s${j} = 0.0;`)}
    for (var c = 0u; c < bound(${dQ}u); c++) {
      let b = kv[key * ${dK}u + c];
${each(nScores, (j) => `      let a${j} = qs[(t / ${bk}u + ${j * perPass}u) * ${dQ}u + c];`)}
${['x', 'y', 'z', 'w'].map((e) => each(nScores, (j) => `      s${j} = fma(a${j}.${e}, b.${e}, s${j});`)).join('\n')}
    }
${each(nScores, (j) => {
  const row = `(t / ${bk}u + ${j * perPass}u)`;
  const behind = `q0 + i32(${row}) - k0 - i32(key)`;
  const term = disentangled ? `    s${j} += distance_term(${row} * ${dQ}u, key * ${dK}u, head, ${behind});\n` : '';
  return `${term}    ss[${row} * ${bk}u + key] = select(hidden, score(s${j}, head, k0 + i32(key) - q0 - i32(${row}), u32(begin + q0) + ${row}), k0 + i32(key) < n);`;
})}
    workgroupBarrier();
    for (var i = t; i < ${bk * dV}u; i += ${threads}u) {
      let row = k0 + i32(i / ${dV}u);
      kv[i] = vec4<f32>();
      if (row < n) { kv[i] = load_v(u32(begin + row), headKv, (i % ${dV}u) * 4u); }
    }
    var most = hidden;
    for (var c = lane; c < ${bk}u; c += ${lanes}u) { most = max(most, ss[r * ${bk}u + c]); }
    maxima[t] = most;
    workgroupBarrier();
    most = top;
    for (var i = 0u; i < bound(${lanes}u); i++) { most = max(most, maxima[r * ${lanes}u + i]); }
    var mine = 0.0;
    for (var c = lane; c < ${bk}u; c += ${lanes}u) {
      let s = ss[r * ${bk}u + c];
      let e = select(exp(s - most), 0.0, s <= hidden);
      ss[r * ${bk}u + c] = e;
      mine += e;
    }
    sums[t] = mine;
    let scaleBy = exp(top - most);
    if (lane == 0u) { rescale[r] = scaleBy; }
    top = most;
    workgroupBarrier();
    sum = sum * scaleBy;
    for (var i = 0u; i < bound(${lanes}u); i++) { sum += sums[r * ${lanes}u + i]; }
${each(slots, (i) => {
  const slot = `(t + ${i * threads}u)`;
  return `    if (${slot} < ${bq * dV}u) {
      let row = ${slot} / ${dV}u;
      o${i} = o${i} * rescale[row];
      for (var c = 0u; c < bound(${bk}u); c++) { o${i} = fma(vec4<f32>(ss[row * ${bk}u + c]), kv[c * ${dV}u + ${slot} % ${dV}u], o${i}); }
    }`;
})}
    workgroupBarrier();
  }
  if (lane == 0u) { sums[r] = sum; }
  workgroupBarrier();
${stored === 'f32' ? floatResults(slots, threads, bq, dV, dv) : halfResults(slots, threads, bq, dV, dv)}
}`;
}

/** WGSL: a thread stores each of its vectors of sums. */
function floatResults(slots: number, threads: number, bq: number, dV: number, dv: number): string {
  return each(slots, (i) => {
    const slot = `(t + ${i * threads}u)`;
    return `  if (${slot} < ${bq * dV}u && i32(${slot} / ${dV}u) < nq) {
    let row = ${slot} / ${dV}u;
    let c = (${slot} % ${dV}u) * 4u;
    write4(p.yOff + (u32(first) + row) * p.yStride + head * ${dv}u + c, ${dv}u - c, o${i} / sums[row]);
  }`;
  });
}

/** WGSL: results pass through the memory of the queries, so that a thread stores eight f16. */
function halfResults(slots: number, threads: number, bq: number, dV: number, dv: number): string {
  const staged = each(slots, (i) => {
    const slot = `(t + ${i * threads}u)`;
    return `  if (${slot} < ${bq * dV}u) { qs[${slot}] = o${i} / sums[${slot} / ${dV}u]; }`;
  });
  return /* wgsl */ `${staged}
  workgroupBarrier();
  for (var i = t; i < ${(bq * dV) / 2}u; i += ${threads}u) {
    let row = i / ${dV / 2}u;
    if (i32(row) >= nq) { break; }
    store8(p.yOff + (u32(first) + row) * p.yStride, head * ${dv}u + (i % ${dV / 2}u) * 8u, qs[2u * i], qs[2u * i + 1u]);
  }`;
}

/** WGSL: a workgroup's head, its queries [q0, q0 + nq) of a sequence of n tokens that begins at `begin`, and their first row. */
export const findTile = /* wgsl */ `\
  let g = linear_group(wg, nwg);
  let tile = g / p.nHead;
  let head = g % p.nHead;
  if (tile >= p.nTiles) { return; }
  let first = batch[p.tilesAt + tile * 5u];
  let q0 = batch[p.tilesAt + tile * 5u + 1u];
  let begin = batch[p.tilesAt + tile * 5u + 2u];
  let nq = min(i32(p.nQueries), batch[p.tilesAt + tile * 5u + 3u] - begin - q0);
  let n = batch[p.tilesAt + tile * 5u + 4u] - begin;`;

/** WGSL: the score of a query and a key from their product; `hidden` if the query does not see the key. */
export const scoreCode = /* wgsl */ `
const hidden = -3.0e38;
fn score(product: f32, head: u32, ahead: i32, token: u32) -> f32 {
  var most = i32(p.maxAhead);
  if (p.aheadAt != 0xffffffffu) { most = batch[p.aheadAt + token]; }
  if (ahead > most || -ahead > i32(p.maxBehind)) { return hidden; }
  var s = product;
  if (p.biasAt != 0xffffffffu) { s = s + vec[p.biasAt + head * 257u + u32(clamp(ahead, -128, 128) + 128)]; }
  s = s * p.scale;
  if (p.softcap != 0.0) { s = p.softcap * tanh(clamp(s / p.softcap, -10.0, 10.0)); }
  if (p.slopesAt != 0xffffffffu) { s = s - vec[p.slopesAt + head] * f32(abs(ahead)); }
  return s;
}
`;
