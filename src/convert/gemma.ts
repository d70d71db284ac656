/**
 * @file Language models of Gemma: the first one, Gemma 2, and the text model of Gemma 3.
 */
import type { Config } from './checkout/config.ts';
import { plus } from './checkpoint/plus.ts';
import { ConvertError } from './conversion-error.ts';
import { gemma2Names, gemma3Names, gemmaNames } from './decoder-names.ts';
import type { ModelClass } from './model-class.ts';
import { countGemmaTokens } from './vocab/gemma.ts';

/** What all of them have; norms in a file contain the "+1" that the model adds. */
const shared: Pick<ModelClass, 'tokenizer' | 'isDecoder' | 'tokenRows' | 'stored'> = {
  tokenizer: 'gemma',
  isDecoder: true,
  tokenRows: countGemmaTokens,
  stored: (tensor, name) => plus(tensor, name.endsWith('norm.weight') ? 1 : 0),
};

/** The first Gemma: bge-reranker-v2-gemma. Its output is the table of tokens. */
export const gemma: ModelClass = {
  ...shared,
  architecture: 'gemma',
  names: gemmaNames,
  check(config) {
    const why = 'the architecture gemma has another';
    // Old configs name the erf form; the model was trained with the tanh form, which all programs compute.
    config.require('hidden_act', ['gelu', 'gelu_pytorch_tanh'], why);
    config.require('hidden_activation', ['gelu_pytorch_tanh'], why);
    config.require('attention_bias', [false], why);
    config.require('tie_word_embeddings', [true], 'the output of the architecture gemma is its table of tokens');
  },
};

/** Layers of the one model that scales queries as if its heads divided the width evenly. */
const gemma2Layers27B = 46;

/** Gemma 2: bge-multilingual-gemma2. */
export const gemma2: ModelClass = {
  ...shared,
  architecture: 'gemma2',
  names: gemma2Names,
  check(config) {
    const why = 'the architecture gemma2 has another';
    config.require('hidden_activation', ['gelu_pytorch_tanh'], why);
    config.require('attention_bias', [false], why);
    config.require('use_bidirectional_attention', [false], why);
    config.require('tie_word_embeddings', [true], 'the output of the architecture gemma2 is its table of tokens');
    const evenly = config.needU32('hidden_size') / config.needU32('num_attention_heads');
    const scale = config.needU32('num_hidden_layers') === gemma2Layers27B ? evenly : config.needU32('head_dim');
    config.require('query_pre_attn_scalar', [scale], `only ${scale} is computed with`);
    const kinds = config.get('layer_types');
    const isRegular = (kind: unknown, il: number) => kind === (il % 2 === 0 ? 'sliding_attention' : 'full_attention');
    if (Array.isArray(kinds) && !kinds.every(isRegular)) {
      throw new ConvertError('layer_types must alternate, from sliding_attention on', 'config.json');
    }
  },
  after(keys, config) {
    keys.f32('attn_logit_softcapping', config.float('attn_logit_softcapping') ?? 0);
    keys.f32('final_logit_softcapping', config.float('final_logit_softcapping') ?? 0);
    keys.u32('attention.sliding_window', config.needU32('sliding_window'));
  },
};

/** Period of the layers with full attention; llama.cpp's default if the file has none. */
const gemma3Period = 6;

export const gemma3: ModelClass = {
  ...shared,
  architecture: 'gemma3',
  names: gemma3Names,
  part: (config) => config.text(),
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
