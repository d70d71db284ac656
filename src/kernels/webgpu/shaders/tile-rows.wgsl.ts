/**
 * @file The rows of x, of W and of the result that a tile of a product has, in WGSL: consecutive rows, or those of one expert.
 */
import { type ProductForm, pairedRow } from './product-form.wgsl.ts';

/** Tiles of consecutive rows; those past the end are neither read nor written. */
const rowsOfTile = /* wgsl */ `
fn begin_tile(tile: u32, t: u32) -> bool { return true; }
fn row_x(tile: u32, i: u32) -> u32 { return tile * BM + i; }
fn row_y(tile: u32, i: u32) -> u32 { return row_x(tile, i); }
`;

/** The rows of a product whose rows of x follow each other. In a gated one the rows of W of the gated input follow as many of the gate. */
export function consecutiveRows(form: ProductForm): string {
  return /* wgsl */ `${pairedRow(form)}${rowsOfTile}
fn w_begin() -> u32 { return 0u; }
fn w_end() -> u32 { return ${form === 'gated' ? '2u * p.nOut' : 'p.nOut'}; }
`;
}

/** Tiles of one expert's rows, as `moe_group` lists them. */
export function expertRows(wide: boolean): string {
  const read = (at: string) => `u32(${wide ? `arena[(${at}) >> 2u][(${at}) & 3u]` : `arena[${at}]`})`;
  return /* wgsl */ `
const noRow = 0xffffffffu;
/* (expert, first pair, number of pairs) of this tile. */
var<workgroup> info: vec3<u32>;
fn begin_tile(tile: u32, t: u32) -> bool {
  if (t == 0u) {
    let at = p.tOff + tile * 3u;
    info = vec3<u32>(${read('at')}, ${read('at + 1u')}, ${read('at + 2u')});
  }
  let tileInfo = workgroupUniformLoad(&info);
  return tileInfo.z > 0u && tileInfo.x >= p.firstExpert && tileInfo.x < p.endExpert;
}
fn w_begin() -> u32 { return (info.x - p.firstExpert) * p.nOut; }
fn w_end() -> u32 { return w_begin() + p.nOut; }
/* The pair (token, slot) in place i of the tile. */
fn row_y(tile: u32, i: u32) -> u32 {
  if (i >= info.z) { return noRow; }
  let at = p.tOff + p.maxTiles * 3u + info.y + i;
  return ${read('at')};
}
/* Its row of x: the token's for the first product, its own for the second. */
fn row_x(tile: u32, i: u32) -> u32 {
  let pair = row_y(tile, i);
  return select(pair / p.pairsPerRow, noRow, pair == noRow);
}
`;
}
