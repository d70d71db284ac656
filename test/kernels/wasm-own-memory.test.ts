/** @file Workers that compute alone never use bytes of another one, however much each needs and in whatever order. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KernelMemory, maxMemoryBytes } from '../../src/kernels/wasm/memory.ts';

const nRanks = 3;
const weightBytes = 100_000;

function workers() {
  const shared = new WebAssembly.Memory({ initial: 16, maximum: maxMemoryBytes / 65536, shared: true });
  return Array.from({ length: nRanks }, () => {
    const memory = new KernelMemory(shared);
    memory.allocate(weightBytes, 'weights');
    return memory;
  });
}

it('gives each rank bytes of its own behind the weights', () => {
  const call = fc.record({
    rank: fc.nat(nRanks - 1),
    bytes: fc.integer({ min: 1, max: 3_000_000 }),
    nTokens: fc.integer({ min: 1, max: 300 }),
  });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 20 }), (calls) => {
      const memories = workers();
      const last = new Map<number, readonly [begin: number, end: number]>();
      for (const { rank, bytes, nTokens } of calls) {
        const memory = memories[rank];
        const begin = memory.own(bytes, nTokens, rank, nRanks);
        expect(begin).toBeGreaterThanOrEqual(memory.slabs);
        expect(begin + bytes).toBeLessThanOrEqual(memory.memory.buffer.byteLength);
        last.set(rank, [begin, begin + bytes]);
        for (const [other, [from, to]] of last) {
          if (other !== rank) expect(begin >= to || begin + bytes <= from, `ranks ${rank} and ${other}`).toBe(true);
        }
      }
    }),
  );
});

it('reserves no more than 256 MiB, whatever the first batch needs for few tokens', () => {
  const shared = new WebAssembly.Memory({ initial: 16, maximum: maxMemoryBytes / 65536, shared: true });
  const memories = Array.from({ length: 100 }, () => new KernelMemory(shared));
  const starts = memories.map((memory, rank) => memory.own(2_000_000, 2, rank, memories.length));
  expect(starts[99] + 2_000_000).toBeLessThan(2 ** 28);
  const added = memories[0].own(3_000_000, 2, 0, memories.length);
  expect(added).toBeGreaterThanOrEqual(starts[99] + 2_000_000);
});

it('adds pages where the slabs of all ranks would end behind 4 GiB', () => {
  const [memory] = workers();
  memory.allocate(maxMemoryBytes - 2 ** 20 - weightBytes - 2 ** 17, 'more weights');
  expect(memory.own(200_000, 2, 1, nRanks)).toBeLessThan(2 ** 24);
});

it('takes the memory in which a team has its slabs, and no more for batches of the usual size', () => {
  const memories = workers();
  memories[0].ensure(memories[0].slabs + 10_000_000);
  const before = memories[0].memory.buffer.byteLength;
  for (let turn = 0; turn < 3; turn++) {
    for (const [rank, memory] of memories.entries()) {
      for (const nTokens of [34, 256, 17]) memory.own(nTokens * 10_000, nTokens, rank, nRanks);
    }
  }
  expect(memories[0].memory.buffer.byteLength).toBe(before);
});
