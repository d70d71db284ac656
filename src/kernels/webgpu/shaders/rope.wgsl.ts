/**
 * @file Rotary position embedding: rotates pairs of values of each head by angles from a table.
 *
 * Idea     WGSL promises next to nothing about `cos` of a large angle, so the cosines and sines of every position are
 *          computed on the CPU, once (see `ops/rope.ts`), and bound as `turn[position · nRot/2 + i]`.
 *          A result in f16 is computed in float32 and rounded once.
 * Threads  64, over tokens × pairs of a row, two pairs each if the result is f16; values that are not rotated are copied as pairs, too.
 * Shared   none. Features none; `shader-f16` for results in f16.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { halvesCode, type Stored, storedFeatures, storedName } from './halves.wgsl.ts';
import { floatAt } from './row-norm.wgsl.ts';

/** Pairs (2i, 2i + 1) or (i, i + nRot/2). */
export type RotationKind = 'norm' | 'neox';

/** The parameters that `rotateCode` reads. */
export const rotationParams = {
  nRot: 'u32',
  /** Pairs of a position in the table. */
  nFrequencies: 'u32',
  /** Offset of the positions, or of four coordinates for each row, in `batch`. */
  positionsAt: 'u32',
  /** Two numbers for each pair in `batch`, its coordinate and its index in the table; 0xffffffff: the position rotates all pairs. */
  turnsAt: 'u32',
} as const;

/** WGSL: `turn_of(pair, token)`, the cosine and the sine of a pair in row `token`. Needs `rotationParams`. */
const anglesCode = /* wgsl */ `
fn turn_of(pair: u32, token: u32) -> vec2<f32> {
  var at = p.positionsAt + token;
  var frequency = pair;
  if (p.turnsAt != 0xffffffffu) {
    at = p.positionsAt + 4u * token + u32(batch[p.turnsAt + 2u * pair]);
    frequency = u32(batch[p.turnsAt + 2u * pair + 1u]);
  }
  return turn[u32(batch[at]) * p.nFrequencies + frequency];
}
`;

/**
 * WGSL: `turned_pair(v, pair, token)`, the two values of a pair after the rotation of row `token`. It rounds as products do that rotate
 * (`rotated.wgsl.ts`). Needs `rotationParams`.
 */
export const turnCode = /* wgsl */ `${anglesCode}
fn turned_pair(v: vec2<f32>, pair: u32, token: u32) -> vec2<f32> {
  let cs = turn_of(pair, token);
  return vec2<f32>(fma(v.x, cs.x, -(v.y * cs.y)), fma(v.x, cs.y, v.y * cs.x));
}
`;

/** How a rotation reaches a head in WGSL. */
interface Rotated {
  readonly kind: RotationKind;
  /** WGSL of value `i` of the head. */
  readonly value: (i: string) => string;
  /** WGSL of the values of a head. */
  readonly n: string;
  /** WGSL of the row. */
  readonly token: string;
}

/** WGSL: rotates pair `pair` of a head and writes it from `y` on; other values are copied. Needs `turnCode`. */
export const rotateCode = ({ kind, value, n, token }: Rotated) => /* wgsl */ `
  let turned = p.nRot / 2u;
  if (pair >= turned) {
    arena[y + 2u * pair] = ${value('2u * pair')};
    if (2u * pair + 1u < ${n}) { arena[y + 2u * pair + 1u] = ${value('2u * pair + 1u')}; }
  } else {
    let a = ${kind === 'neox' ? 'pair' : '2u * pair'};
    let b = ${kind === 'neox' ? 'pair + turned' : '2u * pair + 1u'};
    let v = turned_pair(vec2<f32>(${value('a')}, ${value('b')}), pair, ${token});
    arena[y + a] = v.x;
    arena[y + b] = v.y;
  }`;

/**
 * WGSL: the same for the pairs `pair` and `pair + 1`, which are written as f16: two words. Needs `turnCode` and `to_halves`; heads have a
 * multiple of eight values, and a multiple of four of them is rotated.
 */
export const rotateToHalves = ({ kind, value, token }: Omit<Rotated, 'n'>) => {
  const values = (indices: readonly string[]) => indices.map(value).join(', ');
  const [step, apart] = kind === 'neox' ? ['1u', 'turned'] : ['2u', '1u'];
  return /* wgsl */ `
  let turned = p.nRot / 2u;
  if (pair >= turned) {
    let i = 2u * pair;
    let h = to_halves(vec4<f32>(${values(['i', 'i + 1u', 'i + 2u', 'i + 3u'])}));
    arena[y + pair] = h.x;
    arena[y + pair + 1u] = h.y;
  } else {
    let a = pair * ${step};
    let b = a + ${step};
    let v = turned_pair(vec2<f32>(${values(['a', `a + ${apart}`])}), pair, ${token});
    let w = turned_pair(vec2<f32>(${values(['b', `b + ${apart}`])}), pair + 1u, ${token});
    ${
      kind === 'neox'
        ? `let h = to_halves(vec4<f32>(v.x, w.x, v.y, w.y));
    arena[y + a / 2u] = h.x;
    arena[y + (a + turned) / 2u] = h.y;`
        : `let h = to_halves(vec4<f32>(v, w));
    arena[y + a / 2u] = h.x;
    arena[y + a / 2u + 1u] = h.y;`
    }
  }`;
};

/** @param stored how the result is stored; f16 as `rotateToHalves` demands */
export const rope = once((kind: RotationKind, stored: Stored): Kernel => {
  const isFloat = stored === 'f32';
  const rotated = { kind, value: (i: string) => floatAt(`x + ${i}`, 'f32', !isFloat), token: 'token' };
  return kernel({
    name: `rope ${kind}${storedName(stored)}`,
    params: {
      x: 'tensor',
      y: 'tensor',
      rows: 'u32',
      nHead: 'u32',
      headSize: 'u32',
      ...rotationParams,
    },
    enable: storedFeatures(stored),
    arena: isFloat ? 'f32' : 'u32',
    bindings: { turn: 'vec2<f32>' },
    code: /* wgsl */ `
${linearGroup}
${turnCode}${isFloat ? '' : halvesCode(stored)}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let threads = ${isFloat ? '(p.headSize + 1u) / 2u' : 'p.headSize / 4u'};
  let i = linear_group(wg, nwg) * 64u + t;
  let token = i / (threads * p.nHead);
  if (token >= p.rows) { return; }
  let head = (i / threads) % p.nHead;
  let pair = i % threads${isFloat ? '' : ' * 2u'};
  let x = p.xOff + token * p.xStride + head * p.headSize;
  let y = p.yOff + token * p.yStride + head * p.headSize${isFloat ? '' : ' / 2u'};
${isFloat ? rotateCode({ ...rotated, n: 'p.headSize' }) : rotateToHalves(rotated)}
}`,
  });
});

/** Writes the cosines and sines of all pairs of each row, for products that rotate. */
export const rotation: Kernel = kernel({
  name: 'rotation',
  params: { y: 'tensor', rows: 'u32', ...rotationParams },
  bindings: { turn: 'vec2<f32>' },
  code: /* wgsl */ `
${linearGroup}
${anglesCode}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = linear_group(wg, nwg) * 64u + t;
  let turned = p.nRot / 2u;
  let token = i / turned;
  if (token >= p.rows) { return; }
  let cs = turn_of(i % turned, token);
  let y = p.yOff + token * p.yStride + 2u * (i % turned);
  arena[y] = cs.x;
  arena[y + 1u] = cs.y;
}`,
});

/** Threads that rotate a head. */
export function ropeThreads(headSize: number, stored: Stored): number {
  return Math.ceil(headSize / (stored === 'f32' ? 2 : 4));
}
