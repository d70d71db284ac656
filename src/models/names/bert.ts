/**
 * @file llama.cpp's names of the steps of BERT and of other post-norm encoders of its form.
 */
import { attentionNames, downProjection, feedForwardNames, gluName, type StepNameTable } from './step-names.ts';

const layerNorm = { normed: 'norm', scaled: 'norm_w' } as const;

export const bertNames: StepNameTable = {
  ...attentionNames,
  embedding: { token_embd: { out: 'embd' }, position_embd: { out: 'inp_embd' } },
  linear: {
    ...attentionNames.linear,
    ...feedForwardNames,
    attn_output: { out: 'kqv_out' },
    ffn_down: downProjection(),
  },
  norm: {
    token_embd_norm: { normed: 'norm-0', scaled: 'norm_w-0', out: 'inp_norm-0' },
    attn_output_norm: { ...layerNorm, out: 'ffn_inp' },
    layer_output_norm: layerNorm,
  },
  result: 'result_embd',
};

/** With rotary positions or ALiBi, token types are the last part of the embedding. */
const withoutPositions: StepNameTable = {
  ...bertNames,
  embedding: { token_embd: { out: 'embd' }, token_types: { out: 'inp_embd' } },
};

export const jinaBertV3Names: StepNameTable = withoutPositions;
export const nomicBertNames: StepNameTable = { ...withoutPositions, glu: gluName };
export const nomicBertMoeNames: StepNameTable = { ...withoutPositions, moe: 'ffn_moe_out' };

/** @param hasSecondNorm whether the layers have `attn_norm_2`, whose result then goes into the feed-forward layer */
export function jinaBertV2Names(hasSecondNorm: boolean): StepNameTable {
  return {
    ...nomicBertNames,
    norm: {
      ...bertNames.norm,
      attn_q_norm: { ...layerNorm, out: 'Qcur' },
      attn_k_norm: { ...layerNorm, out: 'Kcur' },
      attn_output_norm: hasSecondNorm ? layerNorm : { ...layerNorm, out: 'ffn_inp' },
      attn_norm_2: { ...layerNorm, out: 'ffn_inp' },
    },
  };
}
