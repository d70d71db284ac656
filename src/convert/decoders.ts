/**
 * @file Language models: Qwen2, Qwen3, and the text models of Qwen2-VL, Qwen2.5-VL, Qwen3-VL, Gemma 3 and Idefics3.
 */

import { isObject } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import { interleaveHalves } from './checkpoint/permute.ts';
import { plus } from './checkpoint/plus.ts';
import { ConvertError } from './conversion-error.ts';
import type { ModelClass } from './model-class.ts';
import { gemma3Names, llamaNames, qwenNames } from './names.ts';
import { llama3Factors } from './rope-factors.ts';
import { countGemmaTokens } from './vocab/gemma.ts';

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

/** Period of the layers with full attention; llama.cpp's default if the file has none. */
const gemma3Period = 6;

export const gemma3: ModelClass = {
  architecture: 'gemma3',
  names: gemma3Names,
  tokenizer: 'gemma',
  isDecoder: true,
  part: text,
  tokenRows: countGemmaTokens,
  stored: (tensor, name) => plus(tensor, name.endsWith('norm.weight') ? 1 : 0),
  check(config) {
    const why = 'the architecture gemma3 has another';
    config.require('hidden_activation', ['gelu_pytorch_tanh'], why);
    config.require('attention_bias', [false], why);
    config.require('use_bidirectional_attention', [false], why);
    if (config.get('attn_logit_softcapping') !== undefined) {
      throw new ConvertError(
        'attn_logit_softcapping is set, which the architecture gemma3 does not have',
        'config.json',
      );
    }
    // Only the model with 62 layers scales queries by another number than the size of its heads.
    const headSize = config.needU32('head_dim');
    const scale = config.needU32('num_hidden_layers') === 62 ? undefined : [headSize];
    if (scale !== undefined) config.require('query_pre_attn_scalar', scale, 'only the size of a head is computed with');
  },
  after(keys, config) {
    keys.u32('attention.sliding_window', config.needU32('sliding_window'));
    const period = windowPeriod(config);
    if (period !== gemma3Period) keys.u32('attention.sliding_window_pattern', period);
    keys.f32('final_logit_softcapping', config.float('final_logit_softcapping'));
  },
};

/** The period of the layers with full attention. @throws ConvertError if `layer_types` is not periodic */
function windowPeriod(config: Config): number {
  const kinds = config.get('layer_types');
  if (!Array.isArray(kinds)) return config.u32('sliding_window_pattern', '_sliding_window_pattern') ?? gemma3Period;
  const first = kinds.indexOf('full_attention');
  if (first < 0 && kinds.length < gemma3Period) return gemma3Period;
  const isRegular = kinds.every(
    (kind, il) => kind === ((il + 1) % (first + 1) === 0 ? 'full_attention' : 'sliding_attention'),
  );
  if (first >= 0 && isRegular) return first + 1;
  throw new ConvertError('layer_types is not a pattern that repeats', 'config.json');
}

/** Values of a head. */
function headSize(config: Config): number {
  return config.u32('head_dim') ?? Math.floor(config.needU32('hidden_size') / config.needU32('num_attention_heads'));
}

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
  ropeFactors: (config) => llama3Factors(config, headSize(config)),
  check(config) {
    const why = 'the architecture llama has another';
    config.require('hidden_act', ['silu'], why);
    config.require('attention_bias', [false], 'LLaMA with biases is not converted');
    config.require('mlp_bias', [false], 'LLaMA with biases is not converted');
  },
  after(keys, config) {
    keys.u32('vocab_size', config.needU32('vocab_size'));
    keys.u32('rope.dimension_count', headSize(config));
  },
};
