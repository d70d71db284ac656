/** @file Metadata that a worker has released throws instead of answering that a key is missing. */
import { expect, it } from 'vitest';
import { openFile } from '../../src/gguf/file.node.ts';
import { openGguf } from '../../src/gguf/index.ts';
import { bundled } from '../engine/support.ts';

it('throws at every read, and keeps no bytes', async () => {
  const source = await openFile(bundled);
  const { metadata } = await openGguf(source);
  await source.close();
  expect(metadata.has('bert.block_count')).toBe(true);
  metadata.release();
  expect(metadata.header).toHaveLength(0);
  for (const read of [
    () => metadata.has('bert.block_count'),
    () => metadata.u32('bert.block_count'),
    () => metadata.strings('tokenizer.ggml.tokens'),
    () => metadata.get('no.such.key'),
    () => metadata.size,
    () => [...metadata.keys()],
  ]) {
    expect(read).toThrow(`the metadata of ${bundled} has been released`);
  }
  metadata.release();
});
