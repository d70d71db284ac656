/**
 * @file The classes of checkouts whose vision tower can be converted: the names of its tensors, and the keys that only one of them has.
 */

import type { Json } from '../checkout/checkout.ts';
import { ConvertError } from '../conversion-error.ts';
import type { ArchitectureKeys } from '../model-class.ts';
import type { NameMap } from '../names.ts';
import type { VisionConfig } from './vision-config.ts';

/** How the vision tower of a class is written. */
export interface TowerClass {
  /** `clip.projector_type`. */
  readonly projector: string;
  /** Matches the names of the tower's tensors; all others belong to the text model. */
  readonly part: RegExp;
  readonly names: NameMap;
  /** `hidden_act` of the config, and the key that stands for it; without a key llama.cpp takes quick GELU. */
  readonly activation: { readonly name: string; readonly key?: 'use_gelu' | 'use_silu' };
  /** Queries, keys and values come from one matrix in the checkpoint and from three in the file. */
  readonly splitsQkv?: boolean;
  /** Whether patch kernels are float32 in F16 files, too. */
  readonly keepsKernels?: boolean;
  /** Values of `vision_config` that the transformers library assumes if they are missing. */
  readonly defaults?: Json;
  /** What is added to the values of this tensor. */
  readonly shifted?: { readonly name: string; readonly by: number };
  /** Pixels a side of the image that the tower was made for. */
  imageSize(config: VisionConfig): number;
  /** Keys below `clip.vision` of this class alone. */
  keys?(keys: ArchitectureKeys, config: VisionConfig): void;
}

const none = /^$/;
const qwenPart = /^(model\.)?visual\./;
const qwenImageSize = 560;

const qwenLayers: NameMap['rules'] = [
  ['patch_embed.proj', 'v.patch_embd'],
  ['blocks.N.norm1', 'v.blk.N.ln1'],
  ['blocks.N.norm2', 'v.blk.N.ln2'],
  ['blocks.N.attn.qkv', 'v.blk.N.attn_qkv'],
  ['blocks.N.attn.proj', 'v.blk.N.attn_out'],
];
const qwen2Merger: NameMap['rules'] = [
  ['merger.ln_q', 'v.post_ln'],
  ['merger.mlp.0', 'mm.0'],
  ['merger.mlp.2', 'mm.2'],
];

const qwen2Vl: TowerClass = {
  projector: 'qwen2vl_merger',
  part: qwenPart,
  names: {
    prefix: none,
    dropped: none,
    rules: [
      ...qwenLayers,
      ['blocks.N.mlp.fc1', 'v.blk.N.ffn_up'],
      ['blocks.N.mlp.fc2', 'v.blk.N.ffn_down'],
      ...qwen2Merger,
    ],
  },
  activation: { name: 'quick_gelu' },
  splitsQkv: true,
  imageSize: () => qwenImageSize,
};

const qwen25Vl: TowerClass = {
  projector: 'qwen2.5vl_merger',
  part: qwenPart,
  names: {
    prefix: none,
    dropped: none,
    rules: [
      ...qwenLayers,
      ['blocks.N.mlp.gate_proj', 'v.blk.N.ffn_gate'],
      ['blocks.N.mlp.up_proj', 'v.blk.N.ffn_up'],
      ['blocks.N.mlp.down_proj', 'v.blk.N.ffn_down'],
      ...qwen2Merger,
    ],
  },
  activation: { name: 'silu', key: 'use_silu' },
  splitsQkv: true,
  imageSize: () => qwenImageSize,
  keys(keys, config) {
    const whole = config.numbers('fullatt_block_indexes');
    const period = (whole[0] ?? -1) + 1;
    if (!whole.every((layer, i) => layer === period * (i + 1) - 1)) {
      throw new ConvertError(`fullatt_block_indexes is [${whole}]; every so many layers were expected`, 'config.json');
    }
    keys.u32('n_wa_pattern', period);
  },
};

const qwen3Vl: TowerClass = {
  projector: 'qwen3vl_merger',
  part: qwenPart,
  names: {
    prefix: none,
    dropped: none,
    rules: [
      ...qwenLayers,
      ['pos_embed', 'v.position_embd'],
      ['blocks.N.mlp.linear_fc1', 'v.blk.N.ffn_up'],
      ['blocks.N.mlp.linear_fc2', 'v.blk.N.ffn_down'],
      ['merger.norm', 'v.post_ln'],
      ['merger.linear_fc1', 'mm.0'],
      ['merger.linear_fc2', 'mm.2'],
      ['deepstack_merger_list.N.norm', 'v.deepstack.N.norm'],
      ['deepstack_merger_list.N.linear_fc1', 'v.deepstack.N.fc1'],
      ['deepstack_merger_list.N.linear_fc2', 'v.deepstack.N.fc2'],
    ],
  },
  activation: { name: 'gelu_pytorch_tanh', key: 'use_gelu' },
  imageSize(config) {
    const side = Math.sqrt(config.needU32('num_position_embeddings'));
    if (!Number.isInteger(side)) throw new ConvertError('num_position_embeddings is no square', 'config.json');
    return side * config.needU32('patch_size');
  },
  keys(keys, config) {
    keys.u32('spatial_merge_size', config.u32('spatial_merge_size'));
    const layers = config.deepstackLayers;
    keys.bools(
      'is_deepstack_layers',
      Array.from({ length: config.nLayers }, (_, il) => layers.includes(il)),
    );
  },
};

const siglip: NameMap['rules'] = [
  ['embeddings.patch_embedding', 'v.patch_embd'],
  ['embeddings.position_embedding', 'v.position_embd'],
  ['encoder.layers.N.layer_norm1', 'v.blk.N.ln1'],
  ['encoder.layers.N.layer_norm2', 'v.blk.N.ln2'],
  ['encoder.layers.N.self_attn.q_proj', 'v.blk.N.attn_q'],
  ['encoder.layers.N.self_attn.k_proj', 'v.blk.N.attn_k'],
  ['encoder.layers.N.self_attn.v_proj', 'v.blk.N.attn_v'],
  ['encoder.layers.N.self_attn.out_proj', 'v.blk.N.attn_out'],
  ['encoder.layers.N.mlp.fc1', 'v.blk.N.ffn_up'],
  ['encoder.layers.N.mlp.fc2', 'v.blk.N.ffn_down'],
  ['post_layernorm', 'v.post_ln'],
];

const gemma3: TowerClass = {
  projector: 'gemma3',
  part: /^(model\.)?(vision_tower\.vision_model|multi_modal_projector)\./,
  names: {
    prefix: none,
    dropped: none,
    rules: [...siglip, ['mm_soft_emb_norm', 'mm.soft_emb_norm'], ['mm_input_projection', 'mm.input_projection']],
  },
  activation: { name: 'gelu_pytorch_tanh', key: 'use_gelu' },
  shifted: { name: 'mm.soft_emb_norm.weight', by: 1 },
  imageSize: (config) => config.needU32('image_size'),
  keys(keys, config) {
    const side = Math.floor(config.needU32('image_size') / config.needU32('patch_size'));
    const factor = side / Math.sqrt(config.nImageTokens);
    if (!Number.isInteger(factor)) {
      throw new ConvertError(`${config.nImageTokens} tokens do not fit ${side} patches a side`, 'config.json');
    }
    // llama.cpp takes 4 where the file does not say it.
    if (factor !== 4) keys.u32('projector.scale_factor', factor);
  },
};

const idefics3: TowerClass = {
  projector: 'idefics3',
  part: /^(model\.)?(vision_model|connector)\./,
  names: { prefix: none, dropped: none, rules: [...siglip, ['modality_projection.proj', 'mm.model.fc']] },
  activation: { name: 'gelu_pytorch_tanh', key: 'use_gelu' },
  keepsKernels: true,
  defaults: {
    hidden_size: 1152,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 16,
    image_size: 224,
    patch_size: 32,
    layer_norm_eps: 1e-6,
  },
  imageSize: (config) => config.needU32('image_size'),
  keys(keys, config) {
    keys.u32('projector.scale_factor', config.scaleFactor);
    keys.u32('preproc_image_size', config.longestSide ?? config.needU32('image_size'));
  },
};

/** By the name in `architectures` of the config. */
const classes: Readonly<Record<string, TowerClass>> = {
  Qwen2VLForConditionalGeneration: qwen2Vl,
  Qwen2_5_VLForConditionalGeneration: qwen25Vl,
  Qwen3VLForConditionalGeneration: qwen3Vl,
  Gemma3ForConditionalGeneration: gemma3,
  Idefics3ForConditionalGeneration: idefics3,
  SmolVLMForConditionalGeneration: idefics3,
};

/** The tower of a class. @throws ConvertError for a class without one that is known */
export function findTower(modelClass: string): TowerClass {
  if (Object.hasOwn(classes, modelClass)) return classes[modelClass];
  const known = Object.keys(classes).join(', ');
  throw new ConvertError(
    `the class ${modelClass} has no vision tower that is known; known are ${known}`,
    'config.json',
  );
}
