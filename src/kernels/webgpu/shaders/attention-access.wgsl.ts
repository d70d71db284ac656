/**
 * @file How kernels of attention reach the arena in WGSL: heads of queries, keys and values, and the result, which may be f16.
 */
import type { ArenaElement } from '../kernel.ts';
import { halvesCode, type Stored } from './halves.wgsl.ts';

/** Whether the result can be f16: eight values of a head are stored at once. */
export const storesHalves = (d: number, dv: number): boolean => dv % 8 === 0 && dv <= d;

/** The arena's element in kernels of attention: words if a part of it is f16. */
export function arenaElement(wide: boolean, stored: Stored): ArenaElement {
  if (wide) return stored === 'f32' ? 'vec4<f32>' : 'vec4<u32>';
  return stored === 'f32' ? 'f32' : 'u32';
}

/**
 * WGSL: `load4(at, c, n)`, the values from `c` on of `n` that begin at `at`; `store4(at, c, n, v)`, or with f16 `store8(row, c, a, b)`, from
 * value `c` on of a row.
 */
export function access(wide: boolean, stored: Stored): string {
  const isFloat = stored === 'f32';
  const load = wide
    ? `return ${isFloat ? 'arena[(at + c) >> 2u]' : 'bitcast<vec4<f32>>(arena[(at + c) >> 2u])'};`
    : `var v = vec4<f32>();
  for (var i = 0u; i < 4u; i++) { if (c + i < n) { v[i] = ${isFloat ? 'arena[at + c + i]' : 'bitcast<f32>(arena[at + c + i])'}; } }
  return v;`;
  const loads = `fn load4(at: u32, c: u32, n: u32) -> vec4<f32> {\n  ${load}\n}\n`;
  if (isFloat) {
    const store = wide
      ? 'arena[(at + c) >> 2u] = v;'
      : 'for (var i = 0u; i < 4u; i++) { if (c + i < n) { arena[at + c + i] = v[i]; } }';
    return `${loads}fn store4(at: u32, c: u32, n: u32, v: vec4<f32>) { ${store} }\n`;
  }
  const store = wide ? 'arena[at >> 2u] = words;' : 'for (var i = 0u; i < 4u; i++) { arena[at + i] = words[i]; }';
  return /* wgsl */ `${loads}${halvesCode(stored)}
fn store8(row: u32, c: u32, a: vec4<f32>, b: vec4<f32>) {
  let at = row + c / 2u;
  let words = vec4<u32>(to_halves(a), to_halves(b));
  ${store}
}
`;
}
