/** @file Several workers load parts of a weight: together they read each byte once and give the same values. */
import { describe, expect, it } from 'vitest';
import type { GgmlTypeName } from '../../src/gguf/ggml-types.ts';
import { createWasmBackend, prepareWasm } from '../../src/kernels/wasm/index.ts';
import type { WeightRole, WeightSource } from '../../src/tensor/backend.ts';
import { normal } from '../random.ts';
import { countingBatch, source } from './graphs.ts';

/** The source, and how often each of its bytes was read. */
function counted(from: WeightSource): { source: WeightSource; times: Uint8Array } {
  const times = new Uint8Array(from.byteLength);
  const read: WeightSource['read'] = (at, into) => {
    for (let i = at; i < at + into.length; i++) times[i]++;
    return from.read(at, into);
  };
  return { source: { ...from, read }, times };
}

const weights = (type: GgmlTypeName): Record<string, readonly [WeightSource, WeightRole]> => ({
  table: [source('table', [64, 70], normal(64 * 70, 1), type), 'table'],
  narrow: [source('narrow', [64, 5], normal(64 * 5, 2), type), 'matrix'],
  odd: [source('odd', [64, 50], normal(64 * 50, 3), type), 'matrix'],
  wide: [source('wide', [64, 160], normal(64 * 160, 4), type), 'matrix'],
  experts: [source('experts', [64, 64, 3], normal(64 * 64 * 3, 5), type), 'matrix'],
  experts2: [source('experts2', [64, 64, 3], normal(64 * 64 * 3, 6), type), 'matrix'],
  router: [source('router', [64, 3], normal(64 * 3, 7), 'F32'), 'matrix'],
});

describe.each(['F32', 'F16', 'Q8_0'] as const)('%s', (type) => {
  it.each([
    ['in panels', {}],
    ['in blocks', { keepBlocks: true }],
    ['outside', { keepBlocks: true, weightBytes: 2 ** 22, insideBytes: 0 }],
  ])('weights %s that are loaded in parts', async (_, options) => {
    const sources = weights(type);
    const compute = async (nRanks: number | undefined) => {
      const backend = await createWasmBackend({ setup: await prepareWasm(options) });
      const handles = Object.fromEntries(
        Object.entries(sources).map(([name, [from, role]]) => [name, backend.allocate(from, role)]),
      );
      for (const [name, [from]] of Object.entries(sources)) {
        const { source: read, times } = counted(from);
        if (nRanks === undefined) await backend.fill(handles[name], read);
        // The last rank first: the order is open.
        else
          for (let rank = nRanks - 1; rank >= 0; rank--) await backend.fillPart!(handles[name], read, { rank, nRanks });
        expect(times.every((n) => n === 1)).toBe(true);
      }
      const { ops } = backend;
      ops.begin(countingBatch([70]));
      const x = ops.embedding(handles.table, 'ids');
      const { router, experts: up, experts2: down } = handles;
      const y = ops.moe(x, { router, up, down, nUsed: 2, activation: 'gelu', renormalise: true });
      return ops.read(
        ops.concat([y, ...['narrow', 'odd', 'wide'].map((name) => ops.linear(x, { weight: handles[name] }))]),
      );
    };
    const expected = await compute(undefined);
    for (const nRanks of [1, 2, 3, 8, 16]) expect(await compute(nRanks)).toEqual(expected);
  });
});
