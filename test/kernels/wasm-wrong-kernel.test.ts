/**
 * @file What happens when packing makes a kernel wrong: the kernels are compiled again without packing, the description says so.
 * A wrong kernel is planted in what the check at start-up tries.
 */
import { setFlagsFromString } from 'node:v8';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { lowBitChecks } from '../../src/kernels/wasm/checks/low-bit.ts';
import { checkedKernels } from '../../src/kernels/wasm/checks/self-check.ts';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import { type CompiledKernels, compileKernels, type Kernels } from '../../src/kernels/wasm/kernels.ts';

const disablePacking = vi.hoisted(() => vi.fn());
vi.mock('../../src/kernels/wasm/packing.node.ts', () => ({ disablePacking }));
const plant = vi.hoisted(() => ({ kernel: undefined as string | undefined }));
vi.mock('../../src/kernels/wasm/kernels.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/kernels/wasm/kernels.ts')>();
  return {
    ...original,
    tryKernels: async (compiled: CompiledKernels) => {
      const tried = await original.tryKernels(compiled);
      const { kernel } = plant;
      if (kernel === undefined) return tried;
      const bytes = () => new Uint8Array(tried.memory.buffer);
      const wrong = (parameters: never) => {
        const before = bytes().slice();
        const result = tried.kernels[kernel as keyof Kernels](parameters);
        bytes()[bytes().findLastIndex((value, i) => value !== before[i])] ^= 0x41;
        return result;
      };
      return { ...tried, kernels: { ...tried.kernels, [kernel]: wrong } };
    },
  };
});

// Node 20 has relaxed SIMD behind a flag; later ones have it anyway.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd');
const { relaxed } = await compileKernels(false);

describe('a kernel that packing makes wrong', () => {
  afterEach(() => {
    plant.kernel = undefined;
  });

  it.each([1, 2])('is found, named, and not used, with %i threads', async (nThreads) => {
    for (const kernel of checkedKernels()) {
      plant.kernel = kernel;
      disablePacking.mockClear();
      const setup = await prepareWasm({ nThreads, packed: true });
      expect(setup).toMatchObject({ packed: false, refused: kernel });
      expect(disablePacking).toHaveBeenCalledOnce();
      const backend = await createWasmBackend({ precision: 'high', setup, rank: 0 });
      expect(backend.description).toContain(`256-bit packing refused (${kernel})`);
    }
  });

  it('leaves packing on when all are right', async () => {
    expect(await prepareWasm({ packed: true })).toMatchObject({ packed: true });
  });

  it('is not looked for without packing', async () => {
    plant.kernel = checkedKernels()[0];
    expect(await prepareWasm()).not.toHaveProperty('refused');
  });
});

describe('a kernel that an experimental relaxed SIMD makes wrong', () => {
  afterEach(() => {
    plant.kernel = undefined;
  });

  it.skipIf(!relaxed)('is found and named, and the plain kernels are used', async () => {
    for (const kernel of checkedKernels()) {
      plant.kernel = kernel;
      const setup = await prepareWasm({ relaxed: 'checked' });
      expect(setup).toMatchObject({ relaxed: false, relaxedRefused: kernel });
      const backend = await createWasmBackend({ precision: 'fast', setup });
      expect(backend.description).toContain(`WebAssembly SIMD, relaxed SIMD refused (${kernel})`);
    }
  });

  it.skipIf(!relaxed)('leaves relaxed SIMD on when all are right', async () => {
    expect(await prepareWasm({ relaxed: 'checked' })).toMatchObject({ relaxed: true, relaxedRefused: undefined });
  });
});

describe('a wrong kernel of low-bit weights', () => {
  afterEach(() => {
    plant.kernel = undefined;
  });

  it.skipIf(!relaxed).each(lowBitChecks.map(([name]) => name))(
    '%s is found without packing too, named, and not used',
    async (kernel) => {
      const setup = await prepareWasm({ eightBits: 'never' });
      plant.kernel = kernel;
      const backend = await createWasmBackend({ precision: 'fast', setup });
      expect(backend.description).toContain(`8-bit activations refused (${kernel})`);
    },
  );
});
