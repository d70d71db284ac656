/**
 * @file llama.cpp's names of the steps of the LLaMA block.
 */
import { blockNormNames, preNormNames } from './pre-norm.ts';
import { headNormNames, type StepNameTable } from './step-names.ts';

/** @param names the names that differ from those in `llama` */
export function decoderNames({
  embd = 'embd',
  attn = 'attn_out',
  result = 'result_norm',
}: {
  embd?: string;
  attn?: string;
  result?: string;
} = {}): StepNameTable {
  return {
    ...preNormNames,
    embedding: { token_embd: { out: embd } },
    linear: {
      ...preNormNames.linear,
      attn_output: ({ bias }) => ({ [bias === undefined ? 'product' : 'biased']: attn, out: 'ffn_inp' }),
    },
    norm: { ...blockNormNames, ...headNormNames, output_norm: { normed: 'norm', out: result } },
    moe: 'ffn_moe_out',
    add: ['l_out'],
  };
}

const names = decoderNames();

/** LFM2: the LLaMA block with a short convolution in most layers, and the last norm under the name of one of the embeddings. */
export const lfm2Names: StepNameTable = {
  ...names,
  linear: {
    ...names.linear,
    'shortconv.in_proj': { out: 'conv.in_proj' },
    'shortconv.out_proj': { product: 'conv.out_proj', out: 'ffn_inp' },
  },
  norm: { ...names.norm, token_embd_norm: { normed: 'norm', out: 'result_norm' } },
  shortConv: 'conv.conv',
};
