/**
 * @file Product of activations and a weight matrix on subgroup matrices (tensor cores), with f16 operands and float32 sums:
 * the strategy of precision `fast` where the adapter has them.
 *
 * Idea     A workgroup computes a tile of BM rows × BN outputs and walks along K in steps of 32, as `matmul-tile` does; its
 *          tiles of x and W lie in shared memory as f16. A subgroup owns TM × TN of the results, as matrices of M × N: in
 *          each step it loads matrices of both tiles and multiplies them into its own. At the end two matrices of each
 *          subgroup at a time go through shared memory, where all threads apply bias, element-wise function and residual.
 * Order    Every result is one chain of matrix products in order of K; what the hardware does within a matrix does not
 *          depend on the tile. That it does not depend on the row either is checked on the device, before this is used.
 *          The sums are not those of the other strategies: what is multiplied this way once is always.
 * Threads  (BM/TM × BN/TN) subgroups, of the one size that the adapter has.
 * Shared   (BM + BN) · 80 bytes of operands and 8 · M · N a subgroup of results: 20 + 16 KiB for 128 × 128 in eight parts.
 * Features `chromium-experimental-subgroup-matrix` (in Dawn with `allow_unsafe_apis`), `subgroups`, `shader-f16`.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type Loader, loaderBindings, loaderHelpers, loaders } from '../loaders/index.ts';
import { epilogueCode } from './epilogue.wgsl.ts';
import {
  each,
  matmulParams,
  narrowAccess,
  plainRows,
  stepK,
  type Tile,
  tileThreads,
  wideAccess,
} from './matmul-tile.wgsl.ts';

/** Extents of the adapter's matrices (x is M × K, W is K × N), and the threads of a subgroup. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly subgroup: number;
}

/** A shape as Dawn lists it in `GPUAdapterInfo.subgroupMatrixConfigs`. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** The smallest part of a subgroup (`tm`, `tn`), a multiple of every M and N in use. */
const unit = 16;
/** Vectors of four in a row of a tile in shared memory: a step, and 16 bytes against bank conflicts. */
const stride = stepK / 4 + 2;

/**
 * The largest shape with f16 operands and float32 results that divides the tiles here. `undefined` if there is none, or if the subgroup
 * size is not fixed, because the number of subgroups in a workgroup would then vary.
 */
export function matrixShape(info: GPUAdapterInfo, features: GPUSupportedFeatures): MatrixShape | undefined {
  const needed = ['chromium-experimental-subgroup-matrix', 'subgroups', 'shader-f16'];
  const { subgroupMinSize, subgroupMaxSize: subgroup } = info;
  if (!needed.every((feature) => features.has(feature)) || subgroup === undefined) return undefined;
  if (subgroup !== subgroupMinSize) return undefined;
  const { subgroupMatrixConfigs = [] } = info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  const fitting = Array.from(subgroupMatrixConfigs).filter(
    ({ componentType, resultComponentType, M, N, K }) =>
      componentType === 'f16' &&
      resultComponentType === 'f32' &&
      unit % M === 0 &&
      unit % N === 0 &&
      stepK % K === 0 &&
      K % 4 === 0,
  );
  const [best] = fitting.sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  return best === undefined ? undefined : { m: best.M, n: best.N, k: best.K, subgroup };
}

/** Threads of a workgroup: `tm` × `tn` is the part of a subgroup. */
export function matrixThreads(tile: Tile, { subgroup }: MatrixShape): number {
  return tileThreads(tile) * subgroup;
}

/** Bytes of shared memory that a tile needs. */
export function matrixShared(tile: Tile, shape: MatrixShape): number {
  return (tile.bm + tile.bn) * stride * 8 + tileThreads(tile) * shape.m * staged(tile, shape) * 4;
}

/** Columns of a subgroup's results that pass through shared memory at a time: two matrices, or one if there is only one. */
function staged({ tn }: Tile, { n }: MatrixShape): number {
  return Math.min(tn, 2 * n);
}

/** WGSL: eight values of row `row` of W from `k` on as f16, zero past the end of the row; and `rounded`, for x. */
function halfWeightAt({ blockSize, code, halves }: Loader): string {
  const h8 = /* wgsl */ `
fn h8(b: u32, p: u32) -> mat2x4<f16> {
  let w = w8(b, p);
  return mat2x4<f16>(rounded(w[0]), rounded(w[1]));
}`;
  return /* wgsl */ `${loaderHelpers}${code}
fn rounded(v: vec4<f32>) -> vec4<f16> { return vec4<f16>(clamp(v, vec4<f32>(-65504.0), vec4<f32>(65504.0))); }
${halves ?? h8}
fn weight_halves(row: u32, k: u32) -> mat2x4<f16> {
  let block = k / ${blockSize}u;
  if (row >= p.nOut || block >= p.blocksPerRow) { return mat2x4<f16>(); }
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
  ): Kernel => {
    const loader = loaders.get(type)!;
    return kernel({
      name: `matmul ${type} matrix ${m}x${n}x${k} ${bm}x${bn}${wide ? ' vec4' : ''}`,
      params: matmulParams,
      enable: ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix'],
      arena: wide ? 'vec4<f32>' : 'f32',
      bindings: loaderBindings(loader),
      code: matrixCode(loader, { bm, bn, tm, tn }, { m, n, k, subgroup }, wide),
    });
  },
);

function matrixCode(loader: Loader, tile: Tile, shape: MatrixShape, wide: boolean): string {
  const { bm, bn, tm, tn } = tile;
  const { m, n, k } = shape;
  const threads = matrixThreads(tile, shape);
  const columns = bn / tn;
  const [high, broad] = [tm / m, tn / n];
  const width = staged(tile, shape);
  const nResults = tileThreads(tile) * m * width;
  return /* wgsl */ `
const BM = ${bm}u;
alias Left = subgroup_matrix_left<f16, ${k}, ${m}>;
alias Right = subgroup_matrix_right<f16, ${n}, ${k}>;
alias Result = subgroup_matrix_result<f32, ${n}, ${m}>;
var<workgroup> xs: array<vec4<f16>, ${bm * stride}>;
var<workgroup> ws: array<vec4<f16>, ${bn * stride}>;
/* M rows of every subgroup's results. */
var<workgroup> results: array<f32, ${nResults}>;
${linearGroup}
${plainRows}
${halfWeightAt(loader)}
${epilogueCode}
${wide ? wideAccess : narrowAccess}

@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
  @builtin(local_invocation_index) t: u32, @builtin(subgroup_id) subgroup: u32,
) {
  let nTiles = (p.nOut + ${bn - 1}u) / ${bn}u;
  let g = linear_group(wg, nwg);
  let n0 = (g % nTiles) * ${bn}u;
  let tileIndex = g / nTiles;
  let ty = (subgroup / ${columns}u) * ${tm}u;
  let tx = (subgroup % ${columns}u) * ${tn}u;
${each(high * broad, (i) => `  var c${i} = Result();`)}
  for (var k0 = 0u; k0 < p.nIn; k0 += ${stepK}u) {
    for (var i = t; i < ${bm * 8}u; i += ${threads}u) {
      xs[(i / 8u) * ${stride}u + i % 8u] = rounded(load_x(row_x(tileIndex, i / 8u), k0 + (i % 8u) * 4u));
    }
    for (var i = t; i < ${bn * 4}u; i += ${threads}u) {
      let w = weight_halves(n0 + i / 4u, k0 + (i % 4u) * 8u);
      let at = (i / 4u) * ${stride}u + (i % 4u) * 2u;
      ws[at] = w[0];
      ws[at + 1u] = w[1];
    }
    workgroupBarrier();
    for (var kk = 0u; kk < ${stepK / 4}u; kk += ${k / 4}u) {
${each(broad, (j) => `      let b${j} = subgroupMatrixLoad<Right, col_major>(&ws, (tx + ${j * n}u) * ${stride}u + kk, ${stride}u);`)}
${each(high, (i) =>
  [
    `      let a${i} = subgroupMatrixLoad<Left, row_major>(&xs, (ty + ${i * m}u) * ${stride}u + kk, ${stride}u);`,
    each(broad, (j) => {
      const c = `c${i * broad + j}`;
      return `      ${c} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, ${c});`;
    }),
  ].join('\n'),
)}
    }
    workgroupBarrier();
  }
${each((high * tn) / width, (i) => {
  const [down, right] = [Math.floor((i * width) / tn) * m, (i * width) % tn];
  const first = (down / m) * broad + right / n;
  const matrices = each(width / n, (j) => {
    return `  subgroupMatrixStore<row_major>(&results, subgroup * ${m * width}u + ${j * n}u, c${first + j}, ${width}u);`;
  });
  return `${matrices}
  workgroupBarrier();
  for (var r = t; r < ${nResults / 4}u; r += ${threads}u) {
    let s = r / ${(m * width) / 4}u;
    let row = (s / ${columns}u) * ${tm}u + ${down}u + (r / ${width / 4}u) % ${m}u;
    let column = (s % ${columns}u) * ${tn}u + ${right}u + (r % ${width / 4}u) * 4u;
    let sums = vec4<f32>(results[r * 4u], results[r * 4u + 1u], results[r * 4u + 2u], results[r * 4u + 3u]);
    store4(row_y(tileIndex, row), n0 + column, sums);
  }
  workgroupBarrier();`;
})}
}`;
}
