/** @file Compiling the kernels keeps the event loop of Node busy, as long as it takes and no longer. */
import { afterEach, expect, it, vi } from 'vitest';
import { compileKernels } from '../../src/kernels/wasm/kernels.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const nTimers = (): number => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;

it('gives the main thread of Node 20 something to wait for, so that it can collect garbage for a thread that compiles', async () => {
  await import('../../src/kernels/wasm/module.generated.ts');
  const before = nTimers();
  let during = 0;
  const { compile } = WebAssembly;
  vi.spyOn(WebAssembly, 'compile').mockImplementation((bytes) => {
    during = nTimers();
    return compile(bytes);
  });
  await compileKernels(false);
  expect(during).toBe(before + 1);
  expect(nTimers()).toBe(before);
});

it('ends the wait when the kernels do not compile', async () => {
  const before = nTimers();
  vi.spyOn(WebAssembly, 'compile').mockRejectedValue(new Error('out of memory'));
  await expect(compileKernels(false)).rejects.toThrow('out of memory');
  expect(nTimers()).toBe(before);
});
