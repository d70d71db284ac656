/**
 * @file llama.cpp's names of the steps of vision towers.
 */
import { attentionNames, feedForwardNames, type StepNameTable } from './step-names.ts';

const visionNames = {
  ...attentionNames,
  embedding: { 'v.position_embd': { out: 'inp_pos_emb' } },
  linear: {
    ...attentionNames.linear,
    ...feedForwardNames,
    'v.patch_embd.weight.1': { out: 'patch_bias' },
    attn_out: { biased: 'attn_out', out: 'ffn_inp' },
    ffn_down: { biased: 'ffn_out', out: 'layer_out' },
  },
  norm: { ln1: { out: 'ln1' }, ln2: { out: 'ffn_inp_normed' } },
  // llama.cpp has no name for the shares of attention in a tower; they have the same name as those of a text model.
  attention: { probabilities: 'kq_soft_max', out: 'kqv_out' },
} as const satisfies StepNameTable;

export const qwenVisionNames: StepNameTable = { ...visionNames, rope: ['Qcur_rope', 'Kcur_rope'] };

export const siglipNames: StepNameTable = {
  ...visionNames,
  embedding: { 'v.position_embd': { out: 'pos_embed' } },
  linear: { ...visionNames.linear, 'v.patch_embd': { out: 'patch_bias' } },
};
