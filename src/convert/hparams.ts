/**
 * @file The keys of the architecture: sizes, norms, rope, pooling, labels.
 */
import { type GgufWriter, QUANTIZATION_VERSION } from '../gguf/index.ts';
import { type Checkout, isObject, type Json, readJsonObject } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import { type PoolingSettings, poolingKeys } from './checkout/pooling-modes.ts';
import { ConvertError } from './conversion-error.ts';
import { ArchitectureKeys, type ModelClass } from './model-class.ts';

/** Architectures whose head size is written even if the config lacks it. */
const writesHeadSize = ['nomic-bert', 'llama'];

/** What does not come from the config. */
interface FileKeys {
  readonly fileType: number;
  /** Ways to pool; `undefined` if the checkout names none. */
  readonly pooling?: PoolingSettings;
  /** Weights of the hidden states of the last layers; `undefined` if only those of the last one are pooled. */
  readonly layerWeights?: Float32Array;
}

/** Sets the keys of the architecture, and `general.file_type` among them, in llama.cpp's order. */
export async function setHparams(
  writer: GgufWriter,
  checkout: Checkout,
  config: Config,
  modelClass: ModelClass,
  { fileType, pooling, layerWeights }: FileKeys,
): Promise<void> {
  const keys = new ArchitectureKeys(writer, modelClass.architecture);
  modelClass.before?.(keys);
  keys.u32('block_count', blockCount(config));
  keys.u32(
    'context_length',
    config.needU32('max_position_embeddings', 'n_positions') - (modelClass.positionOffset?.(config) ?? 0),
  );
  keys.u32('embedding_length', config.needU32('hidden_size', 'n_embd', 'dim'));
  keys.u32('feed_forward_length', config.needU32('intermediate_size', 'n_inner', 'hidden_dim'));
  const nHead = config.needU32('num_attention_heads', 'n_head', 'n_heads');
  keys.u32('attention.head_count', nHead);
  keys.u32('attention.head_count_kv', config.u32('num_key_value_heads', 'n_kv_heads'));
  if (modelClass.isDecoder) setRopeScaling(keys, config, modelClass);
  keys.f32('rope.freq_base', ropeBase(config, 'full_attention', 'rope_theta', 'rotary_emb_base', 'global_rope_theta'));
  keys.f32('rope.freq_base_swa', ropeBase(config, 'sliding_attention', 'local_rope_theta', 'rope_local_base_freq'));
  keys.f32('attention.layer_norm_rms_epsilon', config.float('rms_norm_eps', 'norm_eps'));
  keys.f32('attention.layer_norm_epsilon', config.float('layer_norm_eps', 'layer_norm_epsilon'));
  const ownSize = modelClass.isDecoder ? config.u32('head_dim') : undefined;
  const headSize =
    ownSize ??
    (writesHeadSize.includes(modelClass.architecture) ? Math.floor(config.needU32('hidden_size') / nHead) : undefined);
  if (headSize !== undefined) {
    keys.u32('attention.key_length', headSize);
    keys.u32('attention.value_length', headSize);
  }
  writer.set('general.file_type', { type: 'uint32', value: fileType });
  if (!modelClass.isDecoder) keys.bool('attention.causal', false);
  setPooling(keys, writer, pooling);
  if (layerWeights !== undefined) {
    const value = { elementType: 'float32', values: layerWeights } as const;
    writer.set('gguf_embed.layer_pooling.weights', { type: 'array', value });
  }
  keys.strings('classifier.output_labels', modelClass.labels?.(config) ?? config.labels());
  modelClass.after?.(keys, config);
  writer.set('general.quantization_version', { type: 'uint32', value: QUANTIZATION_VERSION });
  if (modelClass.isCrossEncoder && (await usesPairTypes(checkout, config))) {
    writer.set('gguf_embed.pair_token_types', { type: 'bool', value: true });
  }
  if (!modelClass.isCrossEncoder && !modelClass.keepsGelu) return;
  if (erfForms.includes(config.string('hidden_act', 'activation', 'hidden_activation') ?? 'gelu')) {
    writer.set('gguf_embed.gelu_erf', { type: 'bool', value: true });
  }
}

function setPooling(keys: ArchitectureKeys, writer: GgufWriter, pooling: PoolingSettings | undefined): void {
  if (pooling === undefined) return;
  const { number, modes: values } = poolingKeys(pooling.modes);
  keys.u32('pooling_type', number);
  if (values !== undefined) {
    writer.set('gguf_embed.pooling.modes', { type: 'array', value: { elementType: 'string', values } });
  }
  if (!pooling.includesPrompt) writer.set('gguf_embed.pooling.include_prompt', { type: 'bool', value: false });
}

/** Names of GELU in its erf form; llama.cpp computes the tanh form for them, too. */
export const erfForms = ['gelu', 'gelu_python'];

/** Whether the second text of a pair has token type 1: the table has a row for it, and the tokenizer returns token types. */
async function usesPairTypes(checkout: Checkout, config: Config): Promise<boolean> {
  if ((config.u32('type_vocab_size') ?? 0) < 2) return false;
  const inputs = (await readJsonObject(checkout, 'tokenizer_config.json'))?.model_input_names;
  return !Array.isArray(inputs) || inputs.includes('token_type_ids');
}

/** Number of layers. */
export function blockCount(config: Config): number {
  return config.layerCount('num_hidden_layers', 'n_layers', 'n_layer');
}

/** RoPE scaling for positions beyond the training context, and the sections of M-RoPE. */
function setRopeScaling(keys: ArchitectureKeys, config: Config, { ropeFactors }: ModelClass): void {
  const found = config.get('rope_parameters', 'rope_scaling');
  const all: Json = isObject(found) ? found : {};
  const whole: Json = isObject(all.full_attention) ? all.full_attention : all;
  const type = whole.rope_type ?? whole.type ?? 'default';
  const known = ['default', 'mrope', 'linear', 'yarn', ...(ropeFactors === undefined ? [] : ['llama3'])];
  if (!known.includes(String(type))) {
    throw new ConvertError(
      `rope scaling of the type ${type} is not converted; known are ${known.join(', ')}`,
      'config.json',
    );
  }
  if (type === 'linear' || type === 'yarn') {
    keys.string('rope.scaling.type', type);
    keys.f32('rope.scaling.factor', scalingNumber(whole, 'factor'));
    if (type === 'yarn') {
      checkYarn(whole);
      keys.u32('rope.scaling.original_context_length', scalingNumber(whole, 'original_max_position_embeddings'));
    }
  }
  const { mrope_section: sections } = all;
  if (sections === undefined) return;
  if (!Array.isArray(sections) || sections.length > 4 || !sections.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ConvertError(
      `mrope_section is ${JSON.stringify(sections)}; up to four whole numbers were expected`,
      'config.json',
    );
  }
  keys.ints('rope.dimension_sections', [...sections, 0, 0, 0, 0].slice(0, 4));
}

/** @throws ConvertError for settings of YaRN that a file cannot express */
function checkYarn(scaling: Json): void {
  const usual: Json = {
    beta_fast: 32,
    beta_slow: 1,
    attention_factor: undefined,
    mscale: undefined,
    mscale_all_dim: undefined,
    truncate: true,
  };
  for (const [key, value] of Object.entries(usual)) {
    const found = scaling[key] ?? value;
    if (found === value) continue;
    throw new ConvertError(
      `${key} of the rope scaling is ${JSON.stringify(found)}, which a file cannot express`,
      'config.json',
    );
  }
}

function scalingNumber(scaling: Json, key: string): number {
  const value = scaling[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new ConvertError(
    `${key} of the rope scaling is ${JSON.stringify(value)}; a number was expected`,
    'config.json',
  );
}

/** The base of the rotary embedding: newer configs keep it in `rope_parameters`, by kind of layer if there are two. */
function ropeBase(config: Config, kind: string, ...keys: readonly string[]): number | undefined {
  const { rope_parameters: parameters } = config.raw;
  const own = isObject(parameters) ? (isObject(parameters[kind]) ? parameters[kind] : parameters) : undefined;
  const theta = kind === 'full_attention' || own !== parameters ? own?.rope_theta : undefined;
  if (typeof theta === 'number') return theta;
  return config.float(...keys);
}
