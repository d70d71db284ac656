/**
 * @file Extends a product to one that rotates heads of its result (rotary position embedding): queries and keys, in the first columns.
 *
 * Idea     The values of a pair are half a head apart, and a workgroup must have both. So a tile consists of pairs: the first half of its
 *          rows of W makes their first values, the second half the second ones. A thread has eight columns, four of each half. Columns
 *          behind the rotated heads (values) are paired in the same way, and stay as they are.
 *          Angles are read from the tensor `t`, `(cos, sin)` for each pair of a head.
 */
import type { Params } from '../kernel.ts';

/** A form of products: the heads of the result have so many values, a multiple of eight. */
export type Rotated = `rotated ${number}`;

/** The values of a head. `undefined`: the product does not rotate. */
export function rotatedHead(form: string): number | undefined {
  return form.startsWith('rotated ') ? Number(form.slice('rotated '.length)) : undefined;
}

/** The parameters of a product that rotates. */
export const rotatedParams: Params = {
  /** The angles of the rows. */
  t: 'tensor',
  /** Columns that are rotated. */
  rotatedCols: 'u32',
};

/** WGSL: the row of W for index `n` of a tile that begins at pair `n0` and has `half` pairs; the second value of a pair is half a head behind the first. */
export const rotatedRow = (headSize: number) => /* wgsl */ `
fn first_of(pair: u32) -> u32 { return (pair / ${headSize / 2}u) * ${headSize}u + pair % ${headSize / 2}u; }
fn rotated_row(n0: u32, n: u32, half: u32) -> u32 {
  return first_of(n0 + n % half) + select(0u, ${headSize / 2}u, n >= half);
}
`;

/** WGSL: `rotated(a, b, cosines, sines)`, the first and the second values of four pairs. `fma`, so that no compiler chooses between two ways to round. */
const rotatedCode = /* wgsl */ `
fn rotated(a: vec4<f32>, b: vec4<f32>, cosines: vec4<f32>, sines: vec4<f32>) -> mat2x4<f32> {
  return mat2x4<f32>(fma(a, cosines, -(b * sines)), fma(a, sines, b * cosines));
}
`;

/** WGSL: `store_rotated4(row, pair, firsts, seconds)`, four pairs of a row. Needs `rotatedRow`, `read4` and `put4` (`product-access.wgsl.ts`). */
export const storeRotated = (headSize: number) => /* wgsl */ `${rotatedCode}
fn finish4(sums: vec4<f32>, c: u32) -> vec4<f32> {
  return vec4<f32>(finish(sums.x, c), finish(sums.y, c + 1u), finish(sums.z, c + 2u), finish(sums.w, c + 3u));
}
fn store_rotated4(row: u32, pair: u32, firsts: vec4<f32>, seconds: vec4<f32>) {
  if (row >= p.rows || 2u * pair >= p.nOut) { return; }
  let a = first_of(pair);
  let b = a + ${headSize / 2}u;
  var v = mat2x4<f32>(finish4(firsts, a), finish4(seconds, b));
  if (a < p.rotatedCols) {
    let at = p.tOff + row * p.tStride + 2u * (pair % ${headSize / 2}u);
    let two = read4(at, 4u);
    let next = read4(at + 4u, 4u);
    v = rotated(v[0], v[1], vec4<f32>(two.xz, next.xz), vec4<f32>(two.yw, next.yw));
  }
  put4(row, a, 4u, v[0]);
  put4(row, b, 4u, v[1]);
}
`;
