/**
 * @file Language models: Qwen2, Qwen3, LFM2, and the text models of Qwen2-VL, Qwen2.5-VL, Qwen3-VL and Idefics3.
 */

import { isObject } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import { interleaveHalves } from './checkpoint/permute.ts';
import { ConvertError } from './conversion-error.ts';
import { lfm2Names, llamaNames, qwenNames } from './decoder-names.ts';
import type { ModelClass } from './model-class.ts';
import { llama3Factors } from './rope-factors.ts';

const text = (config: Config): Config => config.text();

function checkQwen(config: Config): void {
  config.require('hidden_act', ['silu'], 'Qwen has SiLU');
  config.require('use_sliding_window', [false], 'a sliding window is not computed for Qwen');
  const rope = config.get('rope_parameters', 'rope_scaling');
  if (!isObject(rope) || rope.mrope_section === undefined) {
    throw new ConvertError('mrope_section is missing from rope_scaling', 'config.json');
  }
}

/** Qwen2-VL and Qwen2.5-VL, whose text models have the same architecture. */
export const qwen2Vl: ModelClass = {
  architecture: 'qwen2vl',
  names: qwenNames,
  tokenizer: 'bpe',
  isDecoder: true,
  part: text,
  check: checkQwen,
};

export const qwen3Vl: ModelClass = {
  ...qwen2Vl,
  architecture: 'qwen3vl',
  check(config) {
    checkQwen(config);
    config.require('attention_bias', [false], 'the architecture qwen3vl has no biases');
  },
  after(keys, config) {
    const vision = config.get('vision_config');
    const layers = isObject(vision) ? (vision.deepstack_visual_indexes ?? []) : [];
    if (!Array.isArray(layers)) {
      throw new ConvertError('deepstack_visual_indexes is not a list of layers', 'config.json');
    }
    keys.u32('n_deepstack_layers', layers.length);
  },
};

/** Qwen2: gte-Qwen2 and mxbai-rerank-v2. Some embedders were trained to see the whole text. */
export const qwen2: ModelClass = {
  architecture: 'qwen2',
  names: qwenNames,
  tokenizer: 'bpe',
  isDecoder: true,
  check(config) {
    config.require('hidden_act', ['silu'], 'Qwen has SiLU');
    config.require('use_sliding_window', [false], 'a sliding window is not computed for Qwen');
  },
  after(keys, config) {
    const isBidirectional = config.get('is_causal') === false || config.get('use_bidirectional_attention') === true;
    if (isBidirectional) keys.bool('attention.causal', false);
  },
};

/** Qwen3-Embedding and Qwen3-Reranker. */
export const qwen3: ModelClass = {
  ...qwen2,
  architecture: 'qwen3',
  check(config, checkout) {
    qwen2.check(config, checkout);
    config.require('attention_bias', [false], 'the architecture qwen3 has no biases');
  },
};

/** LLaMA, the text model of Idefics3 and SmolVLM. */
export const llama: ModelClass = {
  architecture: 'llama',
  names: llamaNames,
  tokenizer: 'llama',
  isDecoder: true,
  part: text,
  stored(tensor, name, config) {
    const part = /\.attn_([qk])\./.exec(name)?.[1];
    if (part === undefined) return tensor;
    const nHead = config.needU32('num_attention_heads');
    return interleaveHalves(tensor, part === 'q' ? nHead : (config.u32('num_key_value_heads') ?? nHead));
  },
  ropeFactors: (config) => llama3Factors(config, config.headSize()),
  check(config) {
    const why = 'the architecture llama has another';
    config.require('hidden_act', ['silu'], why);
    config.require('attention_bias', [false], 'LLaMA with biases is not converted');
    config.require('mlp_bias', [false], 'LLaMA with biases is not converted');
  },
  after(keys, config) {
    keys.u32('vocab_size', config.needU32('vocab_size'));
    keys.u32('rope.dimension_count', config.headSize());
  },
};

/** LFM2: a layer is a convolution or attention. The bidirectional classes are embedders (LFM2.5-Embedding, LFM2.5-ColBERT). */
export const lfm2: ModelClass = {
  architecture: 'lfm2',
  names: lfm2Names,
  tokenizer: 'bpe',
  isDecoder: true,
  // [n, 1, nTaps] in the checkpoint.
  stored: (tensor, name) =>
    name.endsWith('shortconv.conv.weight') && tensor.shape.length === 3
      ? { ...tensor, shape: [tensor.shape[0], tensor.shape[2]], read: (first, into) => tensor.read(first, into) }
      : tensor,
  check(config) {
    config.require('conv_bias', [false], 'the architecture lfm2 has no biases');
  },
  after(keys, config) {
    const nKv = config.needU32('num_key_value_heads');
    keys.ints(
      'attention.head_count_kv',
      lfm2Layers(config).map((kind) => (kind === 'conv' ? 0 : nKv)),
    );
    keys.u32('feed_forward_length', lfm2Ff(config));
    keys.u32('vocab_size', config.needU32('vocab_size'));
    keys.u32('shortconv.l_cache', config.needU32('conv_L_cache'));
    if (/Bidirectional/.test(config.modelClass)) keys.bool('attention.causal', false);
  },
};

/** What mixes the tokens of each layer. @throws ConvertError for another kind of layer */
function lfm2Layers(config: Config): readonly string[] {
  const kinds = config.get('layer_types');
  if (!Array.isArray(kinds)) throw new ConvertError('layer_types is not a list of layers', 'config.json');
  const other = kinds.find((kind) => kind !== 'conv' && kind !== 'full_attention');
  if (other === undefined && kinds.length === config.needU32('num_hidden_layers')) return kinds;
  const problem = other === undefined ? `has ${kinds.length} entries` : `has the kind ${JSON.stringify(other)}`;
  throw new ConvertError(
    `layer_types ${problem}; known are conv and full_attention, one for each layer`,
    'config.json',
  );
}

/** Width of the feed-forward layers: that of the config, or two thirds of it, rounded up, as the original computes it. */
function lfm2Ff(config: Config): number {
  const whole = config.needU32('intermediate_size', 'block_ff_dim');
  if (config.get('block_auto_adjust_ff_dim') === false) return whole;
  const adjusted = Math.floor(Math.floor((2 * whole) / 3) * (config.float('block_ffn_dim_multiplier') ?? 1));
  const multiple = config.u32('block_multiple_of') ?? 256;
  return multiple * Math.ceil(adjusted / multiple);
}
