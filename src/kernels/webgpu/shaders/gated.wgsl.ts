/**
 * @file Extends a product to a gated one: `activation(x Gᵀ) · (x Uᵀ)`, where the rows of U follow those of G.
 *
 * Idea     A workgroup computes the outputs of a gate and those of what it gates, so that neither is written. In a tile the first half of
 *          the rows of W belong to the gate; a thread has eight columns, four of each half.
 */

/** WGSL: the row of W for index `n` of a tile that begins at output `n0` and has `half` outputs. */
export const gatedRow = /* wgsl */ `
fn gated_row(n0: u32, n: u32, half: u32) -> u32 { return n0 + select(n, p.nOut + n - half, n >= half); }
`;

/** WGSL: an output from the sums of gate and up. */
export const gatedCode = /* wgsl */ `
fn gated(gate: f32, up: f32, n: u32) -> f32 {
  return activate(affine(gate, n), p.activation) * affine(up, n + p.nOut);
}
`;

/** WGSL: `store_gated4(row, n, gates, ups)`, the outputs `n…n+3` of a row. Needs `put4` (`product-access.wgsl.ts`). */
export const storeGated = /* wgsl */ `${gatedCode}
fn store_gated4(row: u32, n: u32, gates: vec4<f32>, ups: vec4<f32>) {
  if (row >= p.rows || n >= p.nOut) { return; }
  var v: vec4<f32>;
  for (var i = 0u; i < 4u; i++) {
    if (n + i < p.nOut) { v[i] = gated(gates[i], ups[i], n + i); }
  }
  put4(row, n, p.nOut - n, v);
}
`;
