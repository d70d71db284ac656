/** @file A file opened from its snapshot has the values and tensors of the original, except for arrays that were left out. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openFile } from '../../src/gguf/file.node.ts';
import { memorySource, openGguf, openSnapshot, takeSnapshot } from '../../src/gguf/index.ts';
import { bundled } from '../engine/support.ts';
import { ggufPlan, writePlan } from './arbitrary.ts';

test('random files have the same values after a snapshot went through a message', async () => {
  await fc.assert(
    fc.asyncProperty(ggufPlan, async (plan) => {
      const bytes = await writePlan(plan);
      const file = await openGguf(memorySource(bytes));
      const copy = openSnapshot(structuredClone(takeSnapshot(file)), memorySource(bytes));
      const values = ({ metadata }: typeof file) =>
        Array.from(metadata.keys(), (key) => [key, metadata.typed(key), metadata.offset(key)]);
      expect(plain(values(copy))).toEqual(plain(values(file)));
      expect([...copy.tensors]).toEqual([...file.tensors]);
    }),
    { numRuns: 200 },
  );
});

/** Lists instead of arrays of strings that decode on access. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Symbol.iterator in value) return Array.from(value as Iterable<unknown>, plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

test('an array that was left out has its length, and throws when its values are read', async () => {
  const source = await openFile(bundled);
  const file = await openGguf(source);
  const keys = ['tokenizer.ggml.tokens', 'tokenizer.ggml.token_type', 'no.such.key'];
  const snapshot = takeSnapshot(file, keys);
  const { metadata } = openSnapshot(snapshot, source);
  await source.close();
  expect(snapshot.header.length).toBeLessThan(200_000);
  const tokens = metadata.strings('tokenizer.ggml.tokens')!;
  expect(tokens).toHaveLength(30522);
  for (const read of [() => tokens.at(7), () => tokens.bytes(7), () => [...tokens]]) {
    expect(read).toThrow('stayed with another thread');
  }
  expect(() => metadata.numbers('tokenizer.ggml.token_type')).toThrow('stayed with another thread');
  expect(metadata.has('no.such.key')).toBe(false);
  expect([...metadata.keys()]).toEqual([...file.metadata.keys()]);
  expect(metadata.string('general.architecture')).toBe('bert');
});
