/**
 * @file Checks each hot kernel against plain loops. It runs at start-up if the engine is told to compile the kernels with an experimental
 * feature (V8's 256-bit packing), and for products of low-bit weights before they are used: a kernel that gives wrong numbers must never be
 * used.
 */

import type { Kernels } from '../kernels.ts';
import { columnChecks } from './columns.ts';
import { lowBitChecks } from './low-bit.ts';
import { type Checks, Operands } from './operands.ts';
import { productChecks } from './products.ts';
import { rowChecks } from './rows.ts';

/** The checks at start-up; low-bit weights have theirs when products with them are chosen. */
const checks: Checks = [...productChecks, ...rowChecks, ...columnChecks];

/** Names of the kernels that are checked at start-up. */
export function checkedKernels(): (keyof Kernels)[] {
  return checks.map(([name]) => name);
}

/**
 * The first kernel that gives a wrong result or traps, `undefined` when all are correct.
 * @param memory the memory of `kernels`, at least three pages; its content is overwritten
 */
export function findWrongKernel(kernels: Kernels, memory: WebAssembly.Memory): string | undefined {
  return firstWrong(checks, kernels, memory);
}

/** As `findWrongKernel`, among the kernels of low-bit weights, which only a module with relaxed SIMD has. */
export function findWrongLowBitKernel(kernels: Kernels, memory: WebAssembly.Memory): string | undefined {
  return firstWrong(lowBitChecks, kernels, memory);
}

/** A kernel that traps is as wrong as one with wrong numbers. */
function passes(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return false;
    throw error;
  }
}

function firstWrong(checks: Checks, kernels: Kernels, memory: WebAssembly.Memory): string | undefined {
  const on = new Operands(memory);
  return checks.find(([, check]) => !passes(() => check(kernels, on)))?.[0];
}
