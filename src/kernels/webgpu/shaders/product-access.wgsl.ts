/**
 * @file How products reach the arena in WGSL: their rows of x, their residual, and their results.
 *
 * Where x or the result is f16, the arena's elements are pairs of words: four f16, or half of four float32. So one thread writes a whole
 * element, and a load of four f16 is one load. The first columns of a result that is stored as f16 may be float32.
 */
import type { ArenaElement, Params } from '../kernel.ts';
import { halvesCode, type Stored, storedName } from './halves.wgsl.ts';
import { type ProductForm, turnedCode } from './product-form.wgsl.ts';

/** How a product's tensors lie in the arena. */
export interface Access {
  /** Everything is aligned to four values. */
  readonly wide: boolean;
  /** Rows of x are words that are no float32: f16, or blocks of bytes. */
  readonly from: 'f32' | 'f16' | 'bytes';
  readonly stored: Stored;
}

/** The parameter of a product whose result is stored as f16: the first column that is; a multiple of eight. */
export const storedParams = (stored: Stored): Params => (stored === 'f32' ? {} : { halvesFrom: 'u32' });

/** The end of the name of a product with f16 in the arena. */
export function accessName({ wide, from, stored }: Access): string {
  return `${wide ? ' vec4' : ''}${from === 'f16' ? ' from f16' : ''}${storedName(stored)}`;
}

/** The element of the arena. */
export function arenaOf({ wide, from, stored }: Access): ArenaElement {
  if (from === 'f32' && stored === 'f32') return wide ? 'vec4<f32>' : 'f32';
  if (!wide) return 'u32';
  return from === 'bytes' && stored === 'f32' ? 'vec4<u32>' : 'vec2<u32>';
}

/** WGSL: `read4(at, n)` and `write4(at, n, v)`, four float32; only the first `n` unless they are aligned. */
export function floatAccess(element: ArenaElement): string {
  switch (element) {
    case 'vec4<f32>':
    case 'vec4<u32>': {
      const as = (type: string, value: string) => (element === 'vec4<f32>' ? value : `bitcast<${type}>(${value})`);
      return /* wgsl */ `
fn read4(at: u32, n: u32) -> vec4<f32> { return ${as('vec4<f32>', 'arena[at >> 2u]')}; }
fn write4(at: u32, n: u32, v: vec4<f32>) { arena[at >> 2u] = ${as('vec4<u32>', 'v')}; }
`;
    }
    case 'vec2<u32>':
      return /* wgsl */ `
fn read4(at: u32, n: u32) -> vec4<f32> {
  let i = at >> 1u;
  return vec4<f32>(bitcast<vec2<f32>>(arena[i]), bitcast<vec2<f32>>(arena[i + 1u]));
}
fn write4(at: u32, n: u32, v: vec4<f32>) {
  let i = at >> 1u;
  arena[i] = bitcast<vec2<u32>>(v.xy);
  arena[i + 1u] = bitcast<vec2<u32>>(v.zw);
}
`;
    default: {
      const as = (type: string, value: string) => (element === 'f32' ? value : `bitcast<${type}>(${value})`);
      return /* wgsl */ `
fn read4(at: u32, n: u32) -> vec4<f32> {
  var v = vec4<f32>();
  for (var i = 0u; i < min(4u, n); i++) { v[i] = ${as('f32', 'arena[at + i]')}; }
  return v;
}
fn write4(at: u32, n: u32, v: vec4<f32>) {
  for (var i = 0u; i < min(4u, n); i++) { arena[at + i] = ${as('u32', 'v[i]')}; }
}
`;
    }
  }
}

/** WGSL: `put4(row, c, n, v)`, the results from column `c` on, as they are stored. */
function put(access: Access): string {
  const { wide, stored } = access;
  if (stored === 'f32') {
    return 'fn put4(row: u32, c: u32, n: u32, v: vec4<f32>) { write4(p.yOff + row * p.yStride + c, n, v); }\n';
  }
  const write = wide ? 'arena[at >> 1u] = h;' : 'arena[at] = h.x;\n  arena[at + 1u] = h.y;';
  return /* wgsl */ `${halvesCode(stored)}
fn put4(row: u32, c: u32, n: u32, v: vec4<f32>) {
  let y = p.yOff + row * p.yStride;
  if (c < p.halvesFrom) {
    write4(y + c, n, v);
    return;
  }
  let at = y + (p.halvesFrom + c) / 2u;
  let h = to_halves(v);
  ${write}
}
`;
}

/** WGSL: `store4(row, n, sums)`, the outputs `n…n+3` of a row, and what gated products need. */
export function resultAccess(access: Access, form: ProductForm): string {
  return /* wgsl */ `${floatAccess(arenaOf(access))}${put(access)}
fn store4(row: u32, n: u32, sums: vec4<f32>) {
  if (row >= p.rows || n >= p.nOut) { return; }
  let c = p.firstOut + n;
  let left = p.nOut - n;
  var v = vec4<f32>(finish(sums.x, c), finish(sums.y, c + 1u), finish(sums.z, c + 2u), finish(sums.w, c + 3u));
  if (p.hasResidual != 0u) { v = v + read4(p.rOff + row * p.rStride + c, left); }${turnedCode(form)}
  put4(row, c, left, v);
}
`;
}

/**
 * WGSL: `operand_x(row, k)`, the values `k…k+3` of a row of x as operands; zero past the edges.
 * @param element of operands
 * @param rounded WGSL of an operand from the float32 values `v`
 */
export function operandAccess({ wide, from }: Access, element: 'f32' | 'f16', rounded: string): string {
  const word = wide ? 'arena[at >> 1u]' : 'vec2<u32>(arena[at], arena[at + 1u])';
  const load =
    from === 'f16'
      ? `let at = p.xOff + row * p.xStride + k / 2u;\n  return bitcast<vec4<f16>>(${word});`
      : `let v = read4(p.xOff + row * p.xStride + k, p.nIn - k);\n  return ${rounded};`;
  return /* wgsl */ `
fn operand_x(row: u32, k: u32) -> vec4<${element}> {
  if (row >= p.rows || k >= p.nIn) { return vec4<${element}>(); }
  ${load}
}
`;
}
