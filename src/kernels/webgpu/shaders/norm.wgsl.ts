/**
 * @file Layer norm and RMS norm, with the residual added first; afterwards something else added, or each slice rotated as a head.
 *
 * Idea     A workgroup norms four slices of rows (a slice is a whole row, or one head's), 16 threads each; `row-norm.wgsl.ts` has the
 *          arithmetic. A rotated value needs the one it is paired with: a thread norms both.
 * Threads  64. Shared 1 KiB. Features none.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type RotationKind, rotateCode, rotationParams } from './rope.wgsl.ts';
import { rowNormCode, rowNormParams, rowThreads } from './row-norm.wgsl.ts';

const threads = 64;
/** Slices that a workgroup norms. */
export const normSlices = threads / rowThreads;

/**
 * @param rotation how the values of a slice are paired, if they are rotated
 * @param wide rows are read and written four values at a time; not with a rotation
 */
export const norm = once((rotation: RotationKind | 'none', wide: boolean): Kernel => {
  const isRotated = rotation !== 'none';
  return kernel({
    name: `${isRotated ? `norm and rope ${rotation}` : 'norm'}${wide ? ' vec4' : ''}`,
    params: {
      x: 'tensor',
      r: 'tensor',
      /** A term that is added to the result. */
      a: 'tensor',
      y: 'tensor',
      hasResidual: 'u32',
      isAdded: 'u32',
      rows: 'u32',
      /** Values of a slice, and slices of a row. */
      n: 'u32',
      groups: 'u32',
      weightAt: 'u32',
      biasAt: 'u32',
      ...rowNormParams,
      /** The weights of the slices from `nextFrom` on. */
      nextFrom: 'u32',
      nextWeightAt: 'u32',
      nextBiasAt: 'u32',
      ...(isRotated ? rotationParams : {}),
    },
    arena: wide ? 'vec4<f32>' : 'f32',
    bindings: isRotated ? { turn: 'vec2<f32>' } : {},
    code: /* wgsl */ `
${linearGroup}
${rowNormCode({ wide, threads, n: 'p.n', hasResidual: 'p.hasResidual' })}
${isRotated ? normedValue : ''}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let g = linear_group(wg, nwg) * ${normSlices}u + t / ${rowThreads}u;
  let row = g / p.groups;
  let inside = row < p.rows;
  let slice = g % p.groups;
  let first = slice * p.n;
  let stats = row_stats(t, row, first, inside);
  if (!inside) { return; }
  let isNext = slice >= p.nextFrom;
  let weightAt = select(p.weightAt, p.nextWeightAt, isNext);
  let biasAt = select(p.biasAt, p.nextBiasAt, isNext);
  let lane = t % ${rowThreads}u;
${isRotated ? rotatedStore(rotation) : plainStore(wide)}
}`,
  });
});

function plainStore(wide: boolean): string {
  const store = wide
    ? `
    if (p.isAdded != 0u) { v = v + arena[(p.aOff + row * p.aStride + first + i) >> 2u]; }
    arena[(p.yOff + row * p.yStride + first + i) >> 2u] = v;`
    : `
    for (var j = 0u; j < min(4u, p.n - i); j++) {
      if (p.isAdded != 0u) { v[j] = v[j] + arena[p.aOff + row * p.aStride + first + i + j]; }
      arena[p.yOff + row * p.yStride + first + i + j] = v[j];
    }`;
  return /* wgsl */ `
  for (var i = lane * 4u; i < p.n; i += ${rowThreads * 4}u) {
    var v = normed4(row, first, i, stats, weightAt, biasAt);${store}
  }`;
}

/** WGSL: one value, as `normed4` computes it. */
const normedValue = /* wgsl */ `
fn normed(row: u32, first: u32, i: u32, stats: vec2<f32>, weightAt: u32, biasAt: u32) -> f32 {
  var v = arena[p.xOff + row * p.xStride + first + i];
  if (p.hasResidual != 0u) { v = v + arena[p.rOff + row * p.rStride + first + i]; }
  let w = vec[weightAt + i];
  v = (v - stats.x) * stats.y;
  if (biasAt == 0xffffffffu) { return v * w; }
  return fma(v, w, vec[biasAt + i]);
}
`;

const rotatedStore = (kind: RotationKind) => /* wgsl */ `
  let y = p.yOff + row * p.yStride + first;
  for (var pair = lane; pair < (p.n + 1u) / 2u; pair += ${rowThreads}u) {
    ${rotateCode(kind, (i) => `normed(row, first, ${i}, stats, weightAt, biasAt)`, 'p.n', 'row')}
  }`;
