/**
 * @file `config.json`, with the transformers library's defaults for missing keys.
 */

import { ConvertError } from '../conversion-error.ts';
import { type Checkout, isObject, type Json, readJsonObject } from './checkout.ts';

const FILE = 'config.json';

/** Limits for numbers that something is made of as often: llama.cpp's for layers, and far more than any model has. */
const MAX_LAYERS = 512;
const MAX_LABELS = 2 ** 16;
const MAX_HEAD_SIZE = 2 ** 16;

const bert: Json = {
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  max_position_embeddings: 512,
  layer_norm_eps: 1e-12,
  type_vocab_size: 2,
  pad_token_id: 0,
  hidden_act: 'gelu',
  position_embedding_type: 'absolute',
};

const llama: Json = {
  num_attention_heads: 32,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  hidden_act: 'silu',
};

const gemma: Json = { head_dim: 256, rms_norm_eps: 1e-6, rope_theta: 10000 };

const gte: Json = { position_embedding_type: 'rope', type_vocab_size: 1, layer_norm_type: 'layer_norm' };

/** By `model_type`. */
const defaults: Readonly<Record<string, Json>> = {
  bert,
  roberta: { ...bert, vocab_size: 50265, pad_token_id: 1 },
  'xlm-roberta': { ...bert, pad_token_id: 1 },
  distilbert: {
    vocab_size: 30522,
    dim: 768,
    n_layers: 6,
    n_heads: 12,
    hidden_dim: 3072,
    max_position_embeddings: 512,
    activation: 'gelu',
  },
  mpnet: { ...bert, vocab_size: 30527, pad_token_id: 1, type_vocab_size: 1, relative_attention_num_buckets: 32 },
  'deberta-v2': {
    ...bert,
    vocab_size: 128100,
    hidden_size: 1536,
    num_hidden_layers: 24,
    num_attention_heads: 24,
    intermediate_size: 6144,
    type_vocab_size: 0,
    layer_norm_eps: 1e-7,
    max_relative_positions: -1,
    pooler_hidden_act: 'gelu',
  },
  new: { ...bert, ...gte, max_position_embeddings: 2048, rope_theta: 10000 },
  gte: { ...bert, ...gte, max_position_embeddings: 8192, rope_theta: 160000 },
  nomic_bert: {
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    max_position_embeddings: 2048,
    layer_norm_eps: 1e-12,
    rope_theta: 1000,
  },
  modernbert: {
    vocab_size: 50368,
    hidden_size: 768,
    num_hidden_layers: 22,
    num_attention_heads: 12,
    intermediate_size: 1152,
    max_position_embeddings: 8192,
    norm_eps: 1e-5,
    hidden_activation: 'gelu',
    global_attn_every_n_layers: 3,
    local_attention: 128,
    global_rope_theta: 160000,
    local_rope_theta: 10000,
  },
  gemma: { ...gemma, num_attention_heads: 16, num_key_value_heads: 16, max_position_embeddings: 8192 },
  gemma2: {
    ...gemma,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    max_position_embeddings: 8192,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    hidden_activation: 'gelu_pytorch_tanh',
  },
  gemma3: {
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131072,
    rms_norm_eps: 1e-6,
    rope_theta: 1000000,
    rope_local_base_freq: 10000,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
    hidden_activation: 'gelu_pytorch_tanh',
  },
  llama_bidirec: llama,
  idefics3: llama,
  smolvlm: llama,
};

/** The config of a checkout; every getter checks its value. */
export class Config {
  /** The parsed file. */
  readonly raw: Json;
  /** First of `architectures`: the class of the model. */
  readonly modelClass: string;
  readonly #values: Json;

  constructor(raw: Json) {
    const { model_type: type, architectures } = raw;
    const modelClass: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
    if (typeof type !== 'string' || typeof modelClass !== 'string') {
      throw new ConvertError('expected model_type and architectures', FILE);
    }
    this.raw = raw;
    this.modelClass = modelClass;
    this.#values = { ...(Object.hasOwn(defaults, type) ? defaults[type] : {}), ...raw };
  }

  /** The config of the text model of a vision-language model: the keys of `text_config`, if present, take precedence, except ids of special tokens. */
  text(): Config {
    const { text_config: own, model_type, architectures } = this.raw;
    if (!isObject(own)) return this;
    const ids = Object.entries(this.raw).filter(([key, value]) => key.endsWith('_token_id') && value !== null);
    return new Config({ ...this.raw, ...own, ...Object.fromEntries(ids), model_type, architectures });
  }

  /** The same config with other values of some keys. */
  with(values: Json): Config {
    return new Config({ ...this.raw, ...values });
  }

  /** The value of the first key that is present and not null. */
  get(...keys: readonly string[]): unknown {
    for (const key of keys)
      if (Object.hasOwn(this.#values, key) && this.#values[key] !== null) return this.#values[key];
    return undefined;
  }

  /** An integer from 0 to 2³² − 1. @throws ConvertError for another value */
  u32(...keys: readonly string[]): number | undefined {
    return this.#expect(
      keys,
      (value) => isNumber(value) && Number.isInteger(value) && value >= 0 && value < 2 ** 32,
      'an integer from 0 to 4294967295',
    );
  }

  /** As `u32`. @throws ConvertError also if it is missing */
  needU32(...keys: readonly string[]): number {
    const value = this.u32(...keys);
    if (value === undefined) throw new ConvertError(`${keys[0]} is missing`, FILE);
    return value;
  }

  /** Number of layers. @throws ConvertError as `needU32`, and if there are too many */
  layerCount(...keys: readonly string[]): number {
    return this.#atMost(MAX_LAYERS, keys) ?? this.needU32(...keys);
  }

  /** Values of a head. @throws ConvertError if no head has as many */
  headSize(): number {
    const own = this.#atMost(MAX_HEAD_SIZE, ['head_dim']);
    if (own !== undefined) return own;
    const nHead = this.needU32('num_attention_heads');
    const size = Math.floor(this.needU32('hidden_size') / nHead);
    if (size <= MAX_HEAD_SIZE) return size;
    throw new ConvertError(`num_attention_heads is ${nHead}, with which a head has ${size} values`, FILE);
  }

  /** @throws ConvertError if it is not a number, or too large for float32 */
  float(...keys: readonly string[]): number | undefined {
    return this.#expect(
      keys,
      (value): value is number => isNumber(value) && Number.isFinite(Math.fround(value)),
      'a number of float32',
    );
  }

  /** @throws ConvertError if it is not a string */
  string(...keys: readonly string[]): string | undefined {
    return this.#expect(keys, (value): value is string => typeof value === 'string', 'a text');
  }

  /** @throws ConvertError if the value of `key` is present and not one of `values`; `why` ends the message */
  require(key: string, values: readonly unknown[], why: string): void {
    const found = this.get(key);
    if (found === undefined || values.includes(found)) return;
    throw new ConvertError(`${key} is ${JSON.stringify(found)}; ${why}`, FILE);
  }

  /** Names of the classifier's outputs; empty if there are none, or only the two default names of transformers. */
  labels(): string[] {
    if (!isObject(this.raw.id2label)) return [];
    const labels = this.allLabels();
    return labels.length === 2 && labels[0] === 'LABEL_0' ? [] : labels;
  }

  /** Names of the classifier's outputs; the default names of transformers if the config has none. */
  allLabels(): string[] {
    const { id2label } = this.raw;
    if (!isObject(id2label))
      return Array.from({ length: this.#atMost(MAX_LABELS, ['num_labels']) ?? 2 }, (_, i) => `LABEL_${i}`);
    return Object.keys(id2label)
      .sort((a, b) => Number(a) - Number(b))
      .map((id) => String(id2label[id]));
  }

  #atMost(most: number, keys: readonly string[]): number | undefined {
    const value = this.u32(...keys);
    if (value === undefined || value <= most) return value;
    throw new ConvertError(`${keys.join(' or ')} is ${value}; at most ${most} are supported`, FILE);
  }

  #expect<T>(keys: readonly string[], is: (value: unknown) => value is T, what: string): T | undefined;
  #expect(keys: readonly string[], is: (value: unknown) => boolean, what: string): number | undefined;
  #expect(keys: readonly string[], is: (value: unknown) => boolean, what: string): unknown {
    const value = this.get(...keys);
    if (value !== undefined && !is(value)) {
      throw new ConvertError(`${keys.join(' or ')} is ${JSON.stringify(value)}; expected ${what}`, FILE);
    }
    return value;
  }
}

/** @throws ConvertError if there is no config, or it names no class */
export async function readConfig(checkout: Checkout): Promise<Config> {
  const raw = await readJsonObject(checkout, FILE);
  if (raw === undefined)
    throw new ConvertError(`there is no ${FILE}: give the folder of a Hugging Face model`, checkout.name);
  return new Config(raw);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
