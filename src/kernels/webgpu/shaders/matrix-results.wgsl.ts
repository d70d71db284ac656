/**
 * @file The results of products on subgroup matrices in WGSL: from the registers of a subgroup through shared memory to the arena.
 */

import { each, type Tile, tileThreads } from './matmul-tile.wgsl.ts';
import { type MatrixShape, matrixThreads } from './matrix-shape.ts';
import { type LinearForm, storePairs } from './product-form.wgsl.ts';

/** Columns of a subgroup's results that pass through shared memory at a time: two matrices, or one if there is only one or little room. */
export function staged({ tn, buffers = 1 }: Tile, { n }: MatrixShape): number {
  return Math.min(tn, buffers === 2 ? n : 2 * n);
}

/** WGSL: results pass through shared memory in groups of matrices beside each other, and are stored by all threads. */
export function plainResults(tile: Tile, shape: MatrixShape): string {
  const { bn, tm, tn } = tile;
  const { m, n } = shape;
  const [columns, broad, width] = [bn / tn, tn / n, staged(tile, shape)];
  const nResults = tileThreads(tile) * m * width;
  return each((tm / m) * (tn / width), (i) => {
    const [down, right] = [Math.floor((i * width) / tn) * m, (i * width) % tn];
    const first = (down / m) * broad + right / n;
    const matrices = each(width / n, (j) => {
      return `  subgroupMatrixStore<row_major>(&results, subgroup * ${m * width}u + ${j * n}u, c${first + j}, ${width}u);`;
    });
    return `${matrices}
  workgroupBarrier();
  for (var r = t; r < ${nResults / 4}u; r += ${matrixThreads(tile, shape)}u) {
    let s = r / ${(m * width) / 4}u;
    let row = (s / ${columns}u) * ${tm}u + ${down}u + (r / ${width / 4}u) % ${m}u;
    let column = (s % ${columns}u) * ${tn}u + ${right}u + (r % ${width / 4}u) * 4u;
    let sums = vec4<f32>(results[r * 4u], results[r * 4u + 1u], results[r * 4u + 2u], results[r * 4u + 3u]);
    store4(row_y(tileIndex, row), n0 + column, sums);
  }
  workgroupBarrier();`;
  });
}

/** WGSL: a matrix of the first half passes through shared memory into registers, then the one of the second half that belongs to it. */
export function pairedResults(tile: Tile, shape: MatrixShape, form: LinearForm): string {
  const { bn, tm, tn } = tile;
  const { m, n } = shape;
  const [columns, broad] = [bn / tn, tn / n];
  const threads = matrixThreads(tile, shape);
  const nVectors = (tileThreads(tile) * m * n) / 4;
  const own = (line: (i: number) => string) => each(Math.ceil(nVectors / threads), line);
  const four = `vec4<f32>(${[0, 1, 2, 3].map((i) => `results[r * 4u + ${i}u]`).join(', ')})`;
  const matrix = (c: number) =>
    `  subgroupMatrixStore<row_major>(&results, subgroup * ${m * n}u, c${c}, ${n}u);\n  workgroupBarrier();`;
  const eachMatrix = each((tm / m) * (broad / 2), (i) => {
    const [down, right] = [Math.floor(i / (broad / 2)), i % (broad / 2)];
    const first = down * broad + right;
    return `${matrix(first)}
${own((v) => `  { let r = min(t + ${v * threads}u, ${nVectors - 1}u); f${v} = ${four}; }`)}
  workgroupBarrier();
${matrix(first + broad / 2)}
${own(
  (v) => `  {
    let r = t + ${v * threads}u;
    let s = r / ${(m * n) / 4}u;
    let inside = r % ${(m * n) / 4}u;
    let row = (s / ${columns}u) * ${tm}u + ${down * m}u + inside / ${n / 4}u;
    let column = (s % ${columns}u) * ${tn / 2}u + ${right * n}u + (inside % ${n / 4}u) * 4u;
    if (r < ${nVectors}u) { ${storePairs(form, 'row_y(tileIndex, row)', 'n0 + column', `f${v}`, four)} }
  }`,
)}
  workgroupBarrier();`;
  });
  return `${own((v) => `  var f${v} = vec4<f32>();`)}\n${eachMatrix}`;
}
