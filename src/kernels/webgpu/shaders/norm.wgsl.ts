/**
 * @file Layer norm and RMS norm, with the residual added first; afterwards something else added, or each slice rotated as a head.
 *
 * Idea     A workgroup norms four slices of rows (a slice is a whole row, or one head's), 16 threads each; `row-norm.wgsl.ts` has the
 *          arithmetic. A rotated value needs the one it is paired with: a thread norms both.
 *          The result is float32, f16 (see `halves.wgsl.ts`), or both where products and other steps read it.
 * Threads  64. Shared 1 KiB. Features none; `shader-f16` for results in f16.
 */
import { type ArenaElement, type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { halvesCode, type Stored, storedFeatures, storedName } from './halves.wgsl.ts';
import { type RotationKind, rotateCode, rotateToHalves, rotationParams, turnCode } from './rope.wgsl.ts';
import { floatAt, rowNormCode, rowNormParams, rowThreads } from './row-norm.wgsl.ts';

const threads = 64;
/** Slices that a workgroup norms. */
export const normSlices = threads / rowThreads;

/**
 * @param rotation how the values of a slice are paired, if they are rotated
 * @param wide rows are read and written four values at a time; not with a rotation
 * @param halves the form of a result in f16, if there is one; slices then have a multiple of eight values
 * @param floats whether there is a result in float32
 */
export const norm = once((rotation: RotationKind | 'none', wide: boolean, halves: Stored, floats: boolean): Kernel => {
  const isRotated = rotation !== 'none';
  const words = halves !== 'f32';
  return kernel({
    name: `${isRotated ? `norm and rope ${rotation}` : 'norm'}${wide ? ' vec4' : ''}${storedName(halves)}${words && floats ? ' and f32' : ''}`,
    enable: storedFeatures(halves),
    params: {
      x: 'tensor',
      r: 'tensor',
      /** A term that is added to the result. */
      a: 'tensor',
      y: 'tensor',
      /** The result in f16. */
      ...(words && { h: 'tensor' }),
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
    arena: arenaElement(wide, words),
    bindings: isRotated ? { turn: 'vec2<f32>' } : {},
    code: /* wgsl */ `
${linearGroup}
${rowNormCode({ wide, words, threads, n: 'p.n', hasResidual: 'p.hasResidual' })}
${isRotated ? normedValue(words) + turnCode : ''}${halves === 'f32' ? '' : halvesCode(halves)}
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
${isRotated ? rotatedStore(rotation, words) : words ? halvesStore(wide, floats) : plainStore(wide)}
}`,
  });
});

function arenaElement(wide: boolean, words: boolean): ArenaElement {
  if (wide) return words ? 'vec4<u32>' : 'vec4<f32>';
  return words ? 'u32' : 'f32';
}

/** WGSL: a thread writes eight values, so that f16 of one are a whole vector. */
function halvesStore(wide: boolean, floats: boolean): string {
  const added = wide
    ? (j: number) => floatAt(`(a >> 2u) + ${j}u`, 'vec4<f32>', true)
    : (j: number) => `vec4<f32>(${[0, 1, 2, 3].map((i) => floatAt(`a + ${4 * j + i}u`, 'f32', true))})`;
  const stored = wide
    ? (j: number) => `arena[(y >> 2u) + ${j}u] = bitcast<vec4<u32>>(v${j});`
    : (j: number) => [0, 1, 2, 3].map((i) => `arena[y + ${4 * j + i}u] = bitcast<u32>(v${j}[${i}]);`).join(' ');
  return /* wgsl */ `
  for (var i = lane * 8u; i < p.n; i += ${rowThreads * 8}u) {
    var v0 = normed4(row, first, i, stats, weightAt, biasAt);
    var v1 = normed4(row, first, i + 4u, stats, weightAt, biasAt);
    if (p.isAdded != 0u) {
      let a = p.aOff + row * p.aStride + first + i;
      v0 = v0 + ${added(0)};
      v1 = v1 + ${added(1)};
    }
    let h = p.hOff + row * p.hStride + (first + i) / 2u;
    let words = vec4<u32>(to_halves(v0), to_halves(v1));
    ${wide ? 'arena[h >> 2u] = words;' : [0, 1, 2, 3].map((i) => `arena[h + ${i}u] = words[${i}];`).join(' ')}
${floats ? `    let y = p.yOff + row * p.yStride + first + i;\n    ${stored(0)}\n    ${stored(1)}` : ''}
  }`;
}

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
const normedValue = (words: boolean) => /* wgsl */ `
fn normed(row: u32, first: u32, i: u32, stats: vec2<f32>, weightAt: u32, biasAt: u32) -> f32 {
  var v = ${floatAt('p.xOff + row * p.xStride + first + i', 'f32', words)};
  if (p.hasResidual != 0u) { v = v + ${floatAt('p.rOff + row * p.rStride + first + i', 'f32', words)}; }
  let w = vec[weightAt + i];
  v = (v - stats.x) * stats.y;
  if (biasAt == 0xffffffffu) { return v * w; }
  return fma(v, w, vec[biasAt + i]);
}
`;

function rotatedStore(kind: RotationKind, words: boolean): string {
  const value = (i: string) => `normed(row, first, ${i}, stats, weightAt, biasAt)`;
  const rotated = { kind, value, token: 'row' };
  if (words) {
    return /* wgsl */ `
  let y = p.hOff + row * p.hStride + first / 2u;
  for (var pair = lane * 2u; pair < p.n / 2u; pair += ${rowThreads * 2}u) {
    ${rotateToHalves(rotated)}
  }`;
  }
  return /* wgsl */ `
  let y = p.yOff + row * p.yStride + first;
  for (var pair = lane; pair < (p.n + 1u) / 2u; pair += ${rowThreads}u) {
    ${rotateCode({ ...rotated, n: 'p.n' })}
  }`;
}
