/**
 * @file The names of tensors in checkpoints of encoders: BERT and what descends from it, MPNet, DeBERTa, GTE, ModernBERT.
 */
import type { NameMap, Rule } from './names.ts';

/** Buffers, in every class. */
const buffers = 'embeddings\\.position_ids|.*\\.attention\\.(masked_)?bias|.*\\.rotary_emb\\.inv_freq';
/** Also poolers, which only BERT's cross-encoders use. */
const never = `${buffers}|pooler\\.dense\\..*`;

const embeddings: readonly Rule[] = [
  ['embeddings.word_embeddings', 'token_embd'],
  ['embeddings.token_type_embeddings', 'token_types'],
  ['embeddings.position_embeddings', 'position_embd'],
  ['embeddings.LayerNorm', 'token_embd_norm'],
];

const bertLayers: readonly Rule[] = [
  ['encoder.layer.N.attention.self.query', 'blk.N.attn_q'],
  ['encoder.layer.N.attention.self.key', 'blk.N.attn_k'],
  ['encoder.layer.N.attention.self.value', 'blk.N.attn_v'],
  ['encoder.layer.N.attention.output.dense', 'blk.N.attn_output'],
  ['encoder.layer.N.attention.output.LayerNorm', 'blk.N.attn_output_norm'],
  ['encoder.layer.N.intermediate.dense', 'blk.N.ffn_up'],
  ['encoder.layer.N.output.dense', 'blk.N.ffn_down'],
  ['encoder.layer.N.output.LayerNorm', 'blk.N.layer_output_norm'],
];

/** `classifier` is `cls.output` if there are labels, else `cls`; the caller, who knows the labels, decides. */
export const bertNames: NameMap = {
  prefix: /^bert\./,
  dropped: new RegExp(`^(${never}|cls\\.predictions.*|cls\\.seq_relationship.*)$`),
  rules: [...embeddings, ...bertLayers],
};

/** A cross-encoder keeps its pooler: llama.cpp computes tanh between `cls` and `cls.output`, as the pooler does. */
export const bertClassifierNames: NameMap = {
  prefix: /^bert\./,
  dropped: new RegExp(`^(${buffers}|cls\\.predictions.*|cls\\.seq_relationship.*)$`),
  rules: [...embeddings, ...bertLayers, ['pooler.dense', 'cls'], ['classifier', 'cls.output']],
};

export const robertaNames: NameMap = {
  prefix: /^roberta\./,
  dropped: new RegExp(`^(${never}|lm_head\\..*)$`),
  rules: [...embeddings, ...bertLayers, ['classifier.dense', 'cls'], ['classifier.out_proj', 'cls.output']],
};

export const distilbertNames: NameMap = {
  prefix: /^distilbert\./,
  dropped: new RegExp(`^(${never}|vocab_.*)$`),
  rules: [
    ...embeddings,
    ['transformer.layer.N.attention.q_lin', 'blk.N.attn_q'],
    ['transformer.layer.N.attention.k_lin', 'blk.N.attn_k'],
    ['transformer.layer.N.attention.v_lin', 'blk.N.attn_v'],
    ['transformer.layer.N.attention.out_lin', 'blk.N.attn_output'],
    ['transformer.layer.N.sa_layer_norm', 'blk.N.attn_output_norm'],
    ['transformer.layer.N.ffn.lin1', 'blk.N.ffn_up'],
    ['transformer.layer.N.ffn.lin2', 'blk.N.ffn_down'],
    ['transformer.layer.N.output_layer_norm', 'blk.N.layer_output_norm'],
    ['pre_classifier', 'cls'],
    ['classifier', 'cls.output'],
  ],
};

export const nomicNames: NameMap = {
  prefix: /^bert\./,
  dropped: new RegExp(`^(${never}|cls\\.predictions.*|cls\\.seq_relationship.*)$`),
  rules: [
    ['embeddings.word_embeddings', 'token_embd'],
    ['embeddings.token_type_embeddings', 'token_types'],
    ['emb_ln', 'token_embd_norm'],
    ['encoder.layers.N.attn.Wqkv', 'blk.N.attn_qkv'],
    ['encoder.layers.N.attn.out_proj', 'blk.N.attn_output'],
    ['encoder.layers.N.norm1', 'blk.N.attn_output_norm'],
    ['encoder.layers.N.mlp.fc11', 'blk.N.ffn_up'],
    ['encoder.layers.N.mlp.fc12', 'blk.N.ffn_gate'],
    ['encoder.layers.N.mlp.fc2', 'blk.N.ffn_down'],
    ['encoder.layers.N.norm2', 'blk.N.layer_output_norm'],
  ],
};

export const jinaBertV3Names: NameMap = {
  prefix: /^roberta\./,
  dropped: new RegExp(`^(${never}|lm_head\\..*)$`),
  rules: [
    ['embeddings.word_embeddings', 'token_embd'],
    ['embeddings.token_type_embeddings', 'token_types'],
    ['emb_ln', 'token_embd_norm'],
    ['encoder.layers.N.mixer.Wqkv', 'blk.N.attn_qkv'],
    ['encoder.layers.N.mixer.out_proj', 'blk.N.attn_output'],
    ['encoder.layers.N.norm1', 'blk.N.attn_output_norm'],
    ['encoder.layers.N.mlp.fc1', 'blk.N.ffn_up'],
    ['encoder.layers.N.mlp.fc2', 'blk.N.ffn_down'],
    ['encoder.layers.N.norm2', 'blk.N.layer_output_norm'],
  ],
};

export const mpnetNames: NameMap = {
  prefix: /^mpnet\./,
  dropped: new RegExp(`^(${never}|lm_head\\..*)$`),
  rules: [
    ...embeddings,
    ['encoder.relative_attention_bias', 'attn_rel_b'],
    ['encoder.layer.N.attention.attn.q', 'blk.N.attn_q'],
    ['encoder.layer.N.attention.attn.k', 'blk.N.attn_k'],
    ['encoder.layer.N.attention.attn.v', 'blk.N.attn_v'],
    ['encoder.layer.N.attention.attn.o', 'blk.N.attn_output'],
    ['encoder.layer.N.attention.LayerNorm', 'blk.N.attn_output_norm'],
    ['encoder.layer.N.intermediate.dense', 'blk.N.ffn_up'],
    ['encoder.layer.N.output.dense', 'blk.N.ffn_down'],
    ['encoder.layer.N.output.LayerNorm', 'blk.N.layer_output_norm'],
    ['classifier.dense', 'cls'],
    ['classifier.out_proj', 'cls.output'],
  ],
};

const debertaRules: readonly Rule[] = [
  ...embeddings,
  ['encoder.layer.N.attention.self.query_proj', 'blk.N.attn_q'],
  ['encoder.layer.N.attention.self.key_proj', 'blk.N.attn_k'],
  ['encoder.layer.N.attention.self.value_proj', 'blk.N.attn_v'],
  ['encoder.layer.N.attention.self.rel_key', 'blk.N.attn_rel_k'],
  ['encoder.layer.N.attention.self.rel_query', 'blk.N.attn_rel_q'],
  ...bertLayers,
  ['encoder.conv.conv', 'conv'],
  ['encoder.conv.LayerNorm', 'conv_norm'],
];

export const debertaNames: NameMap = {
  prefix: /^deberta\./,
  dropped: new RegExp(`^(${never}|(cls|lm_predictions|mask_predictions)\\..*)$`),
  rules: debertaRules,
};

export const debertaClassifierNames: NameMap = {
  prefix: /^deberta\./,
  dropped: new RegExp(`^(${buffers})$`),
  rules: [...debertaRules, ['pooler.dense', 'cls'], ['classifier', 'cls.output']],
};

/** The names of the original checkpoints, and those that transformers 5 gives them. */
const gteRules: readonly Rule[] = [
  ...embeddings,
  ['encoder.layer.N.attention.qkv_proj', 'blk.N.attn_qkv'],
  ['encoder.layer.N.attention.q_proj', 'blk.N.attn_q'],
  ['encoder.layer.N.attention.k_proj', 'blk.N.attn_k'],
  ['encoder.layer.N.attention.v_proj', 'blk.N.attn_v'],
  ['encoder.layer.N.attention.o_proj', 'blk.N.attn_output'],
  ['encoder.layer.N.attn_ln', 'blk.N.attn_output_norm'],
  ['encoder.layer.N.mlp.up_gate_proj', 'blk.N.ffn_up'],
  ['encoder.layer.N.mlp.down_proj', 'blk.N.ffn_down'],
  ['encoder.layer.N.mlp_ln', 'blk.N.layer_output_norm'],
  ['layers.N.self_attn.q_proj', 'blk.N.attn_q'],
  ['layers.N.self_attn.k_proj', 'blk.N.attn_k'],
  ['layers.N.self_attn.v_proj', 'blk.N.attn_v'],
  ['layers.N.self_attn.o_proj', 'blk.N.attn_output'],
  ['layers.N.post_attention_layernorm', 'blk.N.attn_output_norm'],
  ['layers.N.mlp.gate_proj', 'blk.N.ffn_gate'],
  ['layers.N.mlp.up_proj', 'blk.N.ffn_up'],
  ['layers.N.mlp.down_proj', 'blk.N.ffn_down'],
  ['layers.N.post_mlp_layernorm', 'blk.N.layer_output_norm'],
];

/** An embedder may come with a classifier of tokens, which makes sparse vectors. */
export const gteNames: NameMap = {
  prefix: /^(new|gte)\./,
  dropped: new RegExp(`^(${never}|lm_head\\..*|classifier\\..*)$`),
  rules: gteRules,
};

export const gteClassifierNames: NameMap = {
  prefix: /^(new|gte)\./,
  dropped: new RegExp(`^(${buffers}|lm_head\\..*)$`),
  rules: [...gteRules, ['pooler.dense', 'cls'], ['classifier', 'cls.output']],
};

export const modernBertNames: NameMap = {
  prefix: /^model\./,
  dropped: new RegExp(`^(${never}|decoder\\..*)$`),
  rules: [
    ['embeddings.tok_embeddings', 'token_embd'],
    ['embeddings.norm', 'token_embd_norm'],
    ['layers.N.attn_norm', 'blk.N.attn_norm'],
    ['layers.N.attn.Wqkv', 'blk.N.attn_qkv'],
    ['layers.N.attn.Wo', 'blk.N.attn_output'],
    ['layers.N.mlp_norm', 'blk.N.ffn_norm'],
    ['layers.N.mlp.Wi', 'blk.N.ffn_up'],
    ['layers.N.mlp.Wo', 'blk.N.ffn_down'],
    ['final_norm', 'output_norm'],
    ['head.dense', 'cls'],
    ['head.norm', 'cls.norm'],
    ['classifier', 'cls.output'],
  ],
};
