/**
 * @file The convertible classes of models: the keys of each, and the mapping of its tensors and tokens.
 */
import { isObject } from './checkout/checkout.ts';
import type { Config } from './checkout/config.ts';
import { separateAdapters } from './checkpoint/parametrized.ts';
import { ConvertError } from './conversion-error.ts';
import { deberta, debertaClassifier } from './deberta.ts';
import { lfm2, llama, qwen2, qwen2Vl, qwen3, qwen3Vl } from './decoders.ts';
import {
  bertClassifierNames,
  bertNames,
  distilbertNames,
  jinaBertV3Names,
  modernBertNames,
  nomicNames,
  robertaNames,
} from './encoder-names.ts';
import { gemma, gemma2, gemma3 } from './gemma.ts';
import { llamaBidirectional, llamaBidirectionalClassifier } from './llama-bidirectional.ts';
import type { ModelClass } from './model-class.ts';
import { gte, gteClassifier, mpnet } from './own-classes.ts';

/** The forms of GELU; llama.cpp computes the tanh form for all of them. */
const geluForms = ['gelu', 'gelu_new', 'gelu_fast', 'gelu_pytorch_tanh', 'gelu_python'];

function checkBert(config: Config): void {
  config.require('hidden_act', geluForms, 'the architecture bert has GELU');
  config.require('position_embedding_type', ['absolute'], 'only absolute positions are converted');
  config.require('is_decoder', [false], 'the architecture bert sees the whole text');
}

const bert: ModelClass = { architecture: 'bert', names: bertNames, tokenizer: 'wordpiece', check: checkBert };

const bertClassifier: ModelClass = {
  ...bert,
  names: bertClassifierNames,
  isCrossEncoder: true,
  labels: (config) => config.allLabels(),
};

const roberta: ModelClass = {
  ...bert,
  names: robertaNames,
  tokenizer: 'roberta',
  positionOffset: (config) => 1 + config.needU32('pad_token_id'),
};

const xlmRoberta: ModelClass = { ...roberta, tokenizer: 'xlm-roberta' };

const distilbert: ModelClass = {
  ...bert,
  names: distilbertNames,
  check(config) {
    config.require('activation', geluForms, 'the architecture bert has GELU');
    config.require('sinusoidal_pos_embds', [false], 'only learned positions are converted');
    if (config.modelClass === 'DistilBertForSequenceClassification') {
      throw new ConvertError(
        'its classifier has ReLU, but that of the architecture bert has tanh, so scores would differ',
        'config.json',
      );
    }
  },
  before(keys) {
    keys.f32('attention.layer_norm_epsilon', 1e-12);
  },
};

const nomic: ModelClass = {
  architecture: 'nomic-bert',
  names: nomicNames,
  tokenizer: 'wordpiece',
  check(config) {
    const why = 'the architecture nomic-bert has another';
    config.require('activation_function', ['swiglu'], why);
    for (const key of [
      'causal',
      'qkv_proj_bias',
      'mlp_fc1_bias',
      'mlp_fc2_bias',
      'prenorm',
      'rotary_emb_interleaved',
      'use_rms_norm',
      'parallel_block',
    ]) {
      config.require(key, [false], why);
    }
    config.require('rotary_emb_fraction', [1], why);
    config.require('n_positions', [8192], 'only contexts of 2048 trained for 8192 are converted');
    config.require('max_trained_positions', [2048], 'only contexts of 2048 trained for 8192 are converted');
    if (config.get('rotary_emb_scale_base') !== undefined) {
      throw new ConvertError(
        'rotary_emb_scale_base is set, which the architecture nomic-bert does not have',
        'config.json',
      );
    }
    if (config.get('num_experts') !== undefined) {
      throw new ConvertError('num_experts is set; mixtures of experts are not converted', 'config.json');
    }
  },
};

/** Every how many layers one sees the whole text. Newer configs have the kind of each layer instead. */
function globalPeriod(config: Config): number {
  const kinds = config.get('layer_types');
  if (config.raw.global_attn_every_n_layers !== undefined || !Array.isArray(kinds) || kinds.length === 0) {
    return config.needU32('global_attn_every_n_layers');
  }
  const second = kinds.indexOf('full_attention', 1);
  return second < 0 ? kinds.length : second;
}

/** @throws ConvertError if the kinds of layers are no such pattern, or positions are scaled */
function checkModernLayers(config: Config): void {
  const period = globalPeriod(config);
  const kinds = config.get('layer_types');
  const isPattern = (kind: unknown, i: number) => (kind === 'full_attention') === (i % period === 0);
  if (Array.isArray(kinds) && !kinds.every(isPattern)) {
    throw new ConvertError(
      `layer_types must have full_attention in the first of every ${period} layers, and only there`,
      'config.json',
    );
  }
  const rope = config.get('rope_parameters', 'rope_scaling');
  if (!isObject(rope)) return;
  for (const one of [rope, rope.full_attention, rope.sliding_attention]) {
    const type = isObject(one) ? (one.rope_type ?? one.type ?? 'default') : 'default';
    if (type === 'default') continue;
    throw new ConvertError(
      `rope scaling of the type ${type} is not converted; the architecture modern-bert has none`,
      'config.json',
    );
  }
}

const modernBert: ModelClass = {
  architecture: 'modern-bert',
  names: modernBertNames,
  tokenizer: 'modern-bert',
  check(config) {
    config.require('hidden_activation', ['gelu', 'silu'], 'the architecture modern-bert has GELU or SiLU');
    if (config.modelClass === 'ModernBertForSequenceClassification') {
      config.require('classifier_pooling', ['mean'], 'the classifier of the architecture modern-bert takes the mean');
      config.require('classifier_activation', ['gelu'], 'the classifier of the architecture modern-bert has GELU');
    }
    for (const key of ['attention_bias', 'mlp_bias', 'norm_bias']) {
      config.require(key, [false], 'the architecture modern-bert has no biases');
    }
    checkModernLayers(config);
  },
  after(keys, config) {
    keys.f32('attention.layer_norm_epsilon', config.float('norm_eps'));
    keys.u32('attention.sliding_window', config.u32('local_attention'));
    keys.u32('attention.sliding_window_pattern', globalPeriod(config));
    keys.string('rope.scaling.type', 'none');
    keys.u32('vocab_size', config.u32('vocab_size'));
    keys.string('hidden_activation', config.string('hidden_activation')!);
  },
};

/** Jina's XLM-RoBERTa with rotary positions (jina-embeddings-v3, jina-colbert-v2), whose class has the name of the original. */
const jinaBertV3: ModelClass = {
  ...xlmRoberta,
  architecture: 'jina-bert-v3',
  names: jinaBertV3Names,
  hasTaskAdapters: true,
  tensors: (checkpoint) => separateAdapters(checkpoint).weights,
  check(config) {
    config.require('hidden_act', geluForms, 'the architecture jina-bert-v3 has GELU');
  },
};

/** The classes, by their name in `architectures` of the config. */
const classes: Readonly<Record<string, ModelClass>> = {
  BertModel: bert,
  BertForMaskedLM: bert,
  BertForSequenceClassification: bertClassifier,
  DistilBertModel: distilbert,
  DistilBertForMaskedLM: distilbert,
  DistilBertForSequenceClassification: distilbert,
  RobertaModel: roberta,
  RobertaForMaskedLM: roberta,
  RobertaForSequenceClassification: roberta,
  XLMRobertaModel: xlmRoberta,
  XLMRobertaForMaskedLM: xlmRoberta,
  XLMRobertaForSequenceClassification: xlmRoberta,
  NomicBertModel: nomic,
  ModernBertModel: modernBert,
  ModernBertForMaskedLM: modernBert,
  ModernBertForSequenceClassification: modernBert,
  MPNetModel: mpnet,
  MPNetForMaskedLM: mpnet,
  MPNetForSequenceClassification: mpnet,
  DebertaV2Model: deberta,
  DebertaV2ForMaskedLM: deberta,
  DebertaV2ForSequenceClassification: debertaClassifier,
  NewModel: gte,
  NewForMaskedLM: gte,
  NewForTokenClassification: gte,
  NewForSequenceClassification: gteClassifier,
  GteModel: gte,
  GteForMaskedLM: gte,
  GteForTokenClassification: gte,
  GteForSequenceClassification: gteClassifier,
  Qwen2Model: qwen2,
  Qwen2ForCausalLM: qwen2,
  Qwen3Model: qwen3,
  Qwen3ForCausalLM: qwen3,
  JinaForRanking: qwen3,
  Qwen2VLForConditionalGeneration: qwen2Vl,
  Qwen2_5_VLForConditionalGeneration: qwen2Vl,
  Qwen3VLForConditionalGeneration: qwen3Vl,
  GemmaModel: gemma,
  GemmaForCausalLM: gemma,
  Gemma2Model: gemma2,
  Gemma2ForCausalLM: gemma2,
  Gemma3ForConditionalGeneration: gemma3,
  Lfm2Model: lfm2,
  Lfm2ForCausalLM: lfm2,
  Lfm2BidirectionalModel: lfm2,
  Lfm2BidirectionalForMaskedLM: lfm2,
  LlamaBidirectionalModel: llamaBidirectional,
  LlamaBidirectionalForSequenceClassification: llamaBidirectionalClassifier,
  Idefics3ForConditionalGeneration: llama,
  SmolVLMForConditionalGeneration: llama,
};

/** Names of all convertible classes. */
const convertibleClasses: readonly string[] = Object.keys(classes);

/** The class below Stanford's ColBERT, by `model_type`. */
const belowColbert: Readonly<Record<string, string>> = {
  bert: 'BertModel',
  roberta: 'RobertaModel',
  'xlm-roberta': 'XLMRobertaModel',
  modernbert: 'ModernBertModel',
};

/** The name in `architectures`, or for `HF_ColBERT` the class below it. */
function baseClass({ modelClass, raw }: Config): string {
  if (modelClass !== 'HF_ColBERT') return modelClass;
  const type = String(raw.model_type);
  if (Object.hasOwn(belowColbert, type)) return belowColbert[type];
  const known = Object.keys(belowColbert).join(', ');
  throw new ConvertError(`HF_ColBERT over ${type} is not supported; supported are ${known}`, 'config.json');
}

/** The class of a checkout. @throws ConvertError if it is not supported */
export function findClass(config: Config): ModelClass {
  const modelClass = baseClass(config);
  if (/^XLMRoberta/.test(modelClass) && config.get('position_embedding_type') === 'rotary') return jinaBertV3;
  if (!Object.hasOwn(classes, modelClass)) {
    throw new ConvertError(
      `the class ${modelClass} is not supported; supported are ${convertibleClasses.join(', ')}`,
      'config.json',
    );
  }
  return classes[modelClass];
}
