/**
 * @file The names of tensors in checkpoints of decoders: Qwen2, Qwen3, Gemma, LLaMA, LFM2.
 */
import type { NameMap, Rule } from './names.ts';

/** The blocks of Qwen2, Qwen3, Gemma and LLaMA. */
const decoderLayers: readonly Rule[] = [
  ['embed_tokens', 'token_embd'],
  ['lm_head', 'output'],
  ['norm', 'output_norm'],
  ['layers.N.input_layernorm', 'blk.N.attn_norm'],
  ['layers.N.self_attn.q_proj', 'blk.N.attn_q'],
  ['layers.N.self_attn.k_proj', 'blk.N.attn_k'],
  ['layers.N.self_attn.v_proj', 'blk.N.attn_v'],
  ['layers.N.self_attn.o_proj', 'blk.N.attn_output'],
  ['layers.N.self_attn.q_norm', 'blk.N.attn_q_norm'],
  ['layers.N.self_attn.k_norm', 'blk.N.attn_k_norm'],
  ['layers.N.mlp.gate_proj', 'blk.N.ffn_gate'],
  ['layers.N.mlp.up_proj', 'blk.N.ffn_up'],
  ['layers.N.mlp.down_proj', 'blk.N.ffn_down'],
];

export const lfm2Names: NameMap = {
  prefix: /^model\./,
  dropped: /\.rotary_emb\.inv_freq$/,
  rules: [
    ['embed_tokens', 'token_embd'],
    ['lm_head', 'output'],
    ['embedding_norm', 'token_embd_norm'],
    ['layers.N.operator_norm', 'blk.N.attn_norm'],
    ['layers.N.self_attn.q_proj', 'blk.N.attn_q'],
    ['layers.N.self_attn.k_proj', 'blk.N.attn_k'],
    ['layers.N.self_attn.v_proj', 'blk.N.attn_v'],
    ['layers.N.self_attn.out_proj', 'blk.N.attn_output'],
    ['layers.N.self_attn.q_layernorm', 'blk.N.attn_q_norm'],
    ['layers.N.self_attn.k_layernorm', 'blk.N.attn_k_norm'],
    ['layers.N.conv.in_proj', 'blk.N.shortconv.in_proj'],
    ['layers.N.conv.conv', 'blk.N.shortconv.conv'],
    ['layers.N.conv.out_proj', 'blk.N.shortconv.out_proj'],
    ['layers.N.ffn_norm', 'blk.N.ffn_norm'],
    ['layers.N.feed_forward.w1', 'blk.N.ffn_gate'],
    ['layers.N.feed_forward.w3', 'blk.N.ffn_up'],
    ['layers.N.feed_forward.w2', 'blk.N.ffn_down'],
  ],
};

/** Prefix of the text model: `model.`, `model.language_model.` or `language_model.model.`, by the age of the checkpoint. */
const textPrefix = /^(model\.)?(language_model\.)?(model\.)?/;
const notText = /^(visual|vision_tower|multi_modal_projector)\.|\.rotary_emb\.inv_freq$/;

export const qwenNames: NameMap = {
  prefix: textPrefix,
  dropped: notText,
  rules: [...decoderLayers, ['layers.N.post_attention_layernorm', 'blk.N.ffn_norm']],
};

/** The first Gemma, whose output is its table of tokens. */
export const gemmaNames: NameMap = {
  prefix: /^model\./,
  dropped: /^lm_head\.|\.rotary_emb\.inv_freq$/,
  rules: qwenNames.rules,
};

/** The text model of Idefics3 is below `model.text_model.`. */
export const llamaNames: NameMap = {
  prefix: /^(model\.)?(text_model\.)?(model\.)?/,
  dropped: /^(vision_model|connector)\.|\.rotary_emb\.inv_freq$/,
  rules: qwenNames.rules,
};

export const gemma3Names: NameMap = {
  prefix: textPrefix,
  dropped: notText,
  rules: [
    ...decoderLayers,
    ['layers.N.post_attention_layernorm', 'blk.N.post_attention_norm'],
    ['layers.N.pre_feedforward_layernorm', 'blk.N.ffn_norm'],
    ['layers.N.post_feedforward_layernorm', 'blk.N.post_ffw_norm'],
  ],
};

export const gemma2Names: NameMap = { ...gemmaNames, rules: gemma3Names.rules };
