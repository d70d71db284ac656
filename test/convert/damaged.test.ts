/**
 * @file Checkouts that must be refused, and what is left of a conversion that fails.
 */
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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
    expect(await refusal()).toContain('the header length is 9223372036854775808 bytes, but');
  });

  test('with a header that is not JSON', async () => {
    const bytes = weights();
    bytes.fill(0x20, 8, 20);
    writeFileSync(join(path, file), bytes);
    expect(await refusal()).toContain('model.safetensors: the header is not JSON');
  });

  /** Changes the header, whose length stays. */
  const rewrite = (change: (header: Record<string, { data_offsets: [number, number] }>) => void) => {
    const bytes = weights();
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
    change(header);
    const text = Buffer.from(JSON.stringify(header));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(join(path, file), Buffer.concat([size, text, bytes.subarray(8 + length)]));
  };

  test('with two tensors in one place', async () => {
    rewrite((header) => {
      const [first, second] = ['query', 'key'].map((name) => `bert.encoder.layer.0.attention.self.${name}.weight`);
      header[second].data_offsets = header[first].data_offsets;
    });
    expect(await refusal()).toMatch(
      /model\.safetensors: tensor .*: its data begins at byte \d+, but that of bert.* ends at/,
    );
  });

  test('empty', async () => {
    writeFileSync(join(path, file), '');
    expect(await refusal()).toMatch(/model\.safetensors: not a safetensors file: it is empty/);
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
    expect(await refusal()).toBe('bert-rerank: there is no config.json: give the folder of a Hugging Face model');
  });

  test('unknown class', async () => {
    edit('config.json', (json) => ({ ...json, architectures: ['GPT2LMHeadModel'] }));
    expect(await refusal()).toMatch(
      /^config\.json: the class GPT2LMHeadModel is not supported; supported are BertModel, /,
    );
  });

  test('an activation that the architecture does not have', async () => {
    edit('config.json', (json) => ({ ...json, hidden_act: 'relu' }));
    expect(await refusal()).toBe('config.json: hidden_act is "relu"; the architecture bert has GELU');
  });

  test('a size that is not a number', async () => {
    edit('config.json', (json) => ({ ...json, hidden_size: '16' }));
    expect(await refusal()).toContain('"16"; expected an integer');
  });

  test('a number that is too large for float32', async () => {
    edit('config.json', (json) => ({ ...json, layer_norm_eps: 1e300 }));
    expect(await refusal()).toBe(
      'config.json: layer_norm_eps or layer_norm_epsilon is 1e+300; expected a number of float32',
    );
  });

  test('fewer layers than the weights have', async () => {
    edit('config.json', (json) => ({ ...json, num_hidden_layers: 1 }));
    expect(await refusal()).toContain('the model has only 1 layers');
  });

  test.each([
    [3, 'the model has 3 layers, but the checkpoint has no tensor of the last one'],
    [1e9, 'config.json: num_hidden_layers or n_layers or n_layer is 1000000000; at most 512 are supported'],
  ])('more layers than the weights have: %d', async (layers, message) => {
    edit('config.json', (json) => ({ ...json, num_hidden_layers: layers }));
    expect(await refusal()).toBe(message);
  });

  test('more labels than a model has', async () => {
    edit('config.json', (json) => ({ ...json, id2label: undefined, num_labels: 1e9 }));
    expect(await refusal()).toBe('config.json: num_labels is 1000000000; at most 65536 are supported');
  });

  test('a tensor of another class', async () => {
    edit('config.json', (json) => ({ ...json, architectures: ['NomicBertModel'], model_type: 'nomic_bert' }));
    expect(await refusal()).toMatch(/^tensor bert\..*: a NomicBertModel does not have such a tensor$/);
  });

  test.each([100, 30523, 1e9, 2 ** 31])('a vocabulary of another size than the word embeddings: %d', async (size) => {
    edit('config.json', (json) => ({ ...json, vocab_size: size }));
    expect(await refusal()).toBe(
      `config.json: vocab_size is ${size}, but the word embeddings have 30522 rows: they must be of the same checkpoint`,
    );
  });

  test('a token beyond the vocabulary', async () => {
    edit('tokenizer.json', (json) => ({ ...json, added_tokens: [{ id: 30522, content: '[X]', special: true }] }));
    expect(await refusal()).toBe('the token "[X]" has the id 30522, but vocab_size is 30522');
  });

  test('no tokenizer', async () => {
    rmSync(join(path, 'tokenizer.json'));
    rmSync(join(path, 'vocab.txt'));
    expect(await refusal()).toBe('bert-rerank: there is neither tokenizer.json nor vocab.txt');
  });

  test('a tokenizer that is not JSON', async () => {
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
    expect(await refusal()).toContain('sentencepiece.bpe.model: the protocol buffer is damaged: it is truncated');
  });

  test('a SentencePiece model with a score that is no number', async () => {
    const piece = Buffer.from([0x0a, 9, 0x0a, 2, 0x7a, 0x7a, 0x15, 0, 0, 0xc0, 0x7f]);
    const file = join(path, 'sentencepiece.bpe.model');
    writeFileSync(file, Buffer.concat([piece, readFileSync(file)]));
    expect(await refusal()).toBe('sentencepiece.bpe.model: the score of the piece "zz" is NaN');
  });

  test('tokenizer.json in the place of a SentencePiece model gives the same file', async () => {
    rmSync(join(path, 'sentencepiece.bpe.model'));
    await convertFolder(path, output, 'Q8_0');
    expect(await firstDifference(await readFile(output), readDescription('xlmr-mean').types.Q8_0)).toBeUndefined();
  });
});

describe('DeBERTa', () => {
  beforeEach(() => use('deberta-mean'));

  test.each<[entry: unknown, shown: string]>([
    [null, 'null'],
    [['a'], '["a"]'],
    [['a', '1'], '["a","1"]'],
    [['a', 1e300], '["a",1e+300]'],
    [[{ toString: 1 }, 1], '[{"toString":1},1]'],
  ])('a token that is no text with a score: %j', async (entry, shown) => {
    edit('tokenizer.json', (json: { model?: { vocab: unknown[] } }) => {
      json.model!.vocab[9] = entry;
    });
    expect(await refusal()).toBe(`tokenizer.json: token 9 is ${shown}; expected a text and a score`);
  });

  test.each([undefined, null, {}])('tokens that are no list: %j', async (vocab) => {
    edit('tokenizer.json', (json: { model?: Record<string, unknown> }) => {
      json.model!.vocab = vocab;
    });
    expect(await refusal()).toBe('tokenizer.json: expected a tokenizer of the type Unigram');
  });

  test.each([
    ['tokenizer.json', 'normalizer', '{"type":"Sequence","normalizers":[', ']}'],
    ['tokenizer.json', 'pre_tokenizer', '{"type":"Sequence","pretokenizers":[', ']}'],
    ['config.json', 'architectures', '[', ']'],
  ])('%s with a %s of many levels', async (name, key, begin, end) => {
    const text = readFileSync(join(path, name), 'utf8').trim();
    // Of two members with one name, the last counts.
    const last = `"${key}": ${begin.repeat(20_000)}${end.repeat(20_000)}`;
    writeFileSync(join(path, name), `${text.slice(0, -1)}, ${last}}`);
    expect(await refusal()).toBe(`${name}: its lists and objects are nested more than 100 levels deep`);
  });

  test('a charsmap that is not base64', async () => {
    edit('tokenizer.json', (json) => ({ ...json, normalizer: { type: 'Precompiled', precompiled_charsmap: '!!' } }));
    expect(await refusal()).toBe('tokenizer.json: precompiled_charsmap is not base64');
  });
});

describe('Llama', () => {
  beforeEach(() => use('llama-nemotron-embed-1b-v2'));
  const scaling = { rope_type: 'llama3' };

  test.each([
    [{ head_dim: 1e9 }, 'config.json: head_dim is 1000000000; at most 65536 are supported'],
    [{ num_attention_heads: 0 }, 'config.json: num_attention_heads is 0, with which a head has Infinity values'],
  ])('heads of a size that none has: %o', async (values, message) => {
    edit('config.json', (json) => ({ ...json, head_dim: undefined, ...values, rope_scaling: scaling }));
    expect(await refusal()).toBe(message);
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

describe('files that are something else', () => {
  const bytes = (...values: number[]) => Uint8Array.from([...values, ...new Array(600).fill(1)]);
  const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  const kinds = {
    pointer: Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n'),
    page: Buffer.from('<!DOCTYPE html><html><body>401</body></html>'),
    empty: new Uint8Array(0),
    pickle: bytes(0x80, 2, 0x8a, 0x0a),
    safetensors: Buffer.concat([Uint8Array.of(header.length, 0, 0, 0, 0, 0, 0, 0), Buffer.from(header), bytes()]),
    gguf: bytes(0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0),
    zip: bytes(0x50, 0x4b, 3, 4),
    gzip: bytes(0x1f, 0x8b),
    tar: Buffer.concat([new Uint8Array(257).fill(0x61), Buffer.from('ustar'), new Uint8Array(300)]),
    zeros: new Uint8Array(600),
  };
  type Kind = keyof typeof kinds;

  const inAnyPlace: readonly [Kind, RegExp][] = [
    ['pointer', /it is a Git LFS pointer, not the file itself: run git lfs pull, or download/],
    ['page', /it is a web page, .*: download the file again$/],
    ['empty', /it is empty: the download may be incomplete$/],
    ['gzip', /it is packed with gzip: unpack it$/],
    ['tar', /it is a tar archive: unpack it$/],
    ['zeros', /it is all zeros: the download may be incomplete$/],
  ];
  const asWeights: readonly [Kind, RegExp][] = [
    ...inAnyPlace,
    ['pickle', /it is a pickle from an old version of PyTorch .*: load and save it with a newer PyTorch/],
    ['gguf', /it is a GGUF file: it is already converted/],
  ];
  const asText: readonly [Kind, RegExp][] = [
    ...inAnyPlace,
    ['pickle', /it is a pickle/],
    ['gguf', /it is a GGUF file$/],
    ['safetensors', /it is a safetensors file$/],
    ['zip', /it is a zip archive/],
  ];

  test.each<[Kind, RegExp]>([
    ...asWeights,
    ['zip', /it is a zip archive, probably from PyTorch .*rename it to pytorch_model\.bin/],
  ])('%s as model.safetensors', async (kind, message) => {
    use('bert-rerank');
    writeFileSync(join(path, 'model.safetensors'), kinds[kind]);
    const found = await refusal();
    expect(found).toMatch(/model\.safetensors: not a safetensors file: /);
    expect(found).toMatch(message);
  });

  test.each<[Kind, RegExp]>([
    ...asWeights,
    ['safetensors', /it is a safetensors file: rename it to model\.safetensors$/],
    ['zip', /it is truncated or damaged/],
  ])('%s as pytorch_model.bin', async (kind, message) => {
    use('bert-torch');
    writeFileSync(join(path, 'pytorch_model.bin'), kinds[kind]);
    const found = await refusal();
    expect(found).toMatch(/pytorch_model\.bin: not a zip file/);
    expect(found).toMatch(message);
  });

  test('safetensors whose header is cut off are not called another kind', async () => {
    use('bert-rerank');
    const whole = readFileSync(join(path, 'model.safetensors'));
    writeFileSync(join(path, 'model.safetensors'), whole.subarray(0, 300));
    expect(await refusal()).toMatch(/model\.safetensors: the header length is \d+ bytes, but 292 follow/);
  });

  const texts: readonly [checkout: string, file: string, message: string][] = [
    ['bert-rerank', 'config.json', 'the file is not JSON'],
    ['bert-rerank', 'tokenizer.json', 'the file is not JSON'],
    ['bert-rerank', 'tokenizer_config.json', 'the file is not JSON'],
    ['bert-mean', 'modules.json', 'the file is not JSON'],
    ['bert-mean', '1_Pooling/config.json', 'the file is not JSON'],
    ['bert-mean', 'sentence_bert_config.json', 'the file is not JSON'],
    ['bert-cls-sharded', 'model.safetensors.index.json', 'the file is not JSON'],
    ['bert-rerank', 'vocab.txt', 'the file is not a vocabulary'],
    ['xlmr-mean', 'sentencepiece.bpe.model', 'the file is not a SentencePiece model'],
  ];
  test.each(texts)('any kind in %s as %s', async (checkout, file, message) => {
    use(checkout);
    if (file === 'vocab.txt') rmSync(join(path, 'tokenizer.json'));
    for (const [kind, words] of asText) {
      writeFileSync(join(path, file), kinds[kind]);
      const found = await refusal();
      expect(found, kind).toContain(`${file}: ${message}: it is `);
      expect(found, kind).toMatch(words);
    }
  });
});

describe('modules of sentence-transformers', () => {
  beforeEach(() => use('bert-rerank'));
  const modules = (...kinds: string[]) =>
    JSON.stringify(
      kinds.map((kind, i) => ({ idx: i, path: `${i}_${kind}`, type: `sentence_transformers.models.${kind}` })),
    );
  const pooling = (config: Record<string, unknown>) => {
    mkdirSync(join(path, '1_Pooling'), { recursive: true });
    writeFileSync(join(path, '1_Pooling', 'config.json'), JSON.stringify(config));
    writeFileSync(join(path, 'modules.json'), modules('Transformer', 'Pooling', 'Normalize'));
  };

  test.each([
    ...['CNN', 'LSTM', 'BoW', 'WordEmbeddings', 'WordWeights'],
    ...['MLMTransformer', 'SparseAutoEncoder', 'CLIPModel', 'StaticEmbeddings'],
  ])('refuses %s by name', async (kind) => {
    pooling({ pooling_mode_mean_tokens: true });
    writeFileSync(join(path, 'modules.json'), modules('Transformer', 'Pooling', kind));
    expect(await refusal()).toContain(`modules.json: the module ${kind} (2_${kind}) cannot be stored in a GGUF file`);
  });

  test('refuses SpladePooling after other modules', async () => {
    writeFileSync(join(path, 'modules.json'), modules('Transformer', 'Pooling', 'SpladePooling'));
    expect(await refusal()).toContain(
      'the modules are Transformer, Pooling, SpladePooling; only a Transformer and SpladePooling',
    );
  });

  test.each<[Record<string, unknown>, string]>([
    [{ pooling_mode: 'sum' }, 'it pools by sum; supported are cls, max, mean, mean_sqrt_len_tokens'],
    [{ pooling_mode: ['cls', 'sum'] }, 'it pools by sum'],
    [{ pooling_mode: ['cls', 'mean', 'cls'] }, 'it pools by cls, mean, cls, one of them twice'],
  ])('refuses the pooling %o', async (config, message) => {
    pooling(config);
    expect(await refusal()).toContain(message);
  });
});

describe('ways to pool', () => {
  beforeEach(() => use('bert-mean'));

  test.each<[Record<string, unknown>, number, string[] | undefined]>([
    [{ pooling_mode_max_tokens: true }, 0, ['max']],
    [{ pooling_mode_weightedmean_tokens: true }, 0, ['weighted-mean']],
    [{ pooling_mode_mean_sqrt_len_tokens: true }, 1, ['mean-sqrt-len']],
    [{ pooling_mode_mean_tokens: true, pooling_mode_cls_token: true }, 0, ['cls', 'mean']],
    [{ pooling_mode_lasttoken: true, pooling_mode_mean_sqrt_len_tokens: true }, 0, ['mean-sqrt-len', 'last']],
    [{ pooling_mode: ['mean', 'mean_sqrt_len_tokens'] }, 1, ['mean', 'mean-sqrt-len']],
    [{ pooling_mode: ['mean', 'cls'] }, 0, ['mean', 'cls']],
    [{ pooling_mode: 'max', pooling_mode_cls_token: true }, 0, ['max']],
    [{ pooling_mode: ['lasttoken'] }, 3, undefined],
    [{ pooling_mode_cls_token: true }, 2, undefined],
    [{}, 1, undefined],
  ])('%o', async (config, number, modes) => {
    writeFileSync(join(path, '1_Pooling', 'config.json'), JSON.stringify(config));
    await convertFolder(path, output, 'F16');
    const { metadata } = await openGguf(memorySource(readFileSync(output)));
    expect(metadata.u32('bert.pooling_type')).toBe(number);
    const found = metadata.strings('gguf_embed.pooling.modes');
    expect(found && Array.from(found)).toEqual(modes);
  });
});

describe('what sentence-transformers does around the model', () => {
  beforeEach(() => use('bert-mean'));

  async function warnings(): Promise<string[]> {
    const seen: string[] = [];
    await convertFolder(path, output, 'F16', { onWarning: (warning) => seen.push(warning) });
    return seen;
  }

  test('mean beside mean_sqrt_len, which llama.cpp reads as mean, is reported', async () => {
    expect(await warnings()).toEqual([expect.stringContaining('by mean and by mean_sqrt_len_tokens')]);
    edit('1_Pooling/config.json', (json) => ({ ...json, pooling_mode_mean_sqrt_len_tokens: false }));
    expect(await warnings()).toEqual([]);
  });

  test('a prompt before every text is said', async () => {
    edit('1_Pooling/config.json', (json) => ({ ...json, pooling_mode_mean_sqrt_len_tokens: false }));
    edit('config_sentence_transformers.json', (json) => ({
      ...json,
      prompts: { query: 'Q: ' },
      default_prompt_name: 'query',
    }));
    expect(await warnings()).toEqual([expect.stringContaining('the prompt "query" before every text')]);
  });

  test.each(['sentence_bert_config.json', 'sentence_roberta_config.json', 'sentence_xlm-roberta_config.json'])(
    'lower case that only %s asks for is refused',
    async (file) => {
      writeFileSync(join(path, file), '{"do_lower_case": true}');
      expect(await warnings()).toHaveLength(1);
      rmSync(output);
      for (const normalizer of [
        { type: 'BertNormalizer', lowercase: false },
        null,
        { type: 'Sequence', normalizers: [{ type: 'NFC' }] },
      ]) {
        edit('tokenizer.json', (json) => ({ ...json, normalizer }));
        expect(await refusal()).toMatch(
          new RegExp(`^${file}: do_lower_case is true, but the tokenizer keeps capitals`),
        );
      }
      edit('tokenizer.json', (json) => ({
        ...json,
        normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] },
      }));
      expect(await warnings()).toHaveLength(1);
    },
  );

  test('the same without tokenizer.json', async () => {
    writeFileSync(join(path, 'sentence_bert_config.json'), '{"do_lower_case": true}');
    rmSync(join(path, 'tokenizer.json'));
    edit('tokenizer_config.json', (json) => ({ ...json, do_lower_case: false }));
    expect(await refusal()).toContain('do_lower_case is true');
  });
});

describe('the output', () => {
  beforeEach(() => use('bert-rerank'));
  test.each(['model.safetensors', 'config.json', 'tokenizer.json'])('is not %s of the checkout', async (name) => {
    const before = await readFile(join(path, name));
    await expect(convertFolder(path, join(path, name), 'F32')).rejects.toThrow(/is also an input file/);
    const link = join(dirname(path), `link-${name}`);
    symlinkSync(join(path, name), link);
    await expect(convertFolder(path, link, 'F32')).rejects.toThrow(/is also an input file \(as .*\)/);
    const hard = join(dirname(path), `hard-${name}`);
    linkSync(join(path, name), hard);
    await expect(convertFolder(path, hard, 'F32')).rejects.toThrow(/is also an input file/);
    expect(Buffer.compare(await readFile(join(path, name)), before)).toBe(0);
  });

  test('may lie in the checkout, and be written again', async () => {
    for (let i = 0; i < 2; i++) await convertFolder(path, join(path, 'model.gguf'), 'F16');
    expect(readdirSync(path)).toContain('model.gguf');
  });

  test('is not a file of a module that is a link to a folder', async () => {
    const elsewhere = join(dirname(path), 'pooling');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'config.json'), '{}');
    symlinkSync(elsewhere, join(path, '1_Pooling'));
    await expect(convertFolder(path, join(elsewhere, 'config.json'), 'F16')).rejects.toThrow(/is also an input file/);
  });

  test('goes through a name that nobody can have made a link of', async () => {
    const victim = join(dirname(path), 'victim');
    writeFileSync(victim, 'mine');
    symlinkSync(victim, join(dirname(path), `.out.gguf.${process.pid}.partial`));
    await convertFolder(path, join(dirname(path), 'out.gguf'), 'F16');
    expect(await readFile(victim, 'utf8')).toBe('mine');
    expect(readdirSync(dirname(path)).filter((name) => /[0-9a-f]{16}\.partial$/.test(name))).toEqual([]);
  });
});
