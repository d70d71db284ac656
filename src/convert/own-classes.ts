/**
 * @file Classes of models that become files of architectures of our own: MPNet and GTE.
 */
import { isObject } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import { times } from './checkpoint/plus.ts';
import { ConvertError } from './conversion-error.ts';
import { gteClassifierNames, gteNames, mpnetNames } from './encoder-names.ts';
import type { ArchitectureKeys, ModelClass } from './model-class.ts';

/** GELU in its erf form and in its tanh forms. */
const geluForms = ['gelu', 'gelu_python', 'gelu_new', 'gelu_fast', 'gelu_pytorch_tanh'];
/** Buckets of the distance of two tokens; transformers computes with this number whatever the config says. */
const MPNET_BUCKETS = 32;

function headSize(config: Config): number {
  return Math.floor(config.needU32('hidden_size') / config.needU32('num_attention_heads'));
}

export const mpnet: ModelClass = {
  architecture: 'gguf-embed-mpnet',
  names: mpnetNames,
  tokenizer: 'wordpiece',
  keepsGelu: true,
  // The first rows stand for padding, whatever its id is.
  positionOffset: () => 2,
  stored: (tensor, name, config) =>
    name === 'attn_rel_b.weight' ? times(tensor, Math.sqrt(headSize(config))) : tensor,
  check(config) {
    config.require('hidden_act', geluForms, 'the architecture gguf-embed-mpnet has GELU');
    config.require('relative_attention_num_buckets', [MPNET_BUCKETS], `only ${MPNET_BUCKETS} buckets are converted`);
  },
  after(keys) {
    keys.u32('attention.relative_buckets_count', MPNET_BUCKETS);
  },
};

/** An embedder; a classifier of tokens that stands beside it is left out. */
export const gte: ModelClass = {
  architecture: 'gguf-embed-gte',
  names: gteNames,
  tokenizer: 'by-file',
  keepsGelu: true,
  check(config) {
    const why = 'the architecture gguf-embed-gte has another';
    config.require('hidden_act', geluForms, why);
    config.require('position_embedding_type', ['rope'], why);
    config.require('layer_norm_type', ['layer_norm'], why);
    config.require('logn_attention_scale', [false], why);
  },
  after: setNtkScaling,
};

export const gteClassifier: ModelClass = {
  ...gte,
  names: gteClassifierNames,
  isCrossEncoder: true,
  labels: (config) => config.allLabels(),
};

/**
 * Fixed NTK scaling by `f`: a base of `f · theta`, and angles divided by `f^(2 / headSize)`. The original applies it at every length.
 * @throws ConvertError for another scaling
 */
function setNtkScaling(keys: ArchitectureKeys, config: Config): void {
  const scaling = config.get('rope_scaling', 'rope_parameters');
  if (!isObject(scaling)) return;
  const type = scaling.rope_type ?? scaling.type ?? 'default';
  if (type === 'default') return;
  const { factor, mixed_b: mixed = null } = scaling;
  if (type !== 'ntk' || mixed !== null || !(typeof factor === 'number' && factor >= 1)) {
    throw new ConvertError(`the rope scaling ${JSON.stringify(scaling)} is not converted; known is ntk`, 'config.json');
  }
  keys.f32('rope.freq_base', factor * config.float('rope_theta')!);
  keys.string('rope.scaling.type', 'linear');
  keys.f32('rope.scaling.factor', factor ** (2 / headSize(config)));
}
