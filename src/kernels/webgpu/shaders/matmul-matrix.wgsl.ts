/**
 * @file Product of activations and a weight matrix on subgroup matrices (tensor cores), with f16 operands and float32 sums:
 * the strategy of precision `fast` where the adapter has them.
 *
 * Idea     A workgroup computes a tile of BM rows × BN outputs and walks along K in steps of 32, as `matmul-tile` does; its
 *          tiles of x and W lie in shared memory as f16. A subgroup owns TM × TN of the results, as matrices of M × N: in
 *          each step it loads matrices of both tiles and multiplies them into its own. At the end two matrices of each
 *          subgroup at a time go through shared memory, where all threads apply bias, element-wise function and residual.
 *          With two buffers, the next step's values are fetched into registers while the current step is multiplied, and stored into
 *          the other buffer: one barrier a step, and loads that overlap with products.
 *          With `gated` half of a subgroup's columns belong to a gate, and half to what it gates (see `gated.wgsl.ts`). With `rotated neox`
 *          they are the first and the second values of pairs (see `rotated.wgsl.ts`).
 * Order    Every result is one chain of matrix products in order of K; what the hardware does within a matrix does not
 *          depend on the tile. That it does not depend on the row either is checked on the device, before this is used.
 *          The sums are not those of the other strategies: what is multiplied this way once is always.
 * Threads  (BM/TM × BN/TN) subgroups, of the one size that the adapter has.
 * Shared   (BM + BN) · 80 bytes of operands, twice with two buffers, and 8 · M · N a subgroup of results (4 with two buffers):
 *          20 + 16 KiB for 128 × 128 in eight parts, 40 + 8 KiB with two buffers. Rows are padded against bank conflicts.
 * Features `chromium-experimental-subgroup-matrix` (in Dawn with `allow_unsafe_apis`), `subgroups`, `shader-f16`.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type Loader, loaderBindings, loaderHelpers, loaders } from '../loaders/index.ts';
import { epilogueCode } from './epilogue.wgsl.ts';
import { clampedToHalf, type Stored } from './halves.wgsl.ts';
import { each, eachOwn, matmulParams, outputsOf, stepK, type Tile, tileThreads } from './matmul-tile.wgsl.ts';
import { pairedResults, plainResults, staged } from './matrix-results.wgsl.ts';
import { type MatrixShape, matrixThreads } from './matrix-shape.ts';
import { type Access, accessName, arenaOf, operandAccess, resultAccess, storedParams } from './product-access.wgsl.ts';
import {
  extentOf,
  formName,
  formParams,
  isPaired,
  type LinearForm,
  pairsCode,
  weightRow,
} from './product-form.wgsl.ts';
import { consecutiveRows } from './tile-rows.wgsl.ts';

/** Vectors of four in a row of a tile in shared memory: a step, and 16 bytes against bank conflicts. */
const stride = stepK / 4 + 2;

/** Bytes of shared memory that a tile needs. */
export function matrixShared(tile: Tile, shape: MatrixShape): number {
  const { bm, bn, buffers = 1 } = tile;
  return buffers * (bm + bn) * stride * 8 + tileThreads(tile) * shape.m * staged(tile, shape) * 4;
}

/** The tile of a product of pairs: each subgroup has matrices of both halves. */
export function pairedMatrixTile(tile: Tile, { n }: MatrixShape): Tile {
  const { bn, tn } = tile;
  return tn >= 2 * n ? tile : { ...tile, bn: Math.max(bn, 2 * tn), tn: 2 * tn };
}

/** WGSL: eight values of row `row` of W from `k` on as f16, zero past the end of the row; and `rounded`, for x. */
function halfWeightAt({ blockSize, code, halves }: Loader): string {
  const h8 = /* wgsl */ `
fn h8(b: u32, p: u32) -> mat2x4<f16> {
  let w = w8(b, p);
  return mat2x4<f16>(rounded(w[0]), rounded(w[1]));
}`;
  return /* wgsl */ `${loaderHelpers}${code}
fn rounded(v: vec4<f32>) -> vec4<f16> { return vec4<f16>(${clampedToHalf}); }
${halves ?? h8}
fn weight_halves(row: u32, k: u32) -> mat2x4<f16> {
  let block = k / ${blockSize}u;
  if (row >= w_end() || block >= p.blocksPerRow) { return mat2x4<f16>(); }
  return h8((p.wRow + row) * p.blocksPerRow + block, (k / 8u) % ${blockSize / 8}u);
}`;
}

/** The kernel for one weight type. */
export const matmulMatrix = once(
  (
    type: Loader['type'],
    bm: number,
    bn: number,
    tm: number,
    tn: number,
    m: number,
    n: number,
    k: number,
    subgroup: number,
    wide: boolean,
    form: LinearForm,
    buffers: 1 | 2,
    from: 'f32' | 'f16',
    stored: Stored,
  ): Kernel => {
    const loader = loaders.get(type)!;
    const access = { wide, from, stored };
    return kernel({
      name: `matmul ${type} matrix ${m}x${n}x${k} ${bm}x${bn}${buffers === 2 ? ' twice' : ''}${formName(form)}${accessName(access)}`,
      params: { ...matmulParams, ...storedParams(stored), ...formParams(form) },
      enable: ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix'],
      arena: arenaOf(access),
      bindings: loaderBindings(loader),
      code: matrixCode(loader, { bm, bn, tm, tn, buffers }, { m, n, k, subgroup }, access, form),
    });
  },
);

function matrixCode(loader: Loader, tile: Tile, shape: MatrixShape, access: Access, form: LinearForm): string {
  const { bm, bn, tm, tn, buffers } = tile;
  const { m, n, k } = shape;
  const columns = bn / tn;
  const paired = isPaired(form);
  const [high, broad] = [tm / m, tn / n];
  const outputs = outputsOf(tile, form);
  // Columns of a subgroup's matrices in the tile: its own, or half of them in each half of the tile.
  const column = (j: number) => (paired && j >= broad / 2 ? `${bn / 2 + (j - broad / 2) * n}u` : `${j * n}u`);
  const multiply = (at: string) => /* wgsl */ `
    for (var kk = 0u; kk < ${stepK / 4}u; kk += ${k / 4}u) {
${each(broad, (j) => `      let b${j} = subgroupMatrixLoad<Right, col_major>(&ws, ${at} * ${bn * stride}u + (tx + ${column(j)}) * ${stride}u + kk, ${stride}u);`)}
${each(high, (i) =>
  [
    `      let a${i} = subgroupMatrixLoad<Left, row_major>(&xs, ${at} * ${bm * stride}u + (ty + ${i * m}u) * ${stride}u + kk, ${stride}u);`,
    each(broad, (j) => {
      const c = `c${i * broad + j}`;
      return `      ${c} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, ${c});`;
    }),
  ].join('\n'),
)}
    }`;
  const operands = { tile, shape, form };
  return /* wgsl */ `
const BM = ${bm}u;
alias Left = subgroup_matrix_left<f16, ${k}, ${m}>;
alias Right = subgroup_matrix_right<f16, ${n}, ${k}>;
alias Result = subgroup_matrix_result<f32, ${n}, ${m}>;
var<workgroup> xs: array<vec4<f16>, ${(buffers ?? 1) * bm * stride}>;
var<workgroup> ws: array<vec4<f16>, ${(buffers ?? 1) * bn * stride}>;
/* M rows of every subgroup's results. */
var<workgroup> results: array<f32, ${tileThreads(tile) * m * (paired ? n : staged(tile, shape))}>;
${linearGroup}
${consecutiveRows(form)}
${halfWeightAt(loader)}
${epilogueCode}
${resultAccess(access, form)}
${operandAccess(access, 'f16', 'rounded(v)')}
${pairsCode(form)}

@compute @workgroup_size(${matrixThreads(tile, shape)})
fn main(
  @builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) t: u32, @builtin(subgroup_id) subgroup: u32,
) {
  let nTiles = (${extentOf(form)} + ${outputs - 1}u) / ${outputs}u;
  let g = linear_group(wg, nwg);
  let n0 = (g % nTiles) * ${outputs}u;
  let tileIndex = g / nTiles;
  let ty = (subgroup / ${columns}u) * ${tm}u;
  let tx = (subgroup % ${columns}u) * ${paired ? tn / 2 : tn}u;
${each(high * broad, (i) => `  var c${i} = Result();`)}
${buffers === 2 ? twoBuffers(operands, multiply) : oneBuffer(operands, multiply)}
${paired ? pairedResults(tile, shape, form) : plainResults(tile, shape)}
}`;
}

/** What the loads of a kernel depend on. */
interface Operands {
  readonly tile: Tile;
  readonly shape: MatrixShape;
  readonly form: LinearForm;
}

/** WGSL: the walk along K. @param multiply WGSL that multiplies the tiles of the buffer whose number it is given */
function oneBuffer({ tile, shape, form }: Operands, multiply: (at: string) => string): string {
  const { bm, bn } = tile;
  const threads = matrixThreads(tile, shape);
  return /* wgsl */ `
  for (var k0 = 0u; k0 < p.nIn; k0 += ${stepK}u) {
    for (var i = t; i < ${bm * 8}u; i += ${threads}u) {
      xs[(i / 8u) * ${stride}u + i % 8u] = operand_x(row_x(tileIndex, i / 8u), k0 + (i % 8u) * 4u);
    }
    for (var i = t; i < ${bn * 4}u; i += ${threads}u) {
      let n = i / 4u;
      let w = weight_halves(${weightRow(form, bn)}, k0 + (i % 4u) * 8u);
      let at = n * ${stride}u + (i % 4u) * 2u;
      ws[at] = w[0];
      ws[at + 1u] = w[1];
    }
    workgroupBarrier();
${multiply('0u')}
    workgroupBarrier();
  }`;
}

/** The same with two buffers. Loads past the end of a row give zeros. */
function twoBuffers({ tile, shape, form }: Operands, multiply: (at: string) => string): string {
  const { bm, bn } = tile;
  const threads = matrixThreads(tile, shape);
  const fetch = (k: string) => `
${eachOwn(bm * 8, threads, (i) => `x${i} = operand_x(row_x(tileIndex, i / 8u), ${k} + (i % 8u) * 4u);`)}
${eachOwn(bn * 4, threads, (i) => `let n = i / 4u; w${i} = weight_halves(${weightRow(form, bn)}, ${k} + (i % 4u) * 8u);`)}`;
  const store = (at: string) => `
${eachOwn(bm * 8, threads, (i) => `xs[${at} * ${bm * stride}u + (i / 8u) * ${stride}u + i % 8u] = x${i};`)}
${eachOwn(bn * 4, threads, (i) => `let at = ${at} * ${bn * stride}u + (i / 4u) * ${stride}u + (i % 4u) * 2u; ws[at] = w${i}[0]; ws[at + 1u] = w${i}[1];`)}`;
  return /* wgsl */ `
${each(Math.ceil((bm * 8) / threads), (i) => `  var x${i} = vec4<f16>();`)}
${each(Math.ceil((bn * 4) / threads), (i) => `  var w${i} = mat2x4<f16>();`)}
${fetch('0u')}
${store('0u')}
  workgroupBarrier();
  var current = 0u;
  for (var k0 = 0u; k0 < p.nIn; k0 += ${stepK}u) {
${fetch(`k0 + ${stepK}u`)}
${multiply('current')}
    current = 1u - current;
${store('current')}
    workgroupBarrier();
  }`;
}
