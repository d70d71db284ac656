import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { GgufWriter, memorySink, memorySource } from '../../src/gguf/index.ts';
import { Embedder, loadTokenizer, openGguf } from '../../src/index.ts';
import { fixture, recorded } from './support.ts';

const { cases } = recorded<{ cases: { text: string; tokens: number[] }[] }>('embed/bert-mean');

/** A file with the metadata of a model and none of its tensors. */
async function vocabularyOnly(path: string): Promise<Uint8Array> {
  const { metadata } = await openGguf(memorySource(await readFile(path)));
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  for (const key of metadata.keys()) writer.set(key, metadata.typed(key)!);
  await writer.writeHeader();
  await writer.finish();
  return sink.bytes();
}

describe('loadTokenizer', () => {
  it('reads a file that holds a vocabulary and no weights', async () => {
    const bytes = await vocabularyOnly(fixture('bert-mean'));
    const tokenizer = await loadTokenizer(bytes);
    for (const { text, tokens } of cases) expect(tokenizer.encode(text)).toEqual(tokens);
    await expect(Embedder.load(bytes, { backend: 'reference' })).rejects.toThrow(/tensor \S+ is missing/);
  });

  it('reads a gzipped file', async () => {
    const zipped = gzipSync(await vocabularyOnly(fixture('bert-mean')));
    const tokenizer = await loadTokenizer(zipped);
    expect(tokenizer.encode(cases[1].text)).toEqual(cases[1].tokens);
  });

  it('says what is wrong', async () => {
    await expect(loadTokenizer('nowhere.gguf')).rejects.toThrow('the file does not exist');
  });
});

it('loads a gzipped model', async () => {
  const bytes = await readFile(fixture('bert-mean'));
  const plain = await Embedder.load(bytes, { backend: 'reference' });
  const zipped = await Embedder.load(gzipSync(bytes), { backend: 'reference' });
  expect((await zipped.embed('a')).vectors).toEqual((await plain.embed('a')).vectors);
  await Promise.all([plain.dispose(), zipped.dispose()]);
});
