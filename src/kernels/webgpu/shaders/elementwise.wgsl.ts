/**
 * @file Element by element: add, activate, gate.
 *
 * Threads  64, one value each. Shared none. Features none.
 */
import { eachValue, type Kernel, kernel, once } from '../kernel.ts';
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
      code: eachValue(
        /* wgsl */ `
  let a = arena[p.aOff + row * p.aStride + c];
  ${operation === 'activate' ? '' : 'let b = arena[p.bOff + row * p.bStride + c];'}
  arena[p.yOff + row * p.yStride + c] = ${expressions[operation]};`,
        activateCode,
      ),
    }),
);
