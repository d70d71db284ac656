/**
 * @file Product of activations and a weight matrix, tile by tile: the strategy for many rows.
 *
 * Idea     A workgroup computes a tile of BM rows × BN outputs. It walks along K in steps of 32: all threads bring a
 *          BM × 32 tile of x and a BN × 32 tile of W (through the type's loader) into shared memory, then each thread
 *          multiplies its TM rows by its TN outputs out of registers. Shared vectors run along K, so that both tiles are
 *          stored as they are loaded.
 * Order    Every output is the sum, in order, of the sums of 32 products, each a chain of `fma` in order. Tile shape and
 *          place do not enter, and `matmul-skinny` adds in the same order: same row, same bits.
 * Threads  BM/TM × BN/TN, e.g. 16 × 16 for 64 × 64 with 4 × 4.
 * Shared   (BM + BN) · 32 · 4 bytes: 16 KiB for 64 × 64, WebGPU's least. W's vectors are swizzled against bank conflicts.
 * Features none; `shader-f16` for operands kept as f16, which halves the shared memory. With `vec4` rows, offsets and widths must be multiples of four.
 *
 * With `gated` a thread has the columns of a gate, and those of what it gates as its second four: it writes `activation(gate) · up`.
 * With `normed` the rows of x are normed first (see `normed-input.wgsl.ts`).
 * With `experts` the rows of a tile belong to one expert: `t` lists the tiles and the rows that they gather (see `moe.wgsl.ts`).
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type Loader, loaderBindings, loaderHelpers, loaders } from '../loaders/index.ts';
import { epilogueCode, epilogueParams } from './epilogue.wgsl.ts';
import { gatedRow, storeGated } from './gated.wgsl.ts';
import { clampedToHalf, type Stored } from './halves.wgsl.ts';
import { normedCode, normedParams } from './normed-input.wgsl.ts';
import { type Access, accessName, arenaOf, operandAccess, resultAccess } from './product-access.wgsl.ts';

/** Shape of a tile: rows and outputs of a workgroup, and of a thread. */
export interface Tile {
  readonly bm: number;
  readonly bn: number;
  readonly tm: number;
  readonly tn: number;
  /** Steps of operands in shared memory. Default 1; with 2, one is loaded while the other is multiplied. Only for `matrix`. */
  readonly buffers?: 1 | 2;
}

/** Values of K in one step. */
export const stepK = 32;

/** Threads of a workgroup. */
export function tileThreads({ bm, bn, tm, tn }: Tile): number {
  return (bm / tm) * (bn / tn);
}

/** Bytes of shared memory that a tile of values of `bytes` each needs. */
export function tileShared({ bm, bn }: Tile, bytes = 4): number {
  return (bm + bn) * stepK * bytes;
}

const indices = (n: number) => Array.from({ length: n }, (_, i) => i);
/** Runs `line` for each of `n` numbers and joins the lines. */
export const each = (n: number, line: (i: number) => string) => indices(n).map(line).join('\n');

/** The parameters of every matmul strategy. */
export const matmulParams = {
  x: 'tensor',
  y: 'tensor',
  rows: 'u32',
  nIn: 'u32',
  /** Outputs in this part of the matrix, and the column of `y` where they begin. */
  nOut: 'u32',
  firstOut: 'u32',
  blocksPerRow: 'u32',
  /** First row of W in its buffer. */
  wRow: 'u32',
  ...epilogueParams,
} as const;

/** WGSL that finds the eight values from `k` on of row `row` of W, zero past the end of the row. */
export function weightAt(loader: Loader): string {
  const parts = loader.blockSize / 8;
  return /* wgsl */ `${loaderHelpers}${loader.code}
fn weight8(row: u32, k: u32) -> mat2x4<f32> {
  let block = k / ${loader.blockSize}u;
  if (row >= w_end() || block >= p.blocksPerRow) { return mat2x4<f32>(); }
  return w8((p.wRow + row) * p.blocksPerRow + block, (k / 8u) % ${parts}u);
}`;
}

/**
 * WGSL: `rounded(v)`, an operand as it enters the product. With f16 operands it has eleven significant bits, and values beyond ±65504 are
 * clamped; products and sums stay float32. `quantizeToF16`, because compilers drop a conversion to f16 and back.
 */
export function roundedCode(halves: boolean): string {
  const value = halves ? `quantizeToF16(${clampedToHalf})` : 'v';
  return `fn rounded(v: vec4<f32>) -> vec4<f32> { return ${value}; }`;
}

/** Variants of a product: the result is gated, or rows have their own weights. */
export type ProductForm = 'plain' | 'gated' | 'experts';

/**
 * The tile kernel for one weight type. `halves`: operands as f16. `normed`: the product norms its input; not for experts. `from` and `stored`:
 * how x and the result lie in the arena.
 */
export const matmulTile = once(
  (
    type: Loader['type'],
    bm: number,
    bn: number,
    tm: number,
    tn: number,
    wide: boolean,
    form: ProductForm,
    rolled: boolean,
    halves: boolean,
    normed: boolean,
    from: 'f32' | 'f16',
    stored: Stored,
  ): Kernel => {
    const loader = loaders.get(type)!;
    const tile = { bm, bn, tm, tn };
    const access = { wide, from, stored };
    return kernel({
      name: `matmul${normed ? ' normed' : ''}${form === 'plain' ? '' : ` ${form}`} ${type} ${bm}x${bn}${halves ? ' f16' : ''}${accessName(access)}`,
      params: {
        ...matmulParams,
        ...(normed && normedParams),
        ...(form === 'experts' && {
          t: 'tensor',
          maxTiles: 'u32',
          firstExpert: 'u32',
          endExpert: 'u32',
          pairsPerRow: 'u32',
        }),
      },
      rolled,
      enable: halves ? ['f16'] : [],
      arena: arenaOf(access),
      bindings: loaderBindings(loader),
      code: tileCode(loader, tile, access, form, halves ? 'f16' : 'f32', normed),
    });
  },
);

function tileCode(
  loader: Loader,
  tile: Tile,
  access: Access,
  form: ProductForm,
  element: 'f32' | 'f16',
  normed: boolean,
): string {
  const { bm, bn, tm, tn } = tile;
  const threads = tileThreads(tile);
  const columns = bn / tn;
  const outputs = outputsOf(tile, form);
  const { wide } = access;
  return /* wgsl */ `
const BM = ${bm}u;
var<workgroup> xs: array<vec4<${element}>, ${bm * 8}>;
var<workgroup> ws: array<vec4<${element}>, ${bn * 8}>;
${linearGroup}
${form === 'experts' ? expertRows(wide) : form === 'gated' ? gatedRows : plainRows}
${weightAt(loader)}
${roundedCode(element === 'f16')}
${epilogueCode}
${resultAccess(access)}
${form === 'gated' ? storeGated : ''}
${normed ? normedCode(wide, bm, threads) : operandAccess(access, element, `vec4<${element}>(rounded(v))`)}
/* Place of vector v (of 8) of row n in ws: neighbouring threads read rows four apart. */
fn at_w(n: u32, v: u32) -> u32 { return n * 8u + (v ^ ((n >> 2u) & 7u)); }

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let nTiles = (p.nOut + ${outputs - 1}u) / ${outputs}u;
  let g = linear_group(wg, nwg);
  let n0 = (g % nTiles) * ${outputs}u;
  let tileIndex = g / nTiles;
  if (!begin_tile(tileIndex, t)) { return; }
  let tx = (t % ${columns}u) * 4u;
  let ty = (t / ${columns}u) * ${tm}u;
${normed ? `  norm_rows(t, tileIndex * ${bm}u, n0 == 0u);` : ''}
${each(tm * tn, (i) => `  var s${i} = 0.0; var c${i} = 0.0;`)}
  for (var k0 = 0u; k0 < p.nIn; k0 += ${stepK}u) {
    for (var i = t; i < ${bm * 8}u; i += ${threads}u) {
      let row = row_x(tileIndex, i / 8u);
      xs[i] = ${normed ? `vec4<${element}>(rounded(normed_x(i / 8u, row, k0 + (i % 8u) * 4u)))` : 'operand_x(row, k0 + (i % 8u) * 4u)'};
    }
    for (var i = t; i < ${bn * 4}u; i += ${threads}u) {
      let n = i / 4u;
      let w = weight8(${weightRow(form, bn)}, k0 + (i % 4u) * 8u);
      ws[at_w(n, (i % 4u) * 2u)] = vec4<${element}>(rounded(w[0]));
      ws[at_w(n, (i % 4u) * 2u + 1u)] = vec4<${element}>(rounded(w[1]));
    }
    workgroupBarrier();
    for (var v = 0u; v < bound(8u); v++) {
${each(tm, (i) => `      let a${i} = vec4<f32>(xs[(ty + ${i}u) * 8u + v]);`)}
${each(tn, (j) => `      let b${j} = vec4<f32>(ws[at_w(tx + ${column(j, columns)}u, v)]);`)}
${['x', 'y', 'z', 'w']
  .map((k) => each(tm * tn, (i) => `      c${i} = fma(a${Math.floor(i / tn)}.${k}, b${i % tn}.${k}, c${i});`))
  .join('\n')}
    }
${each(tm * tn, (i) => `    s${i} += c${i}; c${i} = 0.0;`)}
    workgroupBarrier();
  }
${stores(tile, form, (i) => `row_y(tileIndex, ty + ${i}u)`)}
}`;
}

/** Outputs of a tile. */
export function outputsOf({ bn }: Tile, form: ProductForm): number {
  return form === 'gated' ? bn / 2 : bn;
}

/** WGSL: the row of W that is row `n` of the tile. The second half of a gated tile is what is gated. */
export function weightRow(form: ProductForm, bn: number): string {
  if (form !== 'gated') return 'w_begin() + n0 + n';
  return `gated_row(n0, n, ${bn / 2}u)`;
}

/** WGSL: writes a thread's sums `s0`… to their rows, four outputs at a time. @param row WGSL of the row of the thread's `i`-th sums */
export function stores(tile: Tile, form: ProductForm, row: (i: number) => string): string {
  const { bn, tm, tn } = tile;
  const columns = bn / tn;
  const four = (first: number) => `vec4<f32>(${indices(4).map((j) => `s${first + j}`)})`;
  return each(tm, (i) => {
    if (form === 'gated') return `  store_gated4(${row(i)}, n0 + tx, ${four(i * tn)}, ${four(i * tn + 4)});`;
    return each(tn / 4, (g) => {
      return `  store4(${row(i)}, n0 + tx + ${column(g * 4, columns)}u, ${four(i * tn + g * 4)});`;
    });
  });
}

/** The offset of a thread's `j`-th output from its first: groups of four, one group every `4 · columns`. */
export function column(j: number, columns: number): number {
  return Math.floor(j / 4) * 4 * columns + (j % 4);
}

/** Tiles of consecutive rows; those past the end are neither read nor written. */
const rowsOfTile = /* wgsl */ `
fn begin_tile(tile: u32, t: u32) -> bool { return true; }
fn row_x(tile: u32, i: u32) -> u32 { return tile * BM + i; }
fn row_y(tile: u32, i: u32) -> u32 { return row_x(tile, i); }
`;

/** The rows of W of a gated product: the gate's, followed by as many of the gated input's. */
export const gatedRows = /* wgsl */ `${gatedRow}${rowsOfTile}
fn w_end() -> u32 { return 2u * p.nOut; }
`;

/** The rows of W of a product that is not gated. */
export const plainRows = /* wgsl */ `${rowsOfTile}
fn w_begin() -> u32 { return 0u; }
fn w_end() -> u32 { return p.nOut; }
`;

/** Tiles of one expert's rows, as `moe_group` lists them. */
function expertRows(wide: boolean): string {
  const read = (at: string) => `u32(${wide ? `arena[(${at}) >> 2u][(${at}) & 3u]` : `arena[${at}]`})`;
  return /* wgsl */ `
const noRow = 0xffffffffu;
/* (expert, first pair, number of pairs) of this tile. */
var<workgroup> info: vec3<u32>;
fn begin_tile(tile: u32, t: u32) -> bool {
  if (t == 0u) {
    let at = p.tOff + tile * 3u;
    info = vec3<u32>(${read('at')}, ${read('at + 1u')}, ${read('at + 2u')});
  }
  let tileInfo = workgroupUniformLoad(&info);
  return tileInfo.z > 0u && tileInfo.x >= p.firstExpert && tileInfo.x < p.endExpert;
}
fn w_begin() -> u32 { return (info.x - p.firstExpert) * p.nOut; }
fn w_end() -> u32 { return w_begin() + p.nOut; }
/* The pair (token, slot) in place i of the tile. */
fn row_y(tile: u32, i: u32) -> u32 {
  if (i >= info.z) { return noRow; }
  let at = p.tOff + p.maxTiles * 3u + info.y + i;
  return ${read('at')};
}
/* Its row of x: the token's for the first product, its own for the second. */
fn row_x(tile: u32, i: u32) -> u32 {
  let pair = row_y(tile, i);
  return select(pair / p.pairsPerRow, noRow, pair == noRow);
}
`;
}
