/**
 * @file Products in eight-bit integers (`dot4I8Packed`), for precision `fast` and weights that are whole numbers times a
 * scale (`Int8Form`): a kernel for many rows and one for few.
 *
 * Idea     `quantize-int8` has brought each row's blocks of 32 values to whole numbers −127…127 and a scale, once for all outputs.
 *          A product of two blocks is then eight `dot4I8Packed`, exact, and one or two `fma` with the scales. Tiles and
 *          lanes are those of `matmul-tile` and `matmul-skinny`; here a step is two blocks of K, as bytes in shared memory.
 * Order    Every output is one chain of `fma` over its blocks in order of K. `add_terms` is that step in both kernels, and no
 *          product stands before a sum that a compiler could fuse otherwise: same row, same bits.
 * Threads  many rows: BM/TM × BN/TN. Few rows: 4 outputs × 16 blocks.
 * Shared   many rows at most 96 · (BM + BN), 12 KiB for 64 × 64; few rows at most 16 KiB (Q2_K).
 * Features none, but `packed_4x8_integer_dot_product` of WGSL.
 */
import { type ArenaElement, type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type Int8Form, type Loader, loaderBindings, loaderHelpers, loaders } from '../loaders/index.ts';
import { epilogueCode } from './epilogue.wgsl.ts';
import { gatedCode } from './gated.wgsl.ts';
import { halvesCode, type Stored, storedFeatures, storedName } from './halves.wgsl.ts';
import { column, each, matmulParams, outputsOf, stores, type Tile, tileThreads } from './matmul-tile.wgsl.ts';
import { type Access, accessName, arenaOf, resultAccess, storedParams } from './product-access.wgsl.ts';
import {
  extentOf,
  formName,
  formParams,
  isPaired,
  type LinearForm,
  pairedRow,
  pairsCode,
  weightRow,
} from './product-form.wgsl.ts';
import { block, quantizedWords } from './quantize-int8.wgsl.ts';
import { skinnyLanes as lanes, skinnyOutput, skinnyOutputs, skinnyResults } from './skinny-results.wgsl.ts';

/** Blocks of K in one step. */
const stepBlocks = 2;

/** Bytes of shared memory that a tile needs for types of any form. */
export function int8Shared({ bm, bn }: Tile): number {
  return (bm + bn) * stepBlocks * (block + 16);
}

/**
 * WGSL for a block of x against a block of W. `xm` is the scale of x and the sums of its halves; `wm` are scale and low of
 * each half of W. A block's product is a few pairs of factors, to be added up in order.
 */
function blockProduct({ span, low }: Int8Form): { code: string; nTerms: number } {
  const dots = 'let lo = dot16(x0, w0); let hi = dot16(x1, w1);';
  const scales =
    span === 32
      ? ['vec2<f32>(f32(lo + hi), xm.x * wm.x)']
      : ['vec2<f32>(f32(lo), xm.x * wm.x)', 'vec2<f32>(f32(hi), xm.x * wm.y)'];
  const lows =
    span === 32
      ? ['vec2<f32>(xm.y + xm.z, xm.x * wm.z)']
      : ['vec2<f32>(xm.y, xm.x * wm.z)', 'vec2<f32>(xm.z, xm.x * wm.w)'];
  const terms = low ? [...scales, ...lows] : scales;
  const type = `array<vec2<f32>, ${terms.length}>`;
  return {
    nTerms: terms.length,
    code: /* wgsl */ `
fn dot16(a: vec4<u32>, b: vec4<u32>) -> i32 {
  return dot4I8Packed(a.x, b.x) + dot4I8Packed(a.y, b.y) + dot4I8Packed(a.z, b.z) + dot4I8Packed(a.w, b.w);
}
fn terms(x0: vec4<u32>, x1: vec4<u32>, xm: vec4<f32>, w0: vec4<u32>, w1: vec4<u32>, wm: vec4<f32>) -> ${type} {
  ${dots}
  return ${type}(${terms.join(', ')});
}
fn add_terms(sum: f32, t: ${type}) -> f32 {
  var s = sum;
${each(terms.length, (i) => `  s = fma(t[${i}].x, t[${i}].y, s);`)}
  return s;
}`,
  };
}

/** WGSL that finds blocks of 32 values of row `row` of W: sixteen bytes, and scales and lows of both halves. */
function weightBlocks({ blockSize, code, int8 }: Loader, form: LinearForm): string {
  const perBlock = blockSize / block;
  const place = `let at = (p.wRow + row) * p.blocksPerRow + b / ${perBlock}u; let part = (b % ${perBlock}u) * 4u;`;
  return /* wgsl */ `${loaderHelpers}${code}${pairedRow(form)}
fn has(row: u32, b: u32) -> bool { return row < ${form === 'gated' ? '2u * ' : ''}p.nOut && b * ${block}u < p.nIn; }
fn weight16(row: u32, b: u32, half16: u32) -> vec4<u32> {
  if (!has(row, b)) { return vec4<u32>(); }
  ${place}
  return vec4<u32>(q8(at, part + 2u * half16), q8(at, part + 2u * half16 + 1u));
}
fn weight_scales(row: u32, b: u32) -> vec4<f32> {
  if (!has(row, b)) { return vec4<f32>(); }
  ${place}
  return vec4<f32>(scale(at, part), scale(at, part + 2u), ${int8!.low ? 'low(at, part), low(at, part + 2u)' : '0.0, 0.0'});
}`;
}

/** The kernel for many rows. `x` is the output of `quantize`; `wide` refers to `y` and the residual. */
export const matmulInt8 = once(
  (
    type: Loader['type'],
    bm: number,
    bn: number,
    tm: number,
    tn: number,
    wide: boolean,
    form: LinearForm,
    rolled: boolean,
    stored: Stored,
  ): Kernel => {
    const loader = loaders.get(type)!;
    const access = { wide, from: 'bytes', stored } as const;
    return kernel({
      name: `matmul${formName(form)} ${type} int8 ${bm}x${bn}${accessName(access)}`,
      params: { ...matmulParams, ...storedParams(stored), ...formParams(form) },
      rolled,
      enable: storedFeatures(stored),
      arena: arenaOf(access),
      bindings: loaderBindings(loader),
      code: tileCode(loader, { bm, bn, tm, tn }, access, form),
    });
  },
);

function tileCode(loader: Loader, tile: Tile, access: Access, form: LinearForm): string {
  const { bm, bn, tm, tn } = tile;
  const threads = tileThreads(tile);
  const columns = bn / tn;
  const vectors = stepBlocks * 2;
  const outputs = outputsOf(tile, form);
  const row = isPaired(form) ? weightRow(form, bn) : 'n0 + n';
  const { code } = blockProduct(loader.int8!);
  return /* wgsl */ `
var<workgroup> xs: array<vec4<u32>, ${bm * vectors}>;
var<workgroup> xm: array<vec4<f32>, ${bm * stepBlocks}>;
var<workgroup> ws: array<vec4<u32>, ${bn * vectors}>;
var<workgroup> wm: array<vec4<f32>, ${bn * stepBlocks}>;
${linearGroup}
${weightBlocks(loader, form)}
${code}
${epilogueCode}
${loadThird(arenaOf(access))}
${resultAccess(access, form)}
${pairsCode(form)}
/* Place of vector v of row n in ws: neighbouring threads read rows four apart. */
fn at_w(n: u32, v: u32) -> u32 { return n * ${vectors}u + (v ^ ((n >> 2u) & ${vectors - 1}u)); }

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let nTiles = (${extentOf(form)} + ${outputs - 1}u) / ${outputs}u;
  let g = linear_group(wg, nwg);
  let n0 = (g % nTiles) * ${outputs}u;
  let m0 = (g / nTiles) * ${bm}u;
  let tx = (t % ${columns}u) * 4u;
  let ty = (t / ${columns}u) * ${tm}u;
${each(tm * tn, (i) => `  var s${i} = 0.0;`)}
  for (var k0 = 0u; k0 < p.nIn; k0 += ${block * stepBlocks}u) {
    let b0 = k0 / ${block}u;
    for (var i = t; i < ${bm * vectors}u; i += ${threads}u) {
      xs[i] = load_x(m0 + i / ${vectors}u, b0 + (i % ${vectors}u) / 2u, i % 2u);
    }
    for (var i = t; i < ${bm * stepBlocks}u; i += ${threads}u) {
      xm[i] = bitcast<vec4<f32>>(load_x(m0 + i / ${stepBlocks}u, b0 + i % ${stepBlocks}u, 2u));
    }
    for (var i = t; i < ${bn * vectors}u; i += ${threads}u) {
      let n = i / ${vectors}u;
      ws[at_w(n, i % ${vectors}u)] = weight16(${row}, b0 + (i % ${vectors}u) / 2u, i % 2u);
    }
    for (var i = t; i < ${bn * stepBlocks}u; i += ${threads}u) {
      let n = i / ${stepBlocks}u;
      wm[i] = weight_scales(${row}, b0 + i % ${stepBlocks}u);
    }
    workgroupBarrier();
    for (var b = 0u; b < bound(${stepBlocks}u); b++) {
${each(tm, (i) => {
  const row = `(ty + ${i}u)`;
  return `      let a${i} = xs[${row} * ${vectors}u + 2u * b]; let c${i} = xs[${row} * ${vectors}u + 2u * b + 1u]; let m${i} = xm[${row} * ${stepBlocks}u + b];`;
})}
${each(tn, (j) => {
  const n = `(tx + ${column(j, columns)}u)`;
  const lines = [
    `      { let w0 = ws[at_w(${n}, 2u * b)]; let w1 = ws[at_w(${n}, 2u * b + 1u)]; let v = wm[${n} * ${stepBlocks}u + b];`,
  ];
  for (let i = 0; i < tm; i++) {
    const s = `s${i * tn + j}`;
    lines.push(`        ${s} = add_terms(${s}, terms(a${i}, c${i}, m${i}, w0, w1, v));`);
  }
  return `${lines.join('\n')} }`;
})}
    }
    workgroupBarrier();
  }
${stores(tile, form, (i) => `m0 + ty + ${i}u`)}
}`;
}

/** WGSL: third `v` of block `b` of a row of x: 0 and 1 are bytes, 2 is the scale and the sums. */
function loadThird(element: ArenaElement): string {
  const words = 'vec4<u32>(arena[at], arena[at + 1u], arena[at + 2u], arena[at + 3u])';
  const pairs = 'vec4<u32>(arena[at >> 1u], arena[(at >> 1u) + 1u])';
  const four = element === 'vec4<u32>' ? 'arena[at >> 2u]' : element === 'vec2<u32>' ? pairs : words;
  return /* wgsl */ `
fn load_x(row: u32, b: u32, v: u32) -> vec4<u32> {
  if (row >= p.rows || b * ${block}u >= p.nIn) { return vec4<u32>(); }
  let at = p.xOff + row * p.xStride + b * ${quantizedWords}u + v * 4u;
  return ${four};
}
`;
}

/** The kernel for `m` rows (1, 2, 4 or 8; the real number may be smaller). Every thread takes every 16th block. */
export const matmulInt8Skinny = once(
  (type: Loader['type'], m: number, isGated: boolean, rolled: boolean, stored: Stored): Kernel => {
    const loader = loaders.get(type)!;
    const { code, nTerms } = blockProduct(loader.int8!);
    return kernel({
      name: `matmul ${isGated ? 'gated ' : ''}${type} int8 skinny ${m}${storedName(stored)}`,
      params: { ...matmulParams, ...storedParams(stored) },
      rolled,
      enable: storedFeatures(stored),
      arena: 'u32',
      bindings: loaderBindings(loader),
      code: /* wgsl */ `
var<workgroup> partial: array<array<vec2<f32>, ${nTerms}>, ${skinnyOutputs * lanes * m}>;
${linearGroup}
${weightBlocks(loader, isGated ? 'gated' : 'plain')}
${code}
${epilogueCode}
${isGated ? gatedCode : ''}
${stored === 'f32' ? '' : halvesCode(stored)}
${loadThird('u32')}

@compute @workgroup_size(${skinnyOutputs * lanes})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let o = t / ${lanes}u;
  let lane = t % ${lanes}u;
  ${skinnyOutput(isGated)}
  var total = 0.0;
  for (var round = 0u; round < p.nIn; round += ${block * lanes}u) {
    let b = round / ${block}u + lane;
    let w0 = weight16(w_row, b, 0u);
    let w1 = weight16(w_row, b, 1u);
    let v = weight_scales(w_row, b);
    for (var r = 0u; r < bound(${m}u); r++) {
      let m0 = bitcast<vec4<f32>>(load_x(r, b, 2u));
      partial[(o * ${m}u + r) * ${lanes}u + lane] = terms(load_x(r, b, 0u), load_x(r, b, 1u), m0, w0, w1, v);
    }
    workgroupBarrier();
    if (lane < ${m}u) {
      for (var i = 0u; i < bound(${lanes}u); i++) {
        if (round + i * ${block}u < p.nIn) { total = add_terms(total, partial[(o * ${m}u + lane) * ${lanes}u + i]); }
      }
    }
    workgroupBarrier();
  }
${skinnyResults({ m, isGated, isPlain: false, stored, place: (i) => `partial[${i}][0].x` })}
}`,
    });
  },
);
