/**
 * @file Layer norm and RMS norm, with the residual added first; afterwards something else added, or each slice rotated as a head.
 *
 * Idea     A workgroup norms one slice of a row (the whole row, or one head's). Sums are made by each thread over every
 *          64th value and then by a tree in shared memory: an order that depends on the width alone. A rotated value needs the one it
 *          is paired with: a thread norms both.
 * Threads  64. Shared 256 bytes. Features none.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { type RotationKind, rotateCode, rotationParams } from './rope.wgsl.ts';

/** @param rotation how the values of a slice are paired, if they are rotated */
export const norm = once((rotation: RotationKind | 'none'): Kernel => {
  const isRotated = rotation !== 'none';
  return kernel({
    name: isRotated ? `norm and rope ${rotation}` : 'norm',
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
      /** The weights of the slices from `nextFrom` on. */
      nextFrom: 'u32',
      nextWeightAt: 'u32',
      nextBiasAt: 'u32',
      /** Layer norm: the mean is subtracted. */
      centred: 'u32',
      eps: 'f32',
      ...(isRotated ? rotationParams : {}),
    },
    bindings: isRotated ? { turn: 'vec2<f32>' } : {},
    code: /* wgsl */ `
var<workgroup> sums: array<f32, 64>;
${linearGroup}
fn total(t: u32, mine: f32) -> f32 {
  sums[t] = mine;
  workgroupBarrier();
  for (var half = 32u; half > 0u; half /= 2u) {
    if (t < half) { sums[t] += sums[t + half]; }
    workgroupBarrier();
  }
  let all = sums[0];
  workgroupBarrier();
  return all;
}
fn value(row: u32, c: u32) -> f32 {
  var v = arena[p.xOff + row * p.xStride + c];
  if (p.hasResidual != 0u) { v = v + arena[p.rOff + row * p.rStride + c]; }
  return v;
}
fn normed(row: u32, first: u32, i: u32, mean: f32, factor: f32) -> f32 {
  let isNext = first >= p.nextFrom * p.n;
  var v = (value(row, first + i) - mean) * factor * vec[select(p.weightAt, p.nextWeightAt, isNext) + i];
  let biasAt = select(p.biasAt, p.nextBiasAt, isNext);
  if (biasAt != 0xffffffffu) { v = v + vec[biasAt + i]; }
  return v;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let g = linear_group(wg, nwg);
  let row = g / p.groups;
  if (row >= p.rows) { return; }
  let first = (g % p.groups) * p.n;
  var mean = 0.0;
  if (p.centred != 0u) {
    var sum = 0.0;
    for (var i = t; i < p.n; i += 64u) { sum += value(row, first + i); }
    mean = total(t, sum) / f32(p.n);
  }
  var squares = 0.0;
  for (var i = t; i < p.n; i += 64u) {
    let v = value(row, first + i) - mean;
    squares = fma(v, v, squares);
  }
  let factor = 1.0 / sqrt(total(t, squares) / f32(p.n) + p.eps);
  let y = p.yOff + row * p.yStride + first;
${isRotated ? rotatedStore(rotation) : plainStore}
}`,
  });
});

const plainStore = /* wgsl */ `
  for (var i = t; i < p.n; i += 64u) {
    var v = normed(row, first, i, mean, factor);
    if (p.isAdded != 0u) { v = v + arena[p.aOff + row * p.aStride + first + i]; }
    arena[y + i] = v;
  }`;

const rotatedStore = (kind: RotationKind) => /* wgsl */ `
  for (var pair = t; pair < (p.n + 1u) / 2u; pair += 64u) {
    ${rotateCode(kind, (i) => `normed(row, first, ${i}, mean, factor)`, 'p.n', 'row')}
  }`;
