/**
 * @file Counts the checks of kernels, for tests of the record of those that have passed. A test file mocks the module of the check with `counted`.
 */
type SelfCheck = typeof import('../../src/kernels/wasm/checks/self-check.ts');

/** How many checks there were, and the name of the kernel that is found to be wrong, if there is one. */
export const checks = { n: 0, wrong: undefined as string | undefined };

/** The module of the check, which counts. */
export async function counted(importOriginal: () => Promise<SelfCheck>) {
  const original = await importOriginal();
  return {
    ...original,
    findWrongKernel: (...args: Parameters<SelfCheck['findWrongKernel']>) => {
      checks.n++;
      return checks.wrong ?? original.findWrongKernel(...args);
    },
  };
}
