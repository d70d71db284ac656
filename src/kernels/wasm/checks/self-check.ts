/**
 * @file Checks each hot kernel against plain loops. It runs at start-up if the engine is told to compile the kernels with an experimental
 * feature (V8's 256-bit packing): a kernel that gives wrong numbers must never be used.
 */

import type { Kernels } from '../kernels.ts';
import { columnChecks } from './columns.ts';
import { Operands } from './operands.ts';
import { productChecks } from './products.ts';
import { rowChecks } from './rows.ts';

const checks = [...productChecks, ...rowChecks, ...columnChecks];

/** Names of the kernels that are checked. */
export const checkedKernels = checks.map(([name]) => name);

/**
 * The first kernel that gives a wrong result, `undefined` when all are correct.
 * @param memory the memory of `kernels`, at least three pages; its content is overwritten
 */
export function findWrongKernel(kernels: Kernels, memory: WebAssembly.Memory): string | undefined {
  const on = new Operands(memory);
  return checks.find(([, check]) => !check(kernels, on))?.[0];
}
