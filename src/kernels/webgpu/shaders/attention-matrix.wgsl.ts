/**
 * @file Softmax attention over packed sequences on subgroup matrices, with f16 operands and float32 sums: attention of precision `fast`
 * where the adapter has them.
 *
 * Idea     As `attention.wgsl.ts`: a workgroup takes one head and BQ queries, and walks over the keys BK at a time. Products with keys and
 *          with values are matrix products. Registers of matrices cannot be rescaled by rows, so the products with values of a block of
 *          keys go through shared memory, and threads add them to their rescaled sums. The next block's keys and values are fetched into
 *          registers while this one is computed.
 * Order    As there: blocks are counted from the beginning of the sequence, and a hidden block leaves sums as they are. A product does not
 *          depend on the row of its matrix; the tuner checks that on the device, before this is used.
 * Threads  Four subgroups. For scores and sums several threads share a query.
 * Shared   Queries, keys and values of a block as f16, probabilities as f16, scores and at most 64 columns of products as float32: 29 KiB
 *          with heads of 64, 41 KiB with heads of 128. Rows of f16 are padded against bank conflicts.
 * Features those of `matmul-matrix.wgsl.ts`.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { attentionParams, findTile, scoreCode } from './attention.wgsl.ts';
import { type AttentionAccess, access, arenaElement, attentionName } from './attention-access.wgsl.ts';
import type { Stored } from './halves.wgsl.ts';
import { each } from './matmul-tile.wgsl.ts';
import type { MatrixShape } from './matrix-shape.ts';

/** Queries and keys of a block, and subgroups of a workgroup. */
export const matrixAttentionQueries = 32;
const [bq, bk, subgroups] = [matrixAttentionQueries, 32, 4];
/** Columns of products with values that are in shared memory at a time. */
const mostColumns = 64;
/** f16 values behind each row. */
const padding = 8;

const upTo = (n: number, unit: number) => Math.ceil(n / unit) * unit;

/** Extents in shared memory, for head sizes `d` (queries, keys) and `dv` (values). */
function extents(d: number, dv: number, { m, n, k }: MatrixShape) {
  // Matrices of a chunk of columns are shared out evenly among the subgroups.
  const unit = Math.max(n, (n * subgroups * m) / bq, 4);
  const chunk = Math.min(upTo(dv, unit), upTo(mostColumns, unit));
  return { width: upTo(d, Math.max(k, 4)), chunk, nChunks: Math.ceil(dv / chunk) };
}

/** Bytes of shared memory. */
function matrixAttentionShared(d: number, dv: number, shape: MatrixShape): number {
  const { width, chunk, nChunks } = extents(d, dv, shape);
  const halves = (bq + bk) * (width + padding) + bk * (chunk * nChunks + padding) + bq * (bk + padding);
  return 2 * halves + 4 * (bq * bk + bq * chunk + 2 * subgroups * shape.subgroup + bq);
}

/** Whether heads of these sizes fit a device, in blocks of matrices of this shape. */
export function fitsMatrixAttention(d: number, dv: number, shape: MatrixShape, limits: GPUSupportedLimits): boolean {
  const { m, n, k, subgroup } = shape;
  const threads = subgroups * subgroup;
  const evenly = (bq * bk) % (m * n * subgroups) === 0 && threads % bq === 0 && threads <= bq * bk;
  const most = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  const shared = matrixAttentionShared(d, dv, shape);
  return evenly && bk % k === 0 && threads <= most && shared <= limits.maxComputeWorkgroupStorageSize;
}

/** The kernel for these head sizes. @param from which operands are f16, and `stored` how the result is stored (see `AttentionAccess`) */
export const matrixAttention = once(
  (
    d: number,
    dv: number,
    wide: boolean,
    m: number,
    n: number,
    k: number,
    subgroup: number,
    from: string,
    stored: Stored,
  ): Kernel => {
    const tensors = { d, dv, wide, from, stored };
    return kernel({
      name: attentionName(tensors, ` matrix ${m}x${n}x${k} ${bq}x${bk}`),
      params: attentionParams,
      enable: ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix'],
      arena: arenaElement(tensors),
      code: attentionCode(tensors, { m, n, k, subgroup }),
    });
  },
);

function attentionCode(tensors: AttentionAccess, shape: MatrixShape): string {
  const { d, dv, stored } = tensors;
  const { m, n, k, subgroup } = shape;
  const { width, chunk, nChunks } = extents(d, dv, shape);
  const threads = subgroups * subgroup;
  const lanes = threads / bq;
  /** Vectors of four in a row of queries and keys, of values; with padding. */
  const [dQ, dV] = [width / 4, (chunk * nChunks) / 4];
  const [strideQ, strideV, strideP] = [dQ + padding / 4, dV + padding / 4, bk + padding];
  /** WGSL for each of the vectors of a block that the threads share. */
  const own = (count: number, line: (i: number) => string) =>
    each(Math.ceil(count / threads), (v) => {
      const guard = (v + 1) * threads <= count ? '' : `if (i < ${count}u) `;
      return `    { let i = t + ${v * threads}u; ${guard}{ ${line(v)} } }`;
    });
  const fetch = (name: string, of: 'k' | 'v', first: string) => {
    const [vectors, size] = of === 'k' ? [dQ, d] : [dV, dv];
    return own(bk * vectors, (v) => {
      return `let row = ${first} + i32(i / ${vectors}u); let column = (i % ${vectors}u) * 4u; ${name}${v} = vec4<f16>(); if (row < n && column < ${size}u) { ${name}${v} = load_${of}(u32(begin + row), headKv, column); }`;
    });
  };
  const store = (into: string, name: string, vectors: number, stride: number) =>
    own(bk * vectors, (v) => `${into}[(i / ${vectors}u) * ${stride}u + i % ${vectors}u] = ${name}${v};`);
  const registers = (name: string, count: number) =>
    each(Math.ceil(count / threads), (v) => `  var ${name}${v} = vec4<f16>();`);
  const nSums = (bq * chunk) / 4;
  /** Matrices of a block that a subgroup computes: `ty`, `tx` are their first row and column. */
  const matrices = (columns: number, body: string) =>
    each((bq * columns) / (m * n * subgroups), (i) => {
      return `    {
      let matrix = subgroup + ${i * subgroups}u;
      let ty = (matrix / ${columns / n}u) * ${m}u;
      let tx = (matrix % ${columns / n}u) * ${n}u;
      var c = Result();
${body}
    }`;
    });
  const chunkOf = (chunkAt: number) => `
${matrices(
  chunk,
  `${each(bk / k, (i) => {
    return `      {
        let a = subgroupMatrixLoad<Left, row_major>(&ps, ty * ${strideP}u + ${i * k}u, ${strideP}u);
        let b = subgroupMatrixLoad<Right, row_major>(&vs, ${i * k}u * ${strideV}u + (${chunkAt * chunk}u + tx) / 4u, ${strideV}u);
        c = subgroupMatrixMultiplyAccumulate(a, b, c);
      }`;
  })}
      subgroupMatrixStore<row_major>(&products, ty * ${chunk}u + tx, c, ${chunk}u);`,
)}
    workgroupBarrier();
${own(nSums, (v) => {
  const o = `o${chunkAt}_${v}`;
  const four = [0, 1, 2, 3].map((e) => `products[i * 4u + ${e}u]`).join(', ');
  return `${o} = ${o} * rescale[i / ${chunk / 4}u] + vec4<f32>(${four});`;
})}
    workgroupBarrier();`;
  const floatResults = (j: number) =>
    own(nSums, (v) => {
      const column = `${j * chunk}u + (i % ${chunk / 4}u) * 4u`;
      return `let row = i / ${chunk / 4}u; if (i32(row) < nq && ${column} < ${dv}u) { let c = ${column}; write4(p.yOff + (u32(first) + row) * p.yStride + head * ${dv}u + c, ${dv}u - c, o${j}_${v} / sums[row]); }`;
    });
  // Results pass through shared memory, so that a thread stores eight f16.
  const halfResults = (j: number) => `
${own(nSums, (v) => {
  return `let o = o${j}_${v} / sums[i / ${chunk / 4}u]; for (var e = 0u; e < 4u; e++) { products[i * 4u + e] = o[e]; }`;
})}
    workgroupBarrier();
${own(nSums / 2, () => {
  const column = `${j * chunk}u + (i % ${chunk / 8}u) * 8u`;
  const four = (at: number) => `vec4<f32>(${[0, 1, 2, 3].map((e) => `products[i * 8u + ${at + e}u]`).join(', ')})`;
  return `let row = i / ${chunk / 8}u; if (i32(row) < nq && ${column} < ${dv}u) { store8(p.yOff + (u32(first) + row) * p.yStride, head * ${dv}u + ${column}, ${four(0)}, ${four(4)}); }`;
})}
    workgroupBarrier();`;
  return /* wgsl */ `
alias Left = subgroup_matrix_left<f16, ${k}, ${m}>;
alias Right = subgroup_matrix_right<f16, ${n}, ${k}>;
alias Result = subgroup_matrix_result<f32, ${n}, ${m}>;
var<workgroup> qs: array<vec4<f16>, ${bq * strideQ}>;
var<workgroup> ks: array<vec4<f16>, ${bk * strideQ}>;
var<workgroup> vs: array<vec4<f16>, ${bk * strideV}>;
var<workgroup> ss: array<f32, ${bq * bk}>;
var<workgroup> ps: array<f16, ${bq * strideP}>;
var<workgroup> products: array<f32, ${bq * chunk}>;
var<workgroup> maxima: array<f32, ${threads}>;
var<workgroup> sums: array<f32, ${threads}>;
var<workgroup> rescale: array<f32, ${bq}>;
${linearGroup}
${access(tensors, 'f16')}
${scoreCode}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) t: u32, @builtin(subgroup_id) subgroup: u32,
) {
${findTile}
  let headKv = head / p.nGroup;
  let r = t / ${lanes}u;
  let lane = t % ${lanes}u;
  let firstKey = (max(0, q0 - i32(min(p.maxBehind, 0x3fffffffu))) / ${bk}) * ${bk};
  let endKey = min(n, q0 + nq + i32(min(p.maxAhead, 0x3fffffffu)));
${registers('nextK', bk * dQ)}
${registers('nextV', bk * dV)}
  for (var i = t; i < ${bq * dQ}u; i += ${threads}u) {
    let row = i32(i / ${dQ}u);
    let column = (i % ${dQ}u) * 4u;
    var q = vec4<f16>();
    if (row < nq && column < ${d}u) { q = load_q(u32(first + row), head, column); }
    qs[(i / ${dQ}u) * ${strideQ}u + i % ${dQ}u] = q;
  }
${fetch('nextK', 'k', 'firstKey')}
${fetch('nextV', 'v', 'firstKey')}
${store('ks', 'nextK', dQ, strideQ)}
${store('vs', 'nextV', dV, strideV)}
  workgroupBarrier();
  var top = hidden;
  var sum = 0.0;
${each(nChunks, (j) => each(Math.ceil(nSums / threads), (v) => `  var o${j}_${v} = vec4<f32>();`))}
  for (var k0 = firstKey; k0 < endKey; k0 += ${bk}) {
${fetch('nextK', 'k', `k0 + ${bk}`)}
${fetch('nextV', 'v', `k0 + ${bk}`)}
${matrices(
  bk,
  `      for (var kk = 0u; kk < ${dQ}u; kk += ${k / 4}u) {
        let a = subgroupMatrixLoad<Left, row_major>(&qs, ty * ${strideQ}u + kk, ${strideQ}u);
        let b = subgroupMatrixLoad<Right, col_major>(&ks, tx * ${strideQ}u + kk, ${strideQ}u);
        c = subgroupMatrixMultiplyAccumulate(a, b, c);
      }
      subgroupMatrixStore<row_major>(&ss, ty * ${bk}u + tx, c, ${bk}u);`,
)}
    workgroupBarrier();
    var most = hidden;
    for (var c = lane; c < ${bk}u; c += ${lanes}u) {
      let key = k0 + i32(c);
      let s = select(hidden, score(ss[r * ${bk}u + c], head, key - q0 - i32(r), u32(begin + q0) + r), key < n);
      ss[r * ${bk}u + c] = s;
      most = max(most, s);
    }
    maxima[t] = most;
    workgroupBarrier();
    most = top;
    for (var i = 0u; i < ${lanes}u; i++) { most = max(most, maxima[r * ${lanes}u + i]); }
    var mine = 0.0;
    for (var c = lane; c < ${bk}u; c += ${lanes}u) {
      let s = ss[r * ${bk}u + c];
      let e = f16(select(exp(s - most), 0.0, s <= hidden));
      ps[r * ${strideP}u + c] = e;
      mine += f32(e);
    }
    sums[t] = mine;
    let scaleBy = exp(top - most);
    if (lane == 0u) { rescale[r] = scaleBy; }
    top = most;
    workgroupBarrier();
    sum = sum * scaleBy;
    for (var i = 0u; i < ${lanes}u; i++) { sum += sums[r * ${lanes}u + i]; }
${each(nChunks, chunkOf)}
${store('ks', 'nextK', dQ, strideQ)}
${store('vs', 'nextV', dV, strideV)}
    workgroupBarrier();
  }
  if (lane == 0u) { sums[r] = sum; }
  workgroupBarrier();
${each(nChunks, (j) => (stored === 'f32' ? floatResults(j) : halfResults(j)))}
}`;
}
