/**
 * @file The plain data that `inspect` prints.
 */
import { expect, test } from 'vitest';
import { describeGguf, GgufWriter, ggmlTypes, memorySink, memorySource, openGguf } from '../../src/gguf/index.ts';

test('a file is described in values that JSON can hold', async () => {
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  writer.set('name', { type: 'string', value: 'x' });
  writer.set('big', { type: 'uint64', value: 2n ** 60n });
  writer.set('infinite', { type: 'float32', value: Number.POSITIVE_INFINITY });
  writer.set('flags', { type: 'array', value: { elementType: 'bool', values: [true, false] } });
  writer.set('words', { type: 'array', value: { elementType: 'string', values: ['a', 'b', 'c'] } });
  const nested = { elementType: 'array', values: [{ elementType: 'int64', values: [1n] }] } as const;
  writer.set('nested', { type: 'array', value: nested });
  writer.addTensor('t', ggmlTypes.Q8_0, [64, 2]);
  await writer.writeHeader();
  await writer.writeTensor('t', [new Uint8Array(136)]);
  writer.finish();
  const description = describeGguf(await openGguf(memorySource(sink.bytes(), 'f')), 2);
  expect(JSON.parse(JSON.stringify(description))).toEqual({
    name: 'f',
    size: 448,
    version: 3,
    byteOrder: 'little-endian',
    alignment: 32,
    dataOffset: 288,
    parameters: 128,
    tensorBytes: 136,
    metadata: [
      { key: 'name', type: 'string', value: 'x' },
      { key: 'big', type: 'uint64', value: '1152921504606846976' },
      { key: 'infinite', type: 'float32', value: 'Infinity' },
      { key: 'flags', type: 'array', elementType: 'bool', length: 2, shortened: false, value: [true, false] },
      { key: 'words', type: 'array', elementType: 'string', length: 3, shortened: true, value: ['a', 'b'] },
      { key: 'nested', type: 'array', elementType: 'array', length: 1, shortened: false, value: [['1']] },
    ],
    tensors: [{ name: 't', type: 'Q8_0', shape: [64, 2], parameters: 128, offset: 288, bytes: 136 }],
  });
});
