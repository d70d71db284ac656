/**
 * @file Checkouts that must be refused, and what is left of a conversion that fails.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConvertError } from '../../src/convert/conversion-error.ts';
import { convertFolder } from '../../src/convert/file.node.ts';
import { memorySource, openGguf } from '../../src/gguf/index.ts';
import { convertAsLlamaCpp, firstDifference, readDescription, unpackCheckout } from './support.ts';

let path: string;
let output: string;

function use(name: string): void {
  path = unpackCheckout(name);
  output = join(dirname(path), 'out.gguf');
}

afterEach(() => rmSync(dirname(path), { recursive: true }));

/** Changes the JSON of a file. */
function edit(file: string, change: (json: Record<string, never>) => unknown): void {
  const whole = join(path, file);
  const json = JSON.parse(readFileSync(whole, 'utf8'));
  writeFileSync(whole, JSON.stringify(change(json) ?? json));
}

async function refusal(): Promise<string> {
  const error = await convertFolder(path, output, 'F16').catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConvertError);
  expect(readdirSync(dirname(path))).toEqual([path.split('/').at(-1)]);
  return (error as Error).message;
}

describe('safetensors', () => {
  beforeEach(() => use('bert-rerank'));
  const file = 'model.safetensors';
  const weights = () => readFileSync(join(path, file));

  test('cut off', async () => {
    writeFileSync(join(path, file), weights().subarray(0, 500_000));
    expect(await refusal()).toMatch(/model\.safetensors: tensor .*: bytes \d+ to \d+ of the data do not hold F16 \[/);
  });

  test('with a value that is not finite', async () => {
    const bytes = weights();
    bytes.writeUInt16LE(0x7c00, bytes.length - 2);
    writeFileSync(join(path, file), bytes);
    expect(await refusal()).toMatch(/^tensor .*: value \d+ is Infinity$/);
  });

  test('with a header that is too long', async () => {
    const bytes = weights();
    bytes.writeBigUInt64LE(2n ** 63n, 0);
    writeFileSync(join(path, file), bytes);
    expect(await refusal()).toContain('the header is said to have 9223372036854775808 bytes, but');
  });

  test('with a header that is no JSON', async () => {
    const bytes = weights();
    bytes.fill(0x20, 8, 20);
    writeFileSync(join(path, file), bytes);
    expect(await refusal()).toContain('model.safetensors: the header is not JSON');
  });

  test('empty', async () => {
    writeFileSync(join(path, file), '');
    expect(await refusal()).toContain('the file has 0 bytes, too few for a safetensors file');
  });

  test('missing', async () => {
    rmSync(join(path, file));
    expect(await refusal()).toBe(
      'bert-rerank: there are no weights: neither model*.safetensors nor pytorch_model*.bin',
    );
  });
});

describe('config and tokenizer', () => {
  beforeEach(() => use('bert-rerank'));

  test('no config', async () => {
    rmSync(join(path, 'config.json'));
    expect(await refusal()).toBe(
      'bert-rerank: there is no config.json; the folder of a Hugging Face model was expected',
    );
  });

  test('unknown class', async () => {
    edit('config.json', (json) => ({ ...json, architectures: ['GPT2LMHeadModel'] }));
    expect(await refusal()).toMatch(/^config\.json: the class GPT2LMHeadModel is not known; known are BertModel, /);
  });

  test('an activation that the architecture does not have', async () => {
    edit('config.json', (json) => ({ ...json, hidden_act: 'relu' }));
    expect(await refusal()).toBe('config.json: hidden_act is "relu"; the architecture bert has GELU');
  });

  test('a size that is no number', async () => {
    edit('config.json', (json) => ({ ...json, hidden_size: '16' }));
    expect(await refusal()).toContain('"16"; a whole number was expected');
  });

  test('fewer layers than the weights have', async () => {
    edit('config.json', (json) => ({ ...json, num_hidden_layers: 1 }));
    expect(await refusal()).toContain('the model has only 1 layers');
  });

  test('a tensor of another class', async () => {
    edit('config.json', (json) => ({ ...json, architectures: ['NomicBertModel'], model_type: 'nomic_bert' }));
    expect(await refusal()).toMatch(/^tensor bert\..*: a NomicBertModel should have no such tensor$/);
  });

  test('a vocabulary that is smaller than its tokens', async () => {
    edit('config.json', (json) => ({ ...json, vocab_size: 100 }));
    expect(await refusal()).toBe('the token "##～" has the id 30521, but vocab_size is 100');
  });

  test('no tokenizer', async () => {
    rmSync(join(path, 'tokenizer.json'));
    rmSync(join(path, 'vocab.txt'));
    expect(await refusal()).toBe('bert-rerank: there is neither tokenizer.json nor vocab.txt');
  });

  test('a tokenizer that is no JSON', async () => {
    writeFileSync(join(path, 'tokenizer.json'), '{');
    expect(await refusal()).toContain('tokenizer.json: the file is not JSON');
  });

  test('vocab.txt alone gives the same file', async () => {
    rmSync(join(path, 'tokenizer.json'));
    const bytes = await convertAsLlamaCpp(path, 'bert-rerank', 'Q8_0');
    expect(await firstDifference(bytes, readDescription('bert-rerank').types.Q8_0)).toBeUndefined();
  });
});

describe('XLM-R', () => {
  beforeEach(() => use('xlmr-mean'));

  test('a SentencePiece model that is cut off', async () => {
    const file = join(path, 'sentencepiece.bpe.model');
    writeFileSync(file, readFileSync(file).subarray(0, 1000));
    expect(await refusal()).toContain('sentencepiece.bpe.model: the protocol buffer is damaged: it is cut off');
  });

  test('tokenizer.json in the place of a SentencePiece model gives the same file', async () => {
    rmSync(join(path, 'sentencepiece.bpe.model'));
    await convertFolder(path, output, 'Q8_0');
    expect(await firstDifference(await readFile(output), readDescription('xlmr-mean').types.Q8_0)).toBeUndefined();
  });
});

describe('parts', () => {
  beforeEach(() => use('bert-cls-sharded'));

  test('a part that is missing is noticed', async () => {
    rmSync(join(path, 'model-00002-of-00002.safetensors'));
    expect(await refusal()).toMatch(
      /^model\.safetensors\.index\.json: the tensor .* should be in model-00002-of-00002\.safetensors, but no part has it$/,
    );
  });
});

describe('PyTorch', () => {
  beforeEach(() => use('bert-torch'));

  test('any single byte of the pickle may be wrong', async () => {
    const file = join(path, 'pytorch_model.bin');
    const whole = readFileSync(file);
    const begin = whole.indexOf('data.pkl');
    const copy = mkdtempSync(join(tmpdir(), 'torch-'));
    for (let at = begin; at < begin + 3000; at += 97) {
      const bytes = Buffer.from(whole);
      bytes[at] ^= 0x55;
      writeFileSync(file, bytes);
      await convertFolder(path, join(copy, 'out.gguf'), 'F16').catch((error: unknown) => {
        expect(error, `byte ${at}`).toBeInstanceOf(ConvertError);
      });
    }
    rmSync(copy, { recursive: true });
  });

  test('cut off', async () => {
    const file = join(path, 'pytorch_model.bin');
    writeFileSync(file, readFileSync(file).subarray(0, 100_000));
    expect(await refusal()).toContain('pytorch_model.bin: not a zip file');
  });
});

describe('a conversion', () => {
  beforeEach(() => use('bert-rerank'));

  test('that is aborted leaves nothing', async () => {
    const controller = new AbortController();
    const run = convertFolder(path, output, 'F32', {
      signal: controller.signal,
      onProgress: ({ index }) => index === 3 && controller.abort(new Error('enough')),
    });
    await expect(run).rejects.toThrow('enough');
    expect(readdirSync(dirname(path))).toEqual(['bert-rerank']);
  });

  test('tells how far it has come, and takes a name', async () => {
    const seen: number[] = [];
    let total = 0;
    await convertFolder(path, output, 'BF16', {
      modelName: 'Mine',
      onProgress: ({ values, totalValues }) => {
        seen.push(values);
        total = totalValues;
      },
    });
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(total);
    const { metadata, tensors } = await openGguf(memorySource(await readFile(output)));
    expect(metadata.string('general.name')).toBe('Mine');
    expect(metadata.u32('general.file_type')).toBe(32);
    expect(tensors.get('blk.0.attn_q.weight')?.type.name).toBe('BF16');
  });
});
