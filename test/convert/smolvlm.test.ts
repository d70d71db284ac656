/**
 * @file A checkout in the layout of SmolVLM: its tower becomes that of the fixture, and its text model a LLaMA with the keys that llama.cpp's
 * converter writes and the tensors of the fixture in llama.cpp's order.
 */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { findPre } from '../../src/convert/vocab/pre-tokenizer.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { Embedder } from '../../src/index.ts';
import { openFixture } from '../models/support.ts';
import { asCheckpoint, type Json, layouts, safetensors, type Tensor, tensorsOf } from './vision-layouts.ts';

const nVocab = 1558;
const nTokens = 1350;
const specials = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<end_of_utterance>',
  '<fake_token_around_image>',
  '<global-img>',
  '<row_1_col_1>',
  '<image>',
];

const textConfig = {
  architectures: ['VLlama3ForCausalLM'],
  model_type: 'llama',
  attention_bias: false,
  hidden_act: 'silu',
  hidden_size: 64,
  intermediate_size: 96,
  max_position_embeddings: 4096,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_scaling: null as unknown,
  rope_theta: 100000,
  vocab_size: nVocab,
  mask_token_id: 3,
};

const names: readonly (readonly [RegExp, string])[] = [
  [/^token_embd\./, 'embed_tokens.'],
  [/^output_norm\./, 'norm.'],
  [/^blk\.(\d+)\.attn_norm\./, 'layers.$1.input_layernorm.'],
  [/^blk\.(\d+)\.ffn_norm\./, 'layers.$1.post_attention_layernorm.'],
  [/^blk\.(\d+)\.attn_([qkv])\./, 'layers.$1.self_attn.$2_proj.'],
  [/^blk\.(\d+)\.attn_output\./, 'layers.$1.self_attn.o_proj.'],
  [/^blk\.(\d+)\.ffn_(gate|up|down)\./, 'layers.$1.mlp.$2_proj.'],
];

/** Rows of queries or keys as PyTorch has them: the first values of all pairs of a head, then the second ones. */
function halves({ shape, values }: Tensor, nHead: number): Tensor {
  const [nRows, width] = shape;
  const size = nRows / nHead;
  const rows = Array.from({ length: nRows }, (_, row) => {
    const [head, place] = [Math.floor(row / size), row % size];
    const pair = place % (size / 2);
    const from = head * size + 2 * pair + (place < size / 2 ? 0 : 1);
    return [...values.subarray(from * width, (from + 1) * width)];
  });
  return { shape, values: Float32Array.from(rows.flat()) };
}

function textCheckpoint(tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map(
    Array.from(tensors, ([own, tensor]) => {
      const rule = names.find(([from]) => from.test(own))!;
      const nHead = { q: 4, k: 2 }[/attn_([qk])\./.exec(own)?.[1] ?? ''];
      return [`model.text_model.${own.replace(...rule)}`, nHead === undefined ? tensor : halves(tensor, nHead)];
    }),
  );
}

interface Changes {
  readonly text?: Json;
  readonly root?: Json;
  readonly tokenizer?: Json;
}

async function checkout({ text, root, tokenizer }: Changes = {}): Promise<string> {
  const folder = join(mkdtempSync(join(tmpdir(), 'smolvlm-')), 'SmolVLM');
  mkdirSync(folder);
  const all = new Map([
    ...textCheckpoint(await tensorsOf(await openFixture('models/llama.gguf'))),
    ...asCheckpoint(await tensorsOf(await openFixture('idefics3/mmproj.gguf')), layouts.idefics3),
  ]);
  all.set('lm_head.weight', { shape: [nVocab, 64], values: new Float32Array(nVocab * 64).fill(0.5) });
  const { metadata } = await openFixture('multimodal/models/qwen2vl.gguf');
  const tokens = [...metadata.strings('tokenizer.ggml.tokens')!].slice(0, nTokens);
  const files = {
    'config.json': {
      ...layouts.idefics3.config,
      pad_token_id: 2,
      sep_token_id: 4,
      text_config: { ...textConfig, sep_token_id: 5, ...text },
      ...root,
    },
    'preprocessor_config.json': layouts.idefics3.preprocessor,
    'tokenizer.json': {
      added_tokens: specials.map((content, i) => ({ id: nTokens + i, content, special: true })),
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Digits', individual_digits: true },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        ],
      },
      post_processor: null,
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: [...metadata.strings('tokenizer.ggml.merges')!].map((merge) => merge.split(' ')),
      },
    },
    'tokenizer_config.json': {
      add_prefix_space: false,
      bos_token: '<|im_start|>',
      eos_token: '<end_of_utterance>',
      unk_token: '<|endoftext|>',
      pad_token: '<|im_end|>',
      ...tokenizer,
    },
    'chat_template.json': { chat_template: 'a template' },
  };
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), JSON.stringify(content));
  writeFileSync(join(folder, 'model.safetensors'), safetensors(all));
  return folder;
}

async function convertedTo(folder: string, file: string, vision = false): Promise<GgufFile> {
  const output = join(folder, '..', file);
  await convertFolder(folder, output, 'F32', { vision });
  return openGguf(memorySource(new Uint8Array(readFileSync(output)), file));
}

it("the text model has the keys of llama.cpp's converter", async () => {
  const { metadata } = await convertedTo(await checkout(), 'model.gguf');
  const lists = ['tokenizer.ggml.tokens', 'tokenizer.ggml.token_type', 'tokenizer.ggml.merges'];
  const keys = [...metadata.keys()].filter((key) => !key.startsWith('general.') && !lists.includes(key));
  expect(Object.fromEntries(keys.map((key) => [key, [metadata.valueType(key), metadata.get(key)]]))).toEqual({
    'llama.block_count': ['uint32', 2],
    'llama.context_length': ['uint32', 4096],
    'llama.embedding_length': ['uint32', 64],
    'llama.feed_forward_length': ['uint32', 96],
    'llama.attention.head_count': ['uint32', 4],
    'llama.attention.head_count_kv': ['uint32', 2],
    'llama.rope.freq_base': ['float32', 100000],
    'llama.attention.layer_norm_rms_epsilon': ['float32', Math.fround(1e-5)],
    'llama.attention.key_length': ['uint32', 16],
    'llama.attention.value_length': ['uint32', 16],
    'llama.vocab_size': ['uint32', nVocab],
    'llama.rope.dimension_count': ['uint32', 16],
    'tokenizer.ggml.add_space_prefix': ['bool', false],
    'tokenizer.ggml.model': ['string', 'gpt2'],
    'tokenizer.ggml.pre': ['string', 'smollm'],
    'tokenizer.ggml.bos_token_id': ['uint32', 1351],
    'tokenizer.ggml.eos_token_id': ['uint32', 1353],
    'tokenizer.ggml.unknown_token_id': ['uint32', 1350],
    // The tokenizer comes before the config, and the config before that of the text model.
    'tokenizer.ggml.padding_token_id': ['uint32', 1352],
    'tokenizer.ggml.seperator_token_id': ['uint32', 4],
    'tokenizer.ggml.mask_token_id': ['uint32', 3],
    'tokenizer.chat_template': ['string', 'a template'],
  });
  expect(metadata.string('general.architecture')).toBe('llama');
  const tokens = [...metadata.strings('tokenizer.ggml.tokens')!];
  expect(tokens.slice(nTokens, nTokens + specials.length)).toEqual(specials);
  expect(tokens[nVocab - 1]).toBe(`[PAD${nVocab - 1}]`);
});

it('queries and keys get the order of llama.cpp, and all else stays', async () => {
  const wanted = await tensorsOf(await openFixture('models/llama.gguf'));
  for (const type of ['F32', 'F16'] as const) {
    const output = join(await checkout(), '..', 'model.gguf');
    await convertFolder(join(output, '..', 'SmolVLM'), output, type);
    const file = await openGguf(memorySource(new Uint8Array(readFileSync(output)), 'model.gguf'));
    expect([...file.tensors.keys()].sort()).toEqual([...wanted.keys(), 'output.weight'].sort());
    if (type === 'F16') continue;
    const ours = await tensorsOf(file);
    for (const [name, { shape, values }] of wanted) {
      expect(ours.get(name)!.shape, name).toEqual(shape);
      expect(ours.get(name)!.values, name).toEqual(values);
    }
  }
});

it('both files together embed an image', async () => {
  const folder = await checkout({ text: { rope_theta: 10000 } });
  await convertedTo(folder, 'model.gguf');
  await convertedTo(folder, 'mmproj.gguf', true);
  const load = (model: string, mmproj: string) =>
    Embedder.load(model, { mmproj, backend: 'reference', pooling: 'last' });
  const fixture = (path: string) => new URL(`../fixtures/${path}`, import.meta.url).pathname;
  const mine = await load(join(folder, '..', 'model.gguf'), join(folder, '..', 'mmproj.gguf'));
  const other = await load(fixture('models/llama.gguf'), fixture('idefics3/mmproj.gguf'));
  // Tokens whose rows the fixture has; the others are zeros.
  const ids = [10, 130, 207, 4];
  expect((await mine.embed([ids])).vectors).toEqual((await other.embed([ids])).vectors);
  const image = new Uint8Array(readFileSync(fixture('multimodal/images/wide.png')));
  const { nTokens: counted, nImageTokens } = await mine.embed([{ text: '<__media__>', images: [image] }]);
  // One row of three tiles, of which the vocabulary knows the first place alone.
  expect(nImageTokens).toEqual([4 * 4]);
  const ofPlace = mine.tokenize('<row_1_col_2>', { addSpecial: false }).length;
  const nLines = mine.tokenize('\n\n', { addSpecial: false }).length;
  expect(counted).toEqual([16 + 3 + 1 + ofPlace * 2 + nLines + 2 + 1]);
  await mine.dispose();
  await other.dispose();
});

it('the rope of Llama 3.1 becomes a tensor of divisors', async () => {
  const rope_scaling = {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  const file = await convertedTo(await checkout({ text: { rope_scaling, rope_theta: 500000 } }), 'model.gguf');
  const { shape, values } = (await tensorsOf(file)).get('rope_freqs.weight')!;
  expect(shape).toEqual([8]);
  // Wavelengths of 2π·500000^(i/8): below 2048 as they are, above 8192 divided by 8, between them in part.
  const wavelengths = Array.from({ length: 8 }, (_, i) => 2 * Math.PI * 500000 ** (i / 8));
  const expected = wavelengths.map((length) => {
    const smooth = Math.min(1, Math.max(0, (8192 / length - 1) / 3));
    return 1 / ((1 - smooth) / 8 + smooth);
  });
  expect(expected.filter((value) => value > 1 && value < 8)).toHaveLength(1);
  values.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 4);
  });
  expect(file.metadata.has('llama.rope.scaling.type')).toBe(false);
});

it.each<[string, Changes]>([
  ['hidden_act is "gelu"', { text: { hidden_act: 'gelu' } }],
  ['attention_bias is true', { text: { attention_bias: true } }],
  ['64 rows cannot be divided into 5 heads of two halves', { text: { num_attention_heads: 5 } }],
  ['factor of the rope scaling is 0', { text: { rope_scaling: { rope_type: 'llama3', factor: 0 } } }],
  [
    'low_freq_factor and high_freq_factor are equal',
    { text: { rope_scaling: { rope_type: 'llama3', low_freq_factor: 4 } } },
  ],
  ['rope scaling of the type dynamic is not converted', { text: { rope_scaling: { rope_type: 'dynamic' } } }],
  ['vocab_size is 100', { text: { vocab_size: 100 } }],
])('%s', async (message, changes) => {
  await expect(convertedTo(await checkout(changes), 'model.gguf')).rejects.toThrow(message);
});

it('the vocabulary of Llama 3, which Idefics3-8B has, is known by its hash', async () => {
  const bytes = gunzipSync(readFileSync(new URL('../fixtures/vocab/ggml-vocab-llama-bpe.gguf.gz', import.meta.url)));
  const { metadata } = await openGguf(memorySource(new Uint8Array(bytes)));
  const pre = await findPre(
    'gpt2',
    (writer, name) => {
      for (const key of metadata.keys()) writer.set(key, metadata.typed(key)!);
      writer.set('tokenizer.ggml.pre', { type: 'string', value: name });
    },
    {},
  );
  expect(pre).toBe('llama-bpe');
});
