/** @file A table whose rows come when a batch needs them: each once, the same bits, and none after an error. */
import { expect, it } from 'vitest';
import type { OnDemandReads } from '../../src/gguf/source.ts';
import { createWasmBackend } from '../../src/kernels/wasm/index.ts';
import { normal } from '../random.ts';
import { pack, source } from './graphs.ts';

const [k, nVocab] = [96, 6000];

/** A backend with a table of Q8_0, and the offsets that it reads on demand. */
async function tableOnDemand(onDemand: boolean, assertUnchanged = () => {}, yields = false) {
  const whole = source('table', [k, nVocab], normal(k * nVocab, 1), 'F32');
  const read: [offset: number, length: number][] = [];
  const reads: OnDemandReads = {
    read(offset, into) {
      read.push([offset, into.length]);
      // The source is in memory: it fills `into` before its promise resolves.
      void whole.read(offset, into);
    },
    assertUnchanged,
  };
  const backend = await createWasmBackend({ yields });
  const table = backend.allocate({ ...whole, onDemand: onDemand ? reads : undefined }, 'table');
  await backend.fill(table, whole);
  const look = async (ids: number[]) => {
    backend.ops.begin(pack([ids]));
    return backend.ops.read(backend.ops.embedding(table, 'ids'));
  };
  return { backend, look, read };
}

it('reads each part of the table once, when a batch needs it', async () => {
  const { backend, look, read } = await tableOnDemand(true);
  const all = await tableOnDemand(false);
  expect([backend.readsOnDemand, all.backend.readsOnDemand]).toEqual([true, false]);
  expect(read).toEqual([]);
  expect(await look([7, 7, 8])).toEqual(await all.look([7, 7, 8]));
  expect(read).toHaveLength(1);
  const ids = [nVocab - 1, 0, 7, 3000, nVocab - 1];
  expect(await look(ids)).toEqual(await all.look(ids));
  const begun = read.length;
  expect(await look(ids)).toEqual(await all.look(ids));
  expect(read).toHaveLength(begun);
  for (const [offset, length] of read) {
    expect(length).toBeLessThanOrEqual(16384);
    expect(offset + length).toBeLessThanOrEqual(k * 4 * nVocab);
  }
  const every = Array.from({ length: nVocab }, (_, id) => id);
  expect(Buffer.from((await look(every)).buffer).equals(Buffer.from((await all.look(every)).buffer))).toBe(true);
  expect(new Set(read.map(([offset]) => offset)).size).toBe(read.length);
  expect(read.reduce((sum, [, length]) => sum + length, 0)).toBe(k * 4 * nVocab);
});

it.each([false, true])('does not count rows as read when the file has changed (yields: %s)', async (yields) => {
  let isChanged = true;
  const assertUnchanged = () => {
    if (isChanged) throw new Error('changed');
  };
  const { look, read } = await tableOnDemand(true, assertUnchanged, yields);
  await expect(look([5])).rejects.toThrow('changed');
  await expect(look([5])).rejects.toThrow('changed');
  expect(read).toHaveLength(2);
  isChanged = false;
  expect(await look([5])).toHaveLength(k);
  expect(read).toHaveLength(3);
});
