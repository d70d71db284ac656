/**
 * @file Rotary position embedding: rotates pairs of values of each head by angles from a table.
 *
 * Idea     WGSL promises next to nothing about `cos` of a large angle, so the cosines and sines of every position are
 *          computed on the CPU, once (see `ops/rope.ts`), and bound as `turn[position · nRot/2 + i]`.
 * Threads  64, over tokens × pairs of a row; values that are not rotated are copied as pairs, too.
 * Shared   none. Features none.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';

/** @param neox pairs (i, i + nRot/2) in place of (2i, 2i + 1) */
export const rope = once(
  (neox: boolean): Kernel =>
    kernel({
      name: `rope ${neox ? 'neox' : 'norm'}`,
      params: {
        x: 'tensor',
        y: 'tensor',
        rows: 'u32',
        nHead: 'u32',
        headSize: 'u32',
        nRot: 'u32',
        positionsAt: 'u32',
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
  let turned = p.nRot / 2u;
  if (pair >= turned) {
    arena[y + 2u * pair] = arena[x + 2u * pair];
    if (2u * pair + 1u < p.headSize) { arena[y + 2u * pair + 1u] = arena[x + 2u * pair + 1u]; }
    return;
  }
  let a = ${neox ? 'pair' : '2u * pair'};
  let b = ${neox ? 'pair + turned' : '2u * pair + 1u'};
  let cs = turn[u32(batch[p.positionsAt + token]) * turned + pair];
  let v = vec2<f32>(arena[x + a], arena[x + b]);
  arena[y + a] = v.x * cs.x - v.y * cs.y;
  arena[y + b] = v.x * cs.y + v.y * cs.x;
}`,
    }),
);
