/**
 * @file llama.cpp's names of the steps of the pre-norm encoders: ModernBERT, NeoBERT, T5.
 */
import { attentionNames, downProjection, feedForwardNames, gluName, type StepNameTable } from './step-names.ts';

/** The pre-norm block: a norm before attention and one before the feed-forward layer, each followed by the residual. */
export const preNormNames = {
  ...attentionNames,
  linear: {
    ...attentionNames.linear,
    ...feedForwardNames,
    attn_output: { product: 'kqv_out', out: 'ffn_inp' },
    ffn_down: downProjection('l_out'),
  },
  glu: gluName,
} as const satisfies Partial<StepNameTable>;

export const blockNormNames = {
  attn_norm: { normed: 'norm', out: 'attn_norm' },
  ffn_norm: { normed: 'norm', out: 'ffn_norm' },
} as const satisfies StepNameTable['norm'];

export const modernBertNames: StepNameTable = {
  ...preNormNames,
  embedding: { token_embd: { out: 'inp_embd' } },
  norm: {
    ...blockNormNames,
    token_embd_norm: { normed: 'norm-0', out: 'inp_norm-0' },
    output_norm: { normed: 'norm', out: 'final_norm_out' },
  },
};

export const neoBertNames: StepNameTable = {
  ...preNormNames,
  embedding: { token_embd: { out: 'inp_embd' } },
  norm: { ...blockNormNames, 'enc.output_norm': { normed: 'norm', out: 'result_embd' } },
};

export const t5encoderNames: StepNameTable = {
  ...preNormNames,
  embedding: { token_embd: { out: 'embd' } },
  linear: { ...preNormNames.linear, attn_o: preNormNames.linear.attn_output },
  norm: { ...blockNormNames, 'enc.output_norm': { normed: 'norm', out: 'result_norm' } },
  normInput: { 'enc.output_norm': 'result_embd' },
};
