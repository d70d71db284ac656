/** @file The start-up check of the kernels: it accepts the right ones and names a wrong one. */
import { setFlagsFromString } from 'node:v8';
import { expect, it } from 'vitest';
import { checkedKernels, findWrongKernel } from '../../src/kernels/wasm/checks/self-check.ts';
import { compileKernels, instantiateKernels, type Kernels } from '../../src/kernels/wasm/kernels.ts';

const memory = new WebAssembly.Memory({ initial: 4, maximum: 4 });
// Node 20 has relaxed SIMD behind a flag; later ones have it anyway.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
const { module } = await compileKernels(false);
const kernels: Kernels = await instantiateKernels(module, memory);

it('accepts the kernels as they are', () => {
  expect(findWrongKernel(kernels, memory)).toBeUndefined();
});

it.each(checkedKernels())('notices when %s is wrong in one byte of its result', (name) => {
  const bytes = new Uint8Array(memory.buffer);
  const broken: Kernels = {
    ...kernels,
    [name]: (parameters: never) => {
      const before = bytes.slice();
      const result = kernels[name](parameters);
      const changed = bytes.findLastIndex((value, i) => value !== before[i]);
      bytes[changed] ^= 0x41;
      return result;
    },
  };
  expect(findWrongKernel(broken, memory)).toBe(name);
});

it.each(checkedKernels())('notices when %s traps', (name) => {
  const broken: Kernels = {
    ...kernels,
    [name]: () => {
      throw new WebAssembly.RuntimeError('memory access out of bounds');
    },
  };
  expect(findWrongKernel(broken, memory)).toBe(name);
});

it('a module with a note computes the same', async () => {
  const another = await compileKernels(false, 'another');
  expect(findWrongKernel(await instantiateKernels(another.module, memory), memory)).toBeUndefined();
});
