/**
 * @file Product of activations and a weight matrix, tile by tile: the strategy for many rows.
 *
 * Idea     A workgroup computes a tile of BM rows × BN outputs. It walks along K in steps of 32: all threads bring a
 *          BM × 32 tile of x and a BN × 32 tile of W (through the type's loader) into shared memory, then each thread
 *          multiplies its TM rows by its TN outputs out of registers. Shared vectors run along K, so that both tiles are
 *          stored as they are loaded. With steps ahead, the next step's operands are fetched into registers while the current ones are
 *          multiplied; with two places in shared memory, that takes one barrier a step.
 * Order    Every output is the sum, in order, of the sums of 32 products, each a chain of `fma` in order. Tile shape and
 *          place do not enter, and `matmul-skinny` adds in the same order: same row, same bits.
 * Threads  BM/TM × BN/TN, e.g. 16 × 16 for 64 × 64 with 4 × 4.
 * Shared   (BM + BN) · 32 · 4 bytes: 16 KiB for 64 × 64, WebGPU's least; half of it as f16, twice with two places. W's vectors are swizzled
 *          against bank conflicts, which needs no padding.
 * Features none; `shader-f16` for operands kept as f16, which halves the shared memory. With `vec4` rows, offsets and widths must be multiples of four.
 *
 * With `gated` a thread has the columns of a gate, and those of what it gates as its second four: it writes `activation(gate) · up`.
 * With `rotated` heads of the result are rotated (see `rotated.wgsl.ts`).
 * With `normed` the rows of x are normed first (see `normed-input.wgsl.ts`).
 * With `experts` the rows of a tile belong to one expert: `t` lists the tiles and the rows that they gather (see `moe.wgsl.ts`).
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type Loader, loaderBindings, loaderHelpers, loaders } from '../loaders/index.ts';
import { epilogueCode, epilogueParams } from './epilogue.wgsl.ts';
import { roundedCode, type Stored } from './halves.wgsl.ts';
import { normedCode, normedParams } from './normed-input.wgsl.ts';
import { type Access, accessName, arenaOf, operandAccess, resultAccess, storedParams } from './product-access.wgsl.ts';
import {
  extentOf,
  formName,
  formParams,
  isPaired,
  type ProductForm,
  pairsCode,
  storePairs,
  weightRow,
} from './product-form.wgsl.ts';
import { consecutiveRows, expertRows } from './tile-rows.wgsl.ts';

/** Shape of a tile: rows and outputs of a workgroup, and of a thread. */
export interface Tile {
  readonly bm: number;
  readonly bn: number;
  readonly tm: number;
  readonly tn: number;
  /**
   * Default 1; with 2, the next step of operands is loaded while one is multiplied. Shared memory then has room for both; in the strategy
   * `float` for one, if both do not fit. Not for `int8`.
   */
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
/** WGSL of `line` for each of the values `i` of a thread: `count` of them are shared out among `threads`. `slot` counts those of a thread. */
export function eachOwn(count: number, threads: number, line: (slot: number) => string): string {
  return each(Math.ceil(count / threads), (slot) => {
    const at = `let i = t + ${slot * threads}u;`;
    return (slot + 1) * threads <= count
      ? `    { ${at} ${line(slot)} }`
      : `    { ${at} if (i < ${count}u) { ${line(slot)} } }`;
  });
}

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

/** How a tile walks along K: load and multiply in turn, or load a step ahead, with one or two places for steps in shared memory. */
export type Walk = 'in turn' | 'ahead' | 'ahead, two places';

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
    walk: Walk,
  ): Kernel => {
    const loader = loaders.get(type)!;
    const tile = { bm, bn, tm, tn };
    const access = { wide, from, stored };
    return kernel({
      name: `matmul${normed ? ' normed' : ''}${formName(form)} ${type} ${bm}x${bn}${walk === 'in turn' ? '' : ` ${walk}`}${halves ? ' f16' : ''}${accessName(access)}`,
      params: {
        ...matmulParams,
        ...storedParams(stored),
        ...formParams(form),
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
      code: tileCode(loader, tile, access, form, halves ? 'f16' : 'f32', normed, walk),
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
  walk: Walk,
): string {
  const { bm, bn, tm, tn } = tile;
  const threads = tileThreads(tile);
  const columns = bn / tn;
  const outputs = outputsOf(tile, form);
  const { wide } = access;
  const steps: Steps = {
    tile,
    element,
    x: (k) =>
      normed
        ? `vec4<${element}>(rounded(normed_x(i / 8u, row_x(tileIndex, i / 8u), ${k} + (i % 8u) * 4u)))`
        : `operand_x(row_x(tileIndex, i / 8u), ${k} + (i % 8u) * 4u)`,
    w: (k) => `weight8(${weightRow(form, bn)}, ${k} + (i % 4u) * 8u)`,
    multiply: (inX, inW) => `
    for (var v = 0u; v < bound(8u); v++) {
${each(tm, (i) => `      let a${i} = vec4<f32>(xs[${inX}(ty + ${i}u) * 8u + v]);`)}
${each(tn, (j) => `      let b${j} = vec4<f32>(ws[${inW}at_w(tx + ${column(j, columns)}u, v)]);`)}
${['x', 'y', 'z', 'w']
  .map((k) => each(tm * tn, (i) => `      c${i} = fma(a${Math.floor(i / tn)}.${k}, b${i % tn}.${k}, c${i});`))
  .join('\n')}
    }
${each(tm * tn, (i) => `    s${i} += c${i}; c${i} = 0.0;`)}`,
  };
  const places = walk === 'ahead, two places' ? 2 : 1;
  return /* wgsl */ `
const BM = ${bm}u;
var<workgroup> xs: array<vec4<${element}>, ${places * bm * 8}>;
var<workgroup> ws: array<vec4<${element}>, ${places * bn * 8}>;
${linearGroup}
${form === 'experts' ? expertRows(wide) : consecutiveRows(form)}
${weightAt(loader)}
${roundedCode(element === 'f16')}
${epilogueCode}
${resultAccess(access, form)}
${pairsCode(form)}
${normed ? normedCode(wide, bm, threads) : operandAccess(access, element, `vec4<${element}>(rounded(v))`)}
/* Place of vector v (of 8) of row n in ws. */
fn at_w(n: u32, v: u32) -> u32 { return ${swizzled(element)}; }

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let nTiles = (${extentOf(form)} + ${outputs - 1}u) / ${outputs}u;
  let g = linear_group(wg, nwg);
  let n0 = (g % nTiles) * ${outputs}u;
  let tileIndex = g / nTiles;
  if (!begin_tile(tileIndex, t)) { return; }
  let tx = (t % ${columns}u) * 4u;
  let ty = (t / ${columns}u) * ${tm}u;
${normed ? `  norm_rows(t, tileIndex * ${bm}u, n0 == 0u);` : ''}
${each(tm * tn, (i) => `  var s${i} = 0.0; var c${i} = 0.0;`)}
${walk === 'in turn' ? inTurn(steps) : ahead(steps, places)}
${stores(tile, form, (i) => `row_y(tileIndex, ty + ${i}u)`)}
}`;
}

/**
 * WGSL: the place of vector `v` of row `n` of W in shared memory. Threads that read together read rows four apart, those that write together
 * neighbouring rows; either way they reach different banks. A row of f16 is half as long as the banks, so two rows share them.
 */
export function swizzled(element: 'f32' | 'f16'): string {
  if (element === 'f32') return 'n * 8u + (v ^ ((n >> 2u) & 7u) ^ (n & 1u))';
  return '(n ^ ((n >> 5u) & 1u)) * 8u + (v ^ ((n >> 2u) & 7u) ^ ((n >> 1u) & 1u))';
}

/** What the walk along K does in each step. */
interface Steps {
  readonly tile: Tile;
  readonly element: 'f32' | 'f16';
  /** WGSL of the thread's vector `i` of x in the step that begins at `k`; eight weights of W likewise. */
  readonly x: (k: string) => string;
  readonly w: (k: string) => string;
  /** WGSL that multiplies the operands behind `inX` and `inW` in shared memory. */
  readonly multiply: (inX: string, inW: string) => string;
}

function inTurn({ tile, element, x, w, multiply }: Steps): string {
  const threads = tileThreads(tile);
  return /* wgsl */ `
  for (var k0 = 0u; k0 < p.nIn; k0 += ${stepK}u) {
    for (var i = t; i < ${tile.bm * 8}u; i += ${threads}u) {
      xs[i] = ${x('k0')};
    }
    for (var i = t; i < ${tile.bn * 4}u; i += ${threads}u) {
      let n = i / 4u;
      let w = ${w('k0')};
      ws[at_w(n, (i % 4u) * 2u)] = vec4<${element}>(rounded(w[0]));
      ws[at_w(n, (i % 4u) * 2u + 1u)] = vec4<${element}>(rounded(w[1]));
    }
    workgroupBarrier();
${multiply('', '')}
    workgroupBarrier();
  }`;
}

/** WGSL: the same with the next step in registers. Steps past the end of a row are zero. */
function ahead({ tile, element, x, w, multiply }: Steps, places: 1 | 2): string {
  const threads = tileThreads(tile);
  const [nX, nW] = [tile.bm * 8, tile.bn * 4];
  const [inX, inW] = places === 1 ? ['', ''] : [`current * ${nX}u + `, `current * ${2 * nW}u + `];
  const fetch = (k: string) => `
${eachOwn(nX, threads, (s) => `x${s} = ${x(k)};`)}
${eachOwn(nW, threads, (s) => `let n = i / 4u; let w = ${w(k)}; v${s} = vec4<${element}>(rounded(w[0])); w${s} = vec4<${element}>(rounded(w[1]));`)}`;
  return /* wgsl */ `
${each(Math.ceil(nX / threads), (s) => `  var x${s} = vec4<${element}>();`)}
${each(Math.ceil(nW / threads), (s) => `  var v${s} = vec4<${element}>(); var w${s} = vec4<${element}>();`)}
${fetch('0u')}
${places === 2 ? '  var current = 0u;' : ''}
  for (var k0 = 0u; k0 < p.nIn; k0 += ${stepK}u) {
${eachOwn(nX, threads, (s) => `xs[${inX}i] = x${s};`)}
${eachOwn(nW, threads, (s) => `let at = (i % 4u) * 2u; ws[${inW}at_w(i / 4u, at)] = v${s}; ws[${inW}at_w(i / 4u, at + 1u)] = w${s};`)}
    workgroupBarrier();
${fetch(`k0 + ${stepK}u`)}
${multiply(inX, inW)}
    ${places === 2 ? 'current = 1u - current;' : 'workgroupBarrier();'}
  }`;
}

/** Outputs of a tile; of a product that rotates, pairs. */
export function outputsOf({ bn }: Tile, form: ProductForm): number {
  return isPaired(form) ? bn / 2 : bn;
}

/** WGSL: writes a thread's sums `s0`… to their rows, four outputs at a time. @param row WGSL of the row of the thread's `i`-th sums */
export function stores(tile: Tile, form: ProductForm, row: (i: number) => string): string {
  const { bn, tm, tn } = tile;
  const columns = bn / tn;
  const four = (first: number) => `vec4<f32>(${indices(4).map((j) => `s${first + j}`)})`;
  return each(tm, (i) => {
    if (isPaired(form)) return `  ${storePairs(form, row(i), 'n0 + tx', four(i * tn), four(i * tn + 4))}`;
    return each(tn / 4, (g) => {
      return `  store4(${row(i)}, n0 + tx + ${column(g * 4, columns)}u, ${four(i * tn + g * 4)});`;
    });
  });
}

/** The offset of a thread's `j`-th output from its first: groups of four, one group every `4 · columns`. */
export function column(j: number, columns: number): number {
  return Math.floor(j / 4) * 4 * columns + (j % 4);
}
