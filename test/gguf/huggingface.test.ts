/**
 * @file Another reader, `@huggingface/gguf`, sees the same in real files and in files that we wrote.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFile } from '../../src/gguf/file.node.ts';
import { type GgufFile, type GgufValue, openGguf } from '../../src/gguf/index.ts';
import { ggufPlan, writePlan } from './arbitrary.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** As the other reader gives values: plain lists, booleans as such, and small 64 bit numbers as it likes. */
function plain(file: GgufFile, key: string): unknown {
  const { metadata } = file;
  const normal = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
  if (metadata.valueType(key) !== 'array') return normal(metadata.get(key));
  const { elementType, values } = metadata.array(key)!;
  return Array.from(values as Iterable<GgufValue>, (item) => (elementType === 'bool' ? item !== 0 : normal(item)));
}

async function compare(path: string): Promise<void> {
  const theirs = await gguf(path, { allowLocalFile: true });
  const ours = await openGguf(await openFile(path));
  const { version, tensor_count, kv_count, ...values } = theirs.metadata as Record<string, unknown>;
  expect(version).toBe(ours.version);
  expect(Number(tensor_count)).toBe(ours.tensors.size);
  expect(Number(kv_count)).toBe(ours.metadata.size);
  for (const key of ours.metadata.keys()) {
    const theirValue = values[key];
    const list = Array.isArray(theirValue)
      ? theirValue.map((item) => (typeof item === 'bigint' ? Number(item) : item))
      : undefined;
    expect(list ?? (typeof theirValue === 'bigint' ? Number(theirValue) : theirValue), key).toEqual(plain(ours, key));
  }
  expect(theirs.tensorInfos.map(({ name, shape, dtype }) => ({ name, shape: shape.map(Number), type: dtype }))).toEqual(
    Array.from(ours.tensors.values(), ({ name, shape, type }) => ({ name, shape, type: type.id })),
  );
  expect(theirs.tensorInfos.map(({ offset }) => Number(theirs.tensorDataOffset + offset))).toEqual(
    Array.from(ours.tensors.values(), ({ offset }) => offset),
  );
  await ours.close();
}

/** Keys that the other reader loses: it assigns them to a plain object that also holds the header's counts. */
const lostKeys = new Set(['__proto__', 'version', 'tensor_count', 'kv_count']);

const fixtures = new URL('../fixtures/models/', import.meta.url);

test('real models', async () => {
  const names = (await readdir(fixtures)).filter((name) => name.endsWith('.gguf')).sort();
  expect(names.length).toBeGreaterThan(0);
  for (const name of names.slice(0, 6)) await compare(new URL(name, fixtures).pathname);
});

test('files that we wrote', async () => {
  const path = join(folder, 'ours.gguf');
  const readByBoth = ggufPlan.filter(
    ({ values, tensors }) =>
      tensors.length > 0 &&
      values.every(
        ([key, { type, value }]) =>
          !lostKeys.has(key) && (type !== 'array' || (value as { elementType: string }).elementType !== 'array'),
      ),
  );
  await fc.assert(
    fc.asyncProperty(readByBoth, async (plan) => {
      await writeFile(path, await writePlan(plan));
      await compare(path);
    }),
    { numRuns: 30 },
  );
});
