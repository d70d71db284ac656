/**
 * @file Extends a product to one that rotates heads of its result (rotary position embedding): queries and keys, in the first columns.
 *
 * Idea     Angles are read from the tensor `t`, `(cos, sin)` for each pair of a head. Where pairs are neighbours, a thread has two of them in its
 *          four columns. Where the values of a pair are half a head apart, a workgroup must have both: a tile then consists of pairs, the first
 *          half of its rows of W makes their first values, the second half the second ones, and a thread has eight columns, four of each
 *          half. Columns behind the rotated heads (values) are paired in the same way, and stay as they are.
 */
import type { Params } from '../kernel.ts';

/** A form of products: how the values of a pair lie in a head, and how many values a head has. `neox` takes a multiple of eight, `norm` of four. */
export type Rotated = `rotated ${'neox' | 'norm'} ${number}`;

/** The values of a head; `undefined` if the product does not rotate pairs of this kind. */
export function rotatedHead(form: string, kind: 'neox' | 'norm'): number | undefined {
  const start = `rotated ${kind} `;
  return form.startsWith(start) ? Number(form.slice(start.length)) : undefined;
}

/** The parameters of a product that rotates. */
export const rotatedParams: Params = {
  /** The angles of the rows. */
  t: 'tensor',
  /** Columns that are rotated. */
  rotatedCols: 'u32',
};

/**
 * WGSL: the row of W for index `n` of a tile that begins at pair `n0` and has `half` pairs. The second value of a pair is half a head behind
 * the first.
 */
export const rotatedRow = (headSize: number) => /* wgsl */ `
fn first_of(pair: u32) -> u32 { return (pair / ${headSize / 2}u) * ${headSize}u + pair % ${headSize / 2}u; }
fn rotated_row(n0: u32, n: u32, half: u32) -> u32 {
  return first_of(n0 + n % half) + select(0u, ${headSize / 2}u, n >= half);
}
`;

/**
 * WGSL: `store_rotated4(row, pair, firsts, seconds)`, four pairs of a row. `fma`, so that no compiler chooses between two ways to round. Needs
 * `rotatedRow`, `read4` and `put4` (`product-access.wgsl.ts`).
 */
export const storeRotated = (headSize: number) => /* wgsl */ `
fn finish4(sums: vec4<f32>, c: u32) -> vec4<f32> {
  return vec4<f32>(finish(sums.x, c), finish(sums.y, c + 1u), finish(sums.z, c + 2u), finish(sums.w, c + 3u));
}
fn store_rotated4(row: u32, pair: u32, firsts: vec4<f32>, seconds: vec4<f32>) {
  if (row >= p.rows || 2u * pair >= p.nOut) { return; }
  let c = first_of(pair);
  var a = finish4(firsts, c);
  var b = finish4(seconds, c + ${headSize / 2}u);
  if (c < p.rotatedCols) {
    let at = p.tOff + row * p.tStride + 2u * (pair % ${headSize / 2}u);
    let two = read4(at, 4u);
    let next = read4(at + 4u, 4u);
    let cosines = vec4<f32>(two.xz, next.xz);
    let sines = vec4<f32>(two.yw, next.yw);
    let turned = fma(a, cosines, -(b * sines));
    b = fma(a, sines, b * cosines);
    a = turned;
  }
  put4(row, c, 4u, a);
  put4(row, c + ${headSize / 2}u, 4u, b);
}
`;

/** WGSL: rotates the two pairs of `v`, the columns `c…c+3` of a row, in place. */
export const turnNeighbours = (headSize: number) => /* wgsl */ `
  if (c < p.rotatedCols) {
    let t = read4(p.tOff + row * p.tStride + c % ${headSize}u, 4u);
    v = fma(v, t.xxzz, v.yxwz * vec4<f32>(-t.y, t.y, -t.w, t.w));
  }`;
