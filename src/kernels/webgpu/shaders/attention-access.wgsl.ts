/**
 * @file How kernels of attention reach the arena in WGSL: heads of queries, keys and values, and the result. Each may be f16.
 *
 * Where queries, keys or values are f16, the arena's elements are pairs of words, as in `product-access.wgsl.ts`.
 */
import type { ArenaElement } from '../kernel.ts';
import { clampedToHalf, halvesCode, type Stored, storedName } from './halves.wgsl.ts';
import { floatAccess } from './product-access.wgsl.ts';

/** How the tensors of attention lie in the arena. */
export interface AttentionAccess {
  /** Sizes of heads of queries and keys, and of values. */
  readonly d: number;
  readonly dv: number;
  /** Everything is aligned to four values. */
  readonly wide: boolean;
  /** Those of `q`, `k` and `v` that are f16, e.g. `qkv`, `v` or nothing. Their heads have a multiple of eight values. */
  readonly from: string;
  readonly stored: Stored;
}

/** Whether the result can be f16: eight values of a head are stored at once. */
export const storesHalves = (d: number, dv: number): boolean => dv % 8 === 0 && dv <= d;

/** The part of a kernel's name that says how its tensors lie in the arena. */
export function attentionName({ d, dv, wide, from, stored }: AttentionAccess, kind = ''): string {
  const halves = from === '' ? '' : from === 'qkv' ? ' from f16' : ` from f16 ${from}`;
  return `attention ${d}/${dv}${kind}${wide ? ' vec4' : ''}${halves}${storedName(stored)}`;
}

/** The arena's element in kernels of attention. */
export function arenaElement({ wide, from, stored }: AttentionAccess): ArenaElement {
  if (from === '' && stored === 'f32') return wide ? 'vec4<f32>' : 'f32';
  if (!wide) return 'u32';
  return from === '' ? 'vec4<u32>' : 'vec2<u32>';
}

/** Operands of the products of attention: `rounded` is float32 with the precision of f16. */
export type AttentionOperands = 'f32' | 'rounded' | 'f16';

/** WGSL of operands from the float32 values `v`. */
const operandOf: Readonly<Record<AttentionOperands, string>> = {
  f32: 'v',
  rounded: `quantizeToF16(${clampedToHalf})`,
  f16: `vec4<f16>(${clampedToHalf})`,
};

/** WGSL that stores eight f16, `words`, from the word `at` on. */
function storeWords(element: ArenaElement): string {
  if (element === 'vec4<u32>') return 'arena[at >> 2u] = words;';
  if (element === 'vec2<u32>') return 'arena[at >> 1u] = words.xy;\n  arena[(at >> 1u) + 1u] = words.zw;';
  return 'for (var i = 0u; i < 4u; i++) { arena[at + i] = words[i]; }';
}

/**
 * WGSL: `load_q(row, head, c)`, four values of a query's head from `c` on as operands, `load_k` and `load_v` likewise; `write4(at, n, v)`,
 * the first `n` of four float32, or with f16 `store8(row, c, a, b)`, eight values from value `c` on of a row.
 */
export function access(tensors: AttentionAccess, operands: AttentionOperands): string {
  const { d, dv, from, stored } = tensors;
  const element = arenaElement(tensors);
  const type = operands === 'f16' ? 'vec4<f16>' : 'vec4<f32>';
  const four = element === 'u32' ? 'vec2<u32>(arena[at], arena[at + 1u])' : 'arena[at >> 1u]';
  const load = (x: string, size: number) => {
    const row = `p.${x}Off + row * p.${x}Stride`;
    const halves = `let at = ${row} + (head * ${size}u + c) / 2u;\n  return ${type}(bitcast<vec4<f16>>(${four}));`;
    const floats = `let v = read4(${row} + head * ${size}u + c, ${size}u - c);\n  return ${operandOf[operands]};`;
    return /* wgsl */ `
fn load_${x}(row: u32, head: u32, c: u32) -> ${type} {
  ${from.includes(x) ? halves : floats}
}`;
  };
  const store8 = /* wgsl */ `
fn store8(row: u32, c: u32, a: vec4<f32>, b: vec4<f32>) {
  let at = row + c / 2u;
  let words = vec4<u32>(to_halves(a), to_halves(b));
  ${storeWords(element)}
}
`;
  const halves = stored === 'f32' ? '' : halvesCode(stored) + store8;
  return `${floatAccess(element)}${load('q', d)}${load('k', d)}${load('v', dv)}\n${halves}`;
}
