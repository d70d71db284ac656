/**
 * @file Every checkout gives the same bytes as llama.cpp's converter.
 */
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convertFolder } from '../../src/convert/convert-folder.node.ts';
import { firstDifference, readExpected, unpackCheckout } from './support.ts';

const names = [
  'bert-mean',
  'bert-cls-sharded',
  'bert-torch',
  'bert-rerank',
  'distilbert-mean',
  'xlmr-mean',
  'xlmr-rerank',
  'nomic-bert',
  'modern-bert',
];

describe.each(names)('%s', (name) => {
  let path: string;
  beforeAll(() => {
    path = unpackCheckout(name);
  });
  afterAll(() => rmSync(dirname(path), { recursive: true }));

  test.each(['F32', 'F16', 'Q8_0'] as const)('%s', async (type) => {
    const output = join(dirname(path), `${type}.gguf`);
    await convertFolder(path, output, type);
    expect(await firstDifference(await readFile(output), readExpected(name)[type])).toBeUndefined();
  });
});
