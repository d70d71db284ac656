/**
 * @file Element by element: add, activate, gate.
 *
 * Threads  64, one value each. Shared none. Features none.
 */
import { type Kernel, kernel, linearGroup, once } from '../kernel.ts';
import { activateCode } from './epilogue.wgsl.ts';

const expressions = {
  add: 'a + p.factor * b',
  activate: 'activate(a, p.activation)',
  glu: 'activate(a, p.activation) * b',
} as const;

/** `y = f(a, b)`; `activate` ignores `b`. */
export const elementwise = once(
  (operation: keyof typeof expressions): Kernel =>
    kernel({
      name: operation,
      params: { a: 'tensor', b: 'tensor', y: 'tensor', rows: 'u32', cols: 'u32', activation: 'u32', factor: 'f32' },
      code: /* wgsl */ `
${linearGroup}
${activateCode}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let i = linear_group(wg, nwg) * 64u + t;
  let row = i / p.cols;
  let c = i % p.cols;
  if (row >= p.rows) { return; }
  let a = arena[p.aOff + row * p.aStride + c];
  ${operation === 'activate' ? '' : 'let b = arena[p.bOff + row * p.bStride + c];'}
  arena[p.yOff + row * p.yStride + c] = ${expressions[operation]};
}`,
    }),
);
