/**
 * @file Rotary position embedding: rotates pairs of values of each head by angles from a table.
 *
 * Idea     WGSL promises next to nothing about `cos` of a large angle, so the cosines and sines of every position are
 *          computed on the CPU, once (see `ops/rope.ts`), and bound as `turn[position · nRot/2 + i]`.
 * Threads  64, over tokens × pairs of a row; values that are not rotated are copied as pairs, too. Shared   none. Features none.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';

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

/**
 * WGSL: rotates pair `pair` of a head and writes it from `y` on; other values are copied. Needs `rotationParams`.
 * @param value WGSL of value `i` of the head
 * @param n WGSL of the values of a head
 * @param token WGSL of the row
 */
export const rotateCode = (kind: RotationKind, value: (i: string) => string, n: string, token: string) => /* wgsl */ `
  let turned = p.nRot / 2u;
  if (pair >= turned) {
    arena[y + 2u * pair] = ${value('2u * pair')};
    if (2u * pair + 1u < ${n}) { arena[y + 2u * pair + 1u] = ${value('2u * pair + 1u')}; }
  } else {
    let a = ${kind === 'neox' ? 'pair' : '2u * pair'};
    let b = ${kind === 'neox' ? 'pair + turned' : '2u * pair + 1u'};
    var at = p.positionsAt + ${token};
    var frequency = pair;
    if (p.turnsAt != 0xffffffffu) {
      at = p.positionsAt + 4u * ${token} + u32(batch[p.turnsAt + 2u * pair]);
      frequency = u32(batch[p.turnsAt + 2u * pair + 1u]);
    }
    let cs = turn[u32(batch[at]) * p.nFrequencies + frequency];
    let v = vec2<f32>(${value('a')}, ${value('b')});
    arena[y + a] = v.x * cs.x - v.y * cs.y;
    arena[y + b] = v.x * cs.y + v.y * cs.x;
  }`;

export const rope = once(
  (kind: RotationKind): Kernel =>
    kernel({
      name: `rope ${kind}`,
      params: {
        x: 'tensor',
        y: 'tensor',
        rows: 'u32',
        nHead: 'u32',
        headSize: 'u32',
        ...rotationParams,
      },
      bindings: { turn: 'vec2<f32>' },
      code: /* wgsl */ `
${linearGroup}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let pairs = (p.headSize + 1u) / 2u;
  let i = linear_group(wg, nwg) * 64u + t;
  let token = i / (pairs * p.nHead);
  if (token >= p.rows) { return; }
  let head = (i / pairs) % p.nHead;
  let pair = i % pairs;
  let x = p.xOff + token * p.xStride + head * p.headSize;
  let y = p.yOff + token * p.yStride + head * p.headSize;
${rotateCode(kind, (i) => `arena[x + ${i}]`, 'p.headSize', 'token')}
}`,
    }),
);
