/** @file Which weights stay in the blocks of their files. */
import { expect, it } from 'vitest';
import { keepsBlocks, weightBytes } from '../../src/engine/load/keep-blocks.ts';
import { ggmlTypes, rowBytes } from '../../src/gguf/ggml-types.ts';

/** A file with one matrix of about `bytes` bytes. */
function file(typeName: keyof typeof ggmlTypes, bytes: number) {
  const type = ggmlTypes[typeName];
  const rows = Math.round(bytes / rowBytes(type, 1024));
  const byteLength = rows * rowBytes(type, 1024);
  return { tensors: new Map([['w', { name: 'w', type, shape: [1024, rows], offset: 0, byteLength }]]) };
}

it.each([
  // Below 500 MB, speed counts.
  ['high', 'Q4_K', 250e6, false],
  ['high', 'Q6_K', 430e6, false],
  ['exact', 'F16', 490e6, false],
  // Above, 1.25 times the file.
  ['exact', 'F16', 510e6, true],
  ['high', 'F16', 510e6, false],
  ['high', 'Q8_0', 510e6, false],
  ['high', 'Q8_0', 1000e6, false],
  ['high', 'Q8_K', 510e6, true],
  ['fast', 'Q8_K', 510e6, false],
  // Above 1 GiB unpacked, the room in WebAssembly memory.
  ['high', 'Q4_K', 310e6, true],
  ['fast', 'Q4_K', 310e6, true],
  ['high', 'Q8_0', 1100e6, true],
  ['high', 'F16', 1100e6, true],
  ['exact', 'F32', 1000e6, false],
] as const)('%s: %s of %d bytes: %s', (precision, type, bytes, kept) => {
  expect(keepsBlocks([file(type, bytes)], precision)).toBe(kept);
});

it('counts all files of a model', () => {
  const halves = [file('Q8_K', 255e6), file('Q8_K', 255e6)];
  expect(keepsBlocks(halves.slice(1), 'high')).toBe(false);
  expect(keepsBlocks(halves, 'high')).toBe(true);
  expect(weightBytes(halves)).toBe(2 * weightBytes(halves.slice(1)));
});
