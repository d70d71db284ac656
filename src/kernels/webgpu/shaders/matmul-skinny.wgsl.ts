/**
 * @file Product of a few rows and a weight matrix: the strategy for pooled rows and short texts (GEMV).
 *
 * Idea     Such a product reads every weight once and is bound by memory. A workgroup computes 4 outputs; 16 threads share
 *          an output and take steps of 32 values of K in turn, so that neighbouring threads read neighbouring blocks. Every
 *          weight is decoded once for all rows. After each round of 16 steps one thread a row adds up its sums in order.
 * Order    As in `matmul-tile`: sums of 32 products, each a chain of `fma` in order, added in order. Same bits.
 * Threads  4 outputs × 16 steps.
 * Shared   64 · rows · 4 bytes (at most 2 KiB); with normed rows eight times as much and 1 KiB.
 * Features none. With f16 operands it rounds them as `matmul-tile` does.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type Loader, loaderBindings, loaders } from '../loaders/index.ts';
import { epilogueCode } from './epilogue.wgsl.ts';
import { gatedCode, gatedRow } from './gated.wgsl.ts';
import { halvesCode, roundedCode, type Stored } from './halves.wgsl.ts';
import { matmulParams, weightAt } from './matmul-tile.wgsl.ts';
import { normedCode, normedParams } from './normed-input.wgsl.ts';
import { accessName, arenaOf, storedParams } from './product-access.wgsl.ts';
import { floatOf, skinnyLanes as lanes, skinnyOutput, skinnyOutputs, skinnyResults } from './skinny-results.wgsl.ts';

/** The largest number of rows in one launch. */
export const skinnyRows = 8;

/**
 * The kernel for one weight type and `m` rows (1, 2, 4 or 8; the real number may be smaller).
 * @param normed the product norms its input (see `normed-input.wgsl.ts`)
 * @param from how x lies in the arena, and `stored` the result
 */
export const matmulSkinny = once(
  (
    type: Loader['type'],
    m: number,
    isGated: boolean,
    rolled: boolean,
    halves: boolean,
    normed: boolean,
    from: 'f32' | 'f16',
    stored: Stored,
  ): Kernel => {
    const loader = loaders.get(type)!;
    const access = { wide: false, from, stored };
    const isPlain = arenaOf(access) === 'f32';
    const rows = rowsUpTo(m);
    return kernel({
      name: `matmul ${normed ? 'normed ' : ''}${isGated ? 'gated ' : ''}${type} skinny ${m}${halves ? ' f16' : ''}${accessName(access)}`,
      params: { ...matmulParams, ...storedParams(stored), ...(normed && normedParams) },
      rolled,
      enable: isPlain ? [] : ['f16'],
      arena: arenaOf(access),
      bindings: loaderBindings(loader),
      code: /* wgsl */ `
var<workgroup> partial: array<f32, ${skinnyOutputs * lanes * m}>;
${linearGroup}
fn w_end() -> u32 { return ${isGated ? '2u * ' : ''}p.nOut; }
${weightAt(loader)}
${roundedCode(halves)}
${epilogueCode}
${isGated ? gatedRow + gatedCode : ''}
${stored === 'f32' ? '' : halvesCode(stored)}
${normed ? normedCode(false, m, skinnyOutputs * lanes) + stagedCode(m) : from === 'f16' ? loadHalves : loadFloats(isPlain)}
fn chain(sum: f32, xv: vec4<f32>, wv: vec4<f32>) -> f32 {
  let x = rounded(xv);
  let w = rounded(wv);
  return fma(x.w, w.w, fma(x.z, w.z, fma(x.y, w.y, fma(x.x, w.x, sum))));
}

@compute @workgroup_size(${skinnyOutputs * lanes})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let o = t / ${lanes}u;
  let lane = t % ${lanes}u;
  ${skinnyOutput(isGated)}
${normed ? '  norm_rows(t, 0u, linear_group(wg, nwg) == 0u);' : ''}
  var total = 0.0;
  for (var round = 0u; round < p.nIn; round += ${32 * lanes}u) {
    let k0 = round + lane * 32u;
${rows.map((r) => `    var c${r} = 0.0;`).join('\n')}
${normed ? normedSteps(m) : plainSteps(m)}
${rows.map((r) => `    partial[(o * ${m}u + ${r}u) * ${lanes}u + lane] = c${r};`).join('\n')}
    workgroupBarrier();
    if (lane < ${m}u) {
      for (var i = 0u; i < bound(${lanes}u); i++) {
        if (round + i * 32u < p.nIn) { total += partial[(o * ${m}u + lane) * ${lanes}u + i]; }
      }
    }
    workgroupBarrier();
  }
${skinnyResults({ m, isGated, isPlain, stored, place: (i) => `partial[${i}]` })}
}`,
    });
  },
);

const rowsUpTo = (m: number) => Array.from({ length: m }, (_, r) => r);

/** WGSL: adds the 32 products of this thread's step to `c0`, `c1`… */
const plainSteps = (m: number) => /* wgsl */ `
    if (k0 < p.nIn) {
      for (var k = k0; k < k0 + bound(32u); k += 8u) {
        let w = weight8(w_row, k);
${rowsUpTo(m)
  .map((r) => `        c${r} = chain(chain(c${r}, load_x(${r}u, k), w[0]), load_x(${r}u, k + 4u), w[1]);`)
  .join('\n')}
      }
    }`;

/** WGSL: the same with normed rows. They pass through shared memory, because all outputs of the workgroup need them. */
const normedSteps = (m: number) => /* wgsl */ `
    for (var k = 0u; k < bound(32u); k += 8u) {
      for (var i = t; i < bound(${2 * lanes * m}u); i += ${skinnyOutputs * lanes}u) {
        let r = i / ${2 * lanes}u;
        xs[i] = normed_x(r, r, round + (i / 2u) % ${lanes}u * 32u + k + (i % 2u) * 4u);
      }
      workgroupBarrier();
      let w = weight8(w_row, k0 + k);
${rowsUpTo(m)
  .map((r) => {
    const at = `lane * 2u + ${2 * lanes * r}u`;
    return `      c${r} = chain(chain(c${r}, xs[${at}], w[0]), xs[${at} + 1u], w[1]);`;
  })
  .join('\n')}
      workgroupBarrier();
    }`;

/** WGSL: eight values of each step and row. */
const stagedCode = (m: number) => `var<workgroup> xs: array<vec4<f32>, ${2 * lanes * m}>;`;

const loadFloats = (isPlain: boolean) => /* wgsl */ `
fn load_x(row: u32, k: u32) -> vec4<f32> {
  var v = vec4<f32>();
  let at = p.xOff + row * p.xStride + k;
  for (var i = 0u; i < 4u; i++) { if (k + i < p.nIn && row < p.rows) { v[i] = ${floatOf('at + i', isPlain)}; } }
  return v;
}
`;

const loadHalves = /* wgsl */ `
fn load_x(row: u32, k: u32) -> vec4<f32> {
  if (k >= p.nIn || row >= p.rows) { return vec4<f32>(); }
  let at = p.xOff + row * p.xStride + k / 2u;
  return vec4<f32>(bitcast<vec4<f16>>(vec2<u32>(arena[at], arena[at + 1u])));
}
`;
