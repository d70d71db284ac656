/**
 * @file What a BERT cross-encoder keeps of its checkout: pooler, token types, outputs.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { Reranker } from '../../src/index.ts';
import { unpackCheckout } from './support.ts';

const key = 'gguf_embed.pair_token_types';
let folder: string;
beforeEach(() => {
  folder = unpackCheckout('bert-rerank');
});
afterEach(() => rmSync(dirname(folder), { recursive: true }));

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

function changeJson(file: string, change: (json: Record<string, unknown>) => void): void {
  const path = join(folder, file);
  const json = JSON.parse(readFileSync(path, 'utf8'));
  change(json);
  writeFileSync(path, JSON.stringify(json));
}

/** Changes the header of the safetensors file and puts `more` behind its data. */
function changeTensors(change: (header: Header, dataLength: number) => void, more = new Uint8Array(0)): void {
  const path = join(folder, 'model.safetensors');
  const bytes = readFileSync(path);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, end));
  const data = bytes.subarray(end);
  change(header, data.length);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([size, text, data, more]));
}

async function converted(): Promise<{ bytes: Uint8Array; file: GgufFile }> {
  const output = join(dirname(folder), 'out.gguf');
  await convertFolder(folder, output, 'F32');
  const bytes = readFileSync(output);
  return { bytes, file: await openGguf(memorySource(bytes)) };
}

it('keeps the pooler as cls, both rows of token types, and says that pairs have types', async () => {
  const { file } = await converted();
  expect(file.metadata.bool(key)).toBe(true);
  expect(file.tensors.get('cls.weight')?.shape).toEqual([16, 16]);
  expect(file.tensors.get('cls.bias')?.shape).toEqual([16]);
  expect(file.tensors.get('cls.output.weight')?.shape).toEqual([16, 1]);
  expect(file.tensors.get('token_types.weight')?.shape).toEqual([16, 2]);
});

it('does not say so of a model with one token type, or of a tokenizer that gives none', async () => {
  changeJson('tokenizer_config.json', (json) => {
    json.model_input_names = ['input_ids', 'attention_mask'];
  });
  expect((await converted()).file.metadata.has(key)).toBe(false);
  changeJson('tokenizer_config.json', (json) => {
    json.model_input_names = ['input_ids', 'token_type_ids', 'attention_mask'];
  });
  expect((await converted()).file.metadata.bool(key)).toBe(true);
  changeJson('config.json', (json) => {
    json.type_vocab_size = 1;
  });
  expect((await converted()).file.metadata.has(key)).toBe(false);
});

it.each([undefined, { 0: 'LABEL_0', 1: 'LABEL_1' }])(
  'keeps two outputs that have only default labels, %j',
  async (id2label) => {
    changeJson('config.json', (json) => {
      json.id2label = id2label;
    });
    changeTensors((header, dataLength) => {
      header['classifier.weight'] = { dtype: 'F16', shape: [2, 16], data_offsets: [dataLength, dataLength + 64] };
      header['classifier.bias'] = { dtype: 'F16', shape: [2], data_offsets: [dataLength + 64, dataLength + 68] };
    }, new Uint8Array(68).fill(0x34));
    const { bytes, file } = await converted();
    expect(file.tensors.get('cls.weight')?.shape).toEqual([16, 16]);
    expect(file.tensors.get('cls.output.weight')?.shape).toEqual([16, 2]);
    const reranker = await Reranker.load(bytes, { backend: 'reference', worker: false });
    expect(reranker.info.labels).toEqual(['LABEL_0', 'LABEL_1']);
    // Both outputs have the same weights.
    const [{ score }] = (await reranker.rank('a', ['b'], { scores: 'probability' })).results;
    expect(score).toBeCloseTo(0.5, 6);
    await reranker.dispose();
  },
);

it('other BERT classes drop the pooler as before', async () => {
  changeJson('config.json', (json) => {
    json.architectures = ['BertModel'];
    json.id2label = undefined;
  });
  changeTensors((header) => {
    delete header['classifier.weight'];
    delete header['classifier.bias'];
  });
  const { file } = await converted();
  expect([...file.tensors.keys()].filter((name) => name.startsWith('cls'))).toEqual([]);
  expect(file.metadata.has(key)).toBe(false);
});
