/**
 * @file llama.cpp's names of the steps of Gemma's block.
 */
import { blockNormNames, preNormNames } from './pre-norm.ts';
import { attentionNames, downProjection, feedForwardNames, headNormNames, type StepNameTable } from './step-names.ts';

export const gemmaNames: StepNameTable = {
  ...preNormNames,
  embedding: { token_embd: { rows: 'embd', out: 'inp_scaled' } },
  linear: { ...attentionNames.linear, ...feedForwardNames, ffn_down: downProjection() },
  norm: {
    ...blockNormNames,
    ...headNormNames,
    post_attention_norm: { normed: 'norm', out: 'attn_post_norm' },
    post_ffw_norm: { out: 'ffn_post_norm' },
    output_norm: { normed: 'norm', out: 'result_norm' },
  },
  add: ['sa_out', 'l_out'],
};

/** The first Gemma adds residuals in its products. */
export const gemma1Names: StepNameTable = {
  ...gemmaNames,
  linear: {
    ...gemmaNames.linear,
    attn_output: { product: 'kqv_out', out: 'sa_out' },
    ffn_down: downProjection('l_out'),
  },
};
