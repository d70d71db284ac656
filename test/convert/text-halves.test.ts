/**
 * @file The text halves of models that see images: checkouts made of the tensors and tokens of the fixtures, in the layout of the real
 * ones, become the files of the fixtures again, key by key and tensor by tensor, and embed texts and images as they do.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder } from '../../src/convert/file.node.ts';
import { rankMetadata } from '../../src/engine/rerank/rank-tokens.ts';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { Embedder } from '../../src/index.ts';
import { openFixture } from '../models/support.ts';
import { asCheckpoint, type Json, layouts, safetensors, type Tensor, tensorsOf } from './vision-layouts.ts';

type Name = Exclude<keyof typeof layouts, 'idefics3'>;

/** Of Qwen2 and Qwen3, as their tokenizer.json has it. */
const pattern =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const qwenText = {
  hidden_size: 64,
  intermediate_size: 96,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-6,
  hidden_act: 'silu',
  vocab_size: 1364,
};
const qwen2Text = {
  ...qwenText,
  num_hidden_layers: 2,
  rope_theta: 1000000,
  rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] },
  use_sliding_window: false,
  tie_word_embeddings: true,
};

/** What the config says of the text model, where it says it, and what stands before the names of its tensors. */
const texts: Record<Name, { readonly config: Json; readonly nested: boolean; readonly prefix: string }> = {
  qwen3vl: {
    nested: true,
    prefix: 'model.language_model.',
    config: {
      ...qwenText,
      num_hidden_layers: 3,
      head_dim: 40,
      attention_bias: false,
      rope_theta: 500,
      rope_scaling: { mrope_interleaved: true, mrope_section: [8, 6, 6], rope_type: 'default' },
    },
  },
  qwen25vl: { nested: false, prefix: 'model.', config: qwen2Text },
  qwen2vl: {
    nested: true,
    prefix: 'model.language_model.',
    config: {
      ...qwen2Text,
      rope_theta: undefined,
      rope_scaling: undefined,
      rope_parameters: { rope_type: 'default', mrope_section: [2, 3, 3], rope_theta: 1000000 },
    },
  },
  gemma3: {
    nested: true,
    prefix: 'language_model.model.',
    config: {
      hidden_size: 64,
      intermediate_size: 96,
      num_hidden_layers: 4,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 32,
      query_pre_attn_scalar: 32,
      max_position_embeddings: 8192,
      sliding_window: 8,
      sliding_window_pattern: 2,
      rms_norm_eps: 1e-6,
    },
  },
};

const textNames: readonly (readonly [RegExp, string])[] = [
  [/^token_embd\./, 'embed_tokens.'],
  [/^output_norm\./, 'norm.'],
  [/^blk\.(\d+)\.attn_norm\./, 'layers.$1.input_layernorm.'],
  [/^blk\.(\d+)\.attn_([qk])_norm\./, 'layers.$1.self_attn.$2_norm.'],
  [/^blk\.(\d+)\.attn_([qkv])\./, 'layers.$1.self_attn.$2_proj.'],
  [/^blk\.(\d+)\.attn_output\./, 'layers.$1.self_attn.o_proj.'],
  [/^blk\.(\d+)\.ffn_(gate|up|down)\./, 'layers.$1.mlp.$2_proj.'],
  [/^blk\.(\d+)\.post_attention_norm\./, 'layers.$1.post_attention_layernorm.'],
  [/^blk\.(\d+)\.post_ffw_norm\./, 'layers.$1.post_feedforward_layernorm.'],
];

function textCheckpoint(tensors: ReadonlyMap<string, Tensor>, name: Name, prefix: string): Map<string, Tensor> {
  const ffnNorm = name === 'gemma3' ? 'pre_feedforward_layernorm' : 'post_attention_layernorm';
  const rules = [...textNames, [/^blk\.(\d+)\.ffn_norm\./, `layers.$1.${ffnNorm}.`] as const];
  const named = new Map<string, Tensor>();
  for (const [own, { shape, values }] of tensors) {
    const rule = rules.find(([from]) => from.test(own))!;
    const isShifted = name === 'gemma3' && own.endsWith('norm.weight');
    named.set(prefix + own.replace(...rule), { shape, values: isShifted ? values.map((value) => value - 1) : values });
  }
  return named;
}

/** `tokenizer.json` and `tokenizer_config.json` of a Qwen vocabulary. */
function qwenTokenizer({ metadata }: GgufFile): Record<string, string> {
  const tokens = [...metadata.strings('tokenizer.ggml.tokens')!];
  const types = metadata.array('tokenizer.ggml.token_type')!.values as Int32Array;
  const added = tokens.flatMap((content, id) => (types[id] === 3 ? [{ id, content, special: id !== 1360 }] : []));
  const end = added[0].content;
  const addsEos = metadata.get('tokenizer.ggml.add_eos_token') === true;
  const template = [{ Sequence: { id: 'A' } }, { SpecialToken: { id: end } }];
  const json = {
    added_tokens: added,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Split', pattern: { Regex: pattern } }, { type: 'ByteLevel' }],
    },
    post_processor: addsEos
      ? {
          type: 'Sequence',
          processors: [{ type: 'ByteLevel' }, { type: 'TemplateProcessing', single: template, pair: [] }],
        }
      : { type: 'ByteLevel' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(tokens.flatMap((text, id) => (types[id] === 3 ? [] : [[text, id]]))),
      merges: [...metadata.strings('tokenizer.ggml.merges')!].map((merge) => merge.split(' ')),
    },
  };
  const config = { add_bos_token: false, bos_token: null, eos_token: end, pad_token: end };
  return { 'tokenizer.json': JSON.stringify(json), 'tokenizer_config.json': JSON.stringify(config) };
}

/** A field of a protocol buffer: a number, bytes, or 32 bits. */
function field(number: number, value: number | Uint8Array, isFloat = false): Uint8Array {
  const varint = (n: number): number[] => (n < 128 ? [n] : [128 | (n & 127), ...varint(n >>> 7)]);
  if (isFloat) return Uint8Array.from([8 * number + 5, ...new Uint8Array(Float32Array.of(value as number).buffer)]);
  if (typeof value === 'number') return Uint8Array.from([8 * number, ...varint(value)]);
  return Uint8Array.from([8 * number + 2, ...varint(value.length), ...value]);
}

const joined = (...parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

/** `tokenizer.model` and `tokenizer_config.json` of Gemma's vocabulary. */
function gemmaTokenizer({ metadata }: GgufFile): Record<string, string | Uint8Array> {
  const tokens = [...metadata.strings('tokenizer.ggml.tokens')!];
  const types = metadata.array('tokenizer.ggml.token_type')!.values as Int32Array;
  const scores = metadata.array('tokenizer.ggml.scores')!.values as Float32Array;
  const piece = (text: string, id: number) =>
    joined(field(1, new TextEncoder().encode(text)), field(2, scores[id], true), field(3, types[id]));
  const model = joined(...tokens.map((text, id) => field(1, piece(text, id))), field(2, field(3, 2)));
  const decoder = tokens.flatMap((content, id) =>
    types[id] === 3 || types[id] === 4 ? [[id, { content, special: types[id] === 3 }]] : [],
  );
  const config = {
    added_tokens_decoder: Object.fromEntries(decoder),
    add_bos_token: true,
    add_eos_token: true,
    bos_token: '<bos>',
    eos_token: { content: '<eos>' },
    unk_token: '<unk>',
    pad_token: '<pad>',
    chat_template: 'a template',
  };
  return { 'tokenizer.model': model, 'tokenizer_config.json': JSON.stringify(config) };
}

const pooling = {
  'modules.json': JSON.stringify([
    { type: 'sentence_transformers.models.Transformer', path: '' },
    { type: 'sentence_transformers.models.Pooling', path: '1_Pooling' },
    { type: 'sentence_transformers.models.Normalize', path: '2_Normalize' },
  ]),
  '1_Pooling/config.json': JSON.stringify({ pooling_mode_lasttoken: true }),
};

interface Changes {
  readonly prefix?: string;
  readonly text?: Json;
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly tensors?: ReadonlyMap<string, Tensor>;
}

/** The whole model of a fixture, both halves. */
async function checkout(name: Name, { prefix, text, files, tensors = new Map() }: Changes = {}): Promise<string> {
  const folder = join(mkdtempSync(join(tmpdir(), 'halves-')), name);
  mkdirSync(join(folder, '1_Pooling'), { recursive: true });
  const file = await openFixture(`multimodal/models/${name}.gguf`);
  const tower = await tensorsOf(await openFixture(`multimodal/models/mmproj-${name}.gguf`));
  const own = texts[name];
  const all = new Map([
    ...textCheckpoint(await tensorsOf(file), name, prefix ?? own.prefix),
    ...asCheckpoint(tower, layouts[name]),
    ...tensors,
  ]);
  const config = { ...own.config, ...text };
  const { config: whole, preprocessor } = layouts[name];
  const merged = own.nested ? { ...whole, text_config: config } : { ...whole, ...config };
  const contents = {
    ...pooling,
    ...(name === 'gemma3' ? gemmaTokenizer(file) : qwenTokenizer(file)),
    'config.json': JSON.stringify({ ...merged, ...(name === 'gemma3' ? {} : { bos_token_id: 1350 }) }),
    'preprocessor_config.json': JSON.stringify(preprocessor),
    'model.safetensors': safetensors(all),
    ...files,
  };
  for (const [path, content] of Object.entries(contents)) {
    if (content !== undefined) writeFileSync(join(folder, path), content);
  }
  return folder;
}

async function convertedTo(folder: string, file: string, vision = false): Promise<GgufFile> {
  const output = join(folder, '..', file);
  await convertFolder(folder, output, 'F32', { vision });
  return openGguf(memorySource(new Uint8Array(readFileSync(output)), file));
}

/** All keys but those about the file, with their types. */
function keysOf({ metadata }: GgufFile): Record<string, unknown[]> {
  const keys = [...metadata.keys()].filter((key) => !key.startsWith('general.'));
  return Object.fromEntries(
    keys.map((key) => {
      const type = metadata.valueType(key);
      if (type !== 'array') return [key, [type, metadata.get(key)]];
      const { elementType, values } = metadata.array(key)!;
      return [key, [elementType, ...(values as Iterable<unknown>)]];
    }),
  );
}

/** Where llama.cpp's converter differs from the fixtures: `<mask>` is special, and `▁▁` that was added is two spaces. */
function expectedKeys(name: Name, wanted: GgufFile): Record<string, unknown[]> {
  const keys = keysOf(wanted);
  if (name !== 'gemma3') return keys;
  keys['tokenizer.ggml.token_type'][1 + 4] = 3;
  keys['tokenizer.ggml.tokens'][1 + 8] = '  ';
  return { ...keys, 'tokenizer.chat_template': ['string', 'a template'] };
}

describe.each(Object.keys(texts) as Name[])('%s', (name) => {
  it('becomes the files of the fixture again, and embeds as they do', async () => {
    const folder = await checkout(name);
    const made = await convertedTo(folder, 'model.gguf');
    await convertedTo(folder, 'mmproj.gguf', true);
    const wanted = await openFixture(`multimodal/models/${name}.gguf`);
    expect(made.metadata.string('general.architecture')).toBe(wanted.metadata.string('general.architecture'));
    expect(keysOf(made)).toEqual(expectedKeys(name, wanted));
    const [ours, theirs] = [await tensorsOf(made), await tensorsOf(wanted)];
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
    for (const [tensor, { shape, values }] of theirs) {
      const own = ours.get(tensor)!;
      expect(own.shape, tensor).toEqual(shape);
      const allowed = name === 'gemma3' && tensor.endsWith('norm.weight') ? 2e-7 : 0;
      const largest = values.reduce((max, value, i) => Math.max(max, Math.abs(value - own.values[i])), 0);
      expect(largest, tensor).toBeLessThanOrEqual(allowed);
    }
    const image = new Uint8Array(readFileSync(new URL('../fixtures/multimodal/images/odd.png', import.meta.url)));
    const inputs = ['a plain text', { text: 'what is <__media__> this?', images: [image] }];
    const embed = async (model: string, mmproj: string) => {
      const embedder = await Embedder.load(model, { mmproj, backend: 'reference' });
      const { vectors } = await embedder.embed(inputs);
      await embedder.dispose();
      return vectors;
    };
    const fixture = (file: string) => new URL(`../fixtures/multimodal/models/${file}.gguf`, import.meta.url).pathname;
    const [mine, expected] = [
      await embed(join(folder, '..', 'model.gguf'), join(folder, '..', 'mmproj.gguf')),
      await embed(fixture(name), fixture(`mmproj-${name}`)),
    ];
    for (const [i, vector] of expected.entries()) {
      const product = vector.reduce((sum, value, j) => sum + value * mine[i][j], 0);
      expect(product).toBeGreaterThan(0.999999);
    }
  });
});

it.each(['model.', 'language_model.model.', 'model.language_model.', 'language_model.', ''])(
  'takes "%s" before the names of the text model',
  async (prefix) => {
    const made = await tensorsOf(await convertedTo(await checkout('qwen3vl', { prefix }), 'model.gguf'));
    const wanted = await tensorsOf(await openFixture('multimodal/models/qwen3vl.gguf'));
    expect([...made.keys()].sort()).toEqual([...wanted.keys()].sort());
  },
);

it('writes a separate head as the output, and a template from a file beside the tokenizer', async () => {
  const head = { shape: [1364, 64], values: new Float32Array(1364 * 64) };
  const folder = await checkout('qwen25vl', {
    tensors: new Map([['lm_head.weight', head]]),
    files: { 'chat_template.json': JSON.stringify({ chat_template: 'of chat_template.json' }) },
  });
  const made = await convertedTo(folder, 'model.gguf');
  expect(made.tensors.get('output.weight')?.shape).toEqual([64, 1364]);
  expect(made.metadata.string('tokenizer.chat_template')).toBe('of chat_template.json');
});

it('Qwen3-VL-Reranker is known by its name, and compares tokens', async () => {
  const head = { shape: [1364, 64], values: new Float32Array(1364 * 64) };
  const plain = await checkout('qwen3vl', { tensors: new Map([['lm_head.weight', head]]) });
  const folder = join(plain, '..', 'Qwen3-VL-Reranker-8B');
  renameSync(plain, folder);
  const made = await convertedTo(folder, 'model.gguf');
  expect(made.tensors.has('output.weight')).toBe(true);
  expect(rankMetadata(made, undefined)).toEqual({});
  const { metadata } = made;
  expect(metadata.string('gguf_embed.rank_tokens.positive')).toBe('yes');
  expect(metadata.string('gguf_embed.rank_tokens.negative')).toBe('no');
  expect(metadata.string('tokenizer.chat_template.rerank')).toContain(
    '<Query>:{query}\n<Document>:{document}<|im_end|>',
  );
  expect(metadata.u32('qwen3vl.pooling_type')).toBe(4);
});

it('cuts rows that no token has, and fills up tokens that no piece has', async () => {
  const folder = await checkout('gemma3');
  const table = { shape: [1432, 64], values: new Float32Array(1432 * 64) };
  const long = await checkout('gemma3', {
    tensors: new Map([['language_model.model.embed_tokens.weight', table]]),
    text: { vocab_size: 1400 },
  });
  expect((await convertedTo(folder, 'model.gguf')).tensors.get('token_embd.weight')?.shape).toEqual([64, 1368]);
  const made = await convertedTo(long, 'model.gguf');
  expect(made.tensors.get('token_embd.weight')?.shape).toEqual([64, 1400]);
  expect([...made.metadata.strings('tokenizer.ggml.tokens')!][1399]).toBe('[PAD1399]');
});

it('writes how positions are scaled, and bases by kind of layer', async () => {
  const rope = {
    full_attention: { rope_type: 'linear', factor: 8, rope_theta: 1e6 },
    sliding_attention: { rope_type: 'default', rope_theta: 5000 },
  };
  const { metadata } = await convertedTo(await checkout('gemma3', { text: { rope_parameters: rope } }), 'model.gguf');
  expect(metadata.get('gemma3.rope.scaling.type')).toBe('linear');
  expect(metadata.get('gemma3.rope.scaling.factor')).toBe(8);
  expect(metadata.get('gemma3.rope.freq_base_swa')).toBe(5000);
});

it.each<[string, Name, Changes]>([
  ['mrope_section is missing', 'qwen3vl', { text: { rope_scaling: null } }],
  ['mrope_section is "8,6"', 'qwen3vl', { text: { rope_scaling: { mrope_section: '8,6' } } }],
  ['use_sliding_window is true', 'qwen2vl', { text: { use_sliding_window: true } }],
  ['hidden_act is "gelu"', 'qwen25vl', { text: { hidden_act: 'gelu' } }],
  ['rope scaling of the type longrope', 'gemma3', { text: { rope_scaling: { rope_type: 'longrope' } } }],
  ['factor of the rope scaling is undefined', 'gemma3', { text: { rope_scaling: { rope_type: 'linear' } } }],
  [
    'layer_types is not a pattern',
    'gemma3',
    { text: { layer_types: ['full_attention', 'sliding_attention', 'sliding_attention', 'full_attention'] } },
  ],
  ['use_bidirectional_attention is true', 'gemma3', { text: { use_bidirectional_attention: true } }],
  ['query_pre_attn_scalar is 168', 'gemma3', { text: { query_pre_attn_scalar: 168 } }],
  ['attn_logit_softcapping is set', 'gemma3', { text: { attn_logit_softcapping: 50 } }],
  ['tokenizer.model: the file does not exist', 'gemma3', { files: { 'tokenizer.model': undefined } }],
  [
    'the vocabulary is not one of those',
    'qwen3vl',
    {
      files: {
        'tokenizer.json':
          '{"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]},"pre_tokenizer":{"type":"ByteLevel"}}',
      },
    },
  ],
])('%s', async (message, name, changes) => {
  await expect(convertedTo(await checkout(name, changes), 'model.gguf')).rejects.toThrow(message);
});
