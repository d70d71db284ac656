/**
 * @file The keys of the architecture: sizes, norms, rope, pooling, labels.
 */
import { type GgufWriter, QUANTIZATION_VERSION } from '../gguf/index.ts';
import { type Checkout, isObject, readJsonObject } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import { readPooling } from './checkout/modules.ts';
import { ArchitectureKeys, type ModelClass } from './classes.ts';

/** Sets the keys of the architecture, and `general.file_type` among them, in llama.cpp's order. */
export async function setHparams(
  writer: GgufWriter,
  checkout: Checkout,
  config: Config,
  modelClass: ModelClass,
  fileType: number,
  warn: (warning: string) => void,
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
  keys.f32('rope.freq_base', ropeBase(config, 'full_attention', 'rope_theta', 'rotary_emb_base', 'global_rope_theta'));
  keys.f32('rope.freq_base_swa', ropeBase(config, 'sliding_attention', 'local_rope_theta'));
  keys.f32('attention.layer_norm_rms_epsilon', config.float('norm_eps'));
  keys.f32('attention.layer_norm_epsilon', config.float('layer_norm_eps', 'layer_norm_epsilon'));
  if (modelClass.architecture === 'nomic-bert') {
    const headSize = Math.floor(config.needU32('hidden_size') / nHead);
    keys.u32('attention.key_length', headSize);
    keys.u32('attention.value_length', headSize);
  }
  writer.set('general.file_type', { type: 'uint32', value: fileType });
  keys.bool('attention.causal', false);
  keys.u32('pooling_type', await readPooling(checkout, warn));
  keys.strings('classifier.output_labels', modelClass.labels?.(config) ?? config.labels());
  modelClass.after?.(keys, config);
  writer.set('general.quantization_version', { type: 'uint32', value: QUANTIZATION_VERSION });
  if (!modelClass.isCrossEncoder) return;
  if (await usesPairTypes(checkout, config)) writer.set('gguf_embed.pair_token_types', { type: 'bool', value: true });
  if (erfForms.includes(config.string('hidden_act') ?? 'gelu')) {
    writer.set('gguf_embed.gelu_erf', { type: 'bool', value: true });
  }
}

/** Names of GELU in its erf form; llama.cpp computes the tanh form for them, too. */
const erfForms = ['gelu', 'gelu_python'];

/** Whether the second text of a pair has type 1: the table has a row for it, and the tokenizer gives types to the model. */
async function usesPairTypes(checkout: Checkout, config: Config): Promise<boolean> {
  if ((config.u32('type_vocab_size') ?? 0) < 2) return false;
  const inputs = (await readJsonObject(checkout, 'tokenizer_config.json'))?.model_input_names;
  return !Array.isArray(inputs) || inputs.includes('token_type_ids');
}

/** Number of layers. */
export function blockCount(config: Config): number {
  return config.needU32('num_hidden_layers', 'n_layers', 'n_layer');
}

/** The base of the rotary embedding: newer configs keep it in `rope_parameters`, by kind of layer when there are two. */
function ropeBase(config: Config, kind: string, ...keys: readonly string[]): number | undefined {
  const { rope_parameters: parameters } = config.raw;
  const own = isObject(parameters) ? (isObject(parameters[kind]) ? parameters[kind] : parameters) : undefined;
  const theta = kind === 'full_attention' || own !== parameters ? own?.rope_theta : undefined;
  if (typeof theta === 'number') return theta;
  return config.float(...keys);
}
