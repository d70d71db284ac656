/**
 * @file What is written is what is read: random files of every version, byte order, value type and tensor type.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ArrayToWrite, GgufWriter, memorySink, memorySource, openGguf } from '../../src/gguf/index.ts';
import { ggufPlan, writePlan } from './arbitrary.ts';

/** Arrays as plain lists, whatever they were before. */
function plain({ elementType, values }: ArrayToWrite): unknown[] {
  if (elementType === 'array') return values.map(plain);
  if (elementType === 'string') return Array.from(values as Iterable<string>);
  return Array.from(values as Iterable<unknown>, (item) => (elementType === 'bool' ? Boolean(item) : item));
}

test('random files come back as they were written', async () => {
  await fc.assert(
    fc.asyncProperty(ggufPlan, fc.integer({ min: 0 }), async (plan, cut) => {
      const file = await openGguf(memorySource(await writePlan(plan)));
      expect(file.version).toBe(plan.options.version);
      expect(file.littleEndian).toBe(plan.options.littleEndian);
      expect(file.alignment).toBe(plan.alignment ?? 32);
      const keys = plan.values.map(([key]) => key);
      expect([...file.metadata.keys()]).toEqual(plan.alignment === undefined ? keys : [...keys, 'general.alignment']);
      for (const [key, item] of plan.values) {
        expect(file.metadata.valueType(key)).toBe(item.type);
        if (item.type === 'array') expect(plain(file.metadata.array(key)!)).toEqual(plain(item.value));
        else expect(file.metadata.get(key)).toEqual(item.value);
      }
      expect([...file.tensors.keys()]).toEqual(plan.tensors.map(({ name }) => name));
      for (const { name, type, shape, data } of plan.tensors) {
        const info = file.tensors.get(name)!;
        expect(info).toMatchObject({ name, type, shape, byteLength: data.length });
        const from = cut % (data.length + 1);
        const into = new Uint8Array(data.length - from);
        await file.readTensor(info, from, into);
        expect(into).toEqual(data.subarray(from));
      }
    }),
    { numRuns: 300 },
  );
});

test('a file copied value by value is the same file', async () => {
  await fc.assert(
    fc.asyncProperty(ggufPlan, async (plan) => {
      const bytes = await writePlan(plan);
      const file = await openGguf(memorySource(bytes));
      const sink = memorySink();
      const writer = new GgufWriter(sink, { littleEndian: file.littleEndian, version: file.version });
      for (const key of file.metadata.keys()) writer.set(key, file.metadata.typed(key)!);
      for (const { name, type, shape } of file.tensors.values()) writer.addTensor(name, type, shape);
      await writer.writeHeader();
      for (const info of file.tensors.values()) {
        const data = new Uint8Array(info.byteLength);
        await file.readTensor(info, 0, data);
        await writer.writeTensor(info.name, [data]);
      }
      writer.finish();
      expect(sink.bytes()).toEqual(bytes);
    }),
    { numRuns: 100 },
  );
});
