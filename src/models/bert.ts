/**
 * @file BERT (Devlin et al. 2018) and what has its form: RoBERTa, XLM-R, DistilBERT, MiniLM, E5, BGE, Arctic…
 *
 * Post-norm encoder with learned positions. The token type is always row 0, as in llama.cpp, also for the second text of a
 * pair. RoBERTa's position offset is already cut out of the table by the converter.
 */
import type { Architecture } from './architecture.ts';
import { mlp } from './feed-forward.ts';
import { declareClassifier } from './pooling.ts';
import { declareAttnOutput, declareQkv, selfAttention } from './self-attention.ts';

export const bert: Architecture = {
  id: 'bert',
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nFf, nVocab, nTokenType, nCtxTrain } = hparams;
    const eps = keys.f32('attention.layer_norm_epsilon');
    const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
    const tokenTypes = loader.optional('token_types', (name) => loader.table(name, nEmbd, nTokenType));
    const positionEmbd = loader.table('position_embd', nEmbd, nCtxTrain);
    const tokenEmbdNorm = loader.layerNorm('token_embd_norm', nEmbd);
    const layers = loader.layers((blk, il) => ({
      qkv: declareQkv(loader, blk, il),
      attnOutput: declareAttnOutput(loader, blk, il),
      attnOutputNorm: loader.layerNorm(`${blk}.attn_output_norm`, nEmbd),
      up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il]),
      down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd),
      layerOutputNorm: loader.layerNorm(`${blk}.layer_output_norm`, nEmbd),
    }));
    const classifier = declareClassifier(loader);

    return {
      hparams,
      forward(ops) {
        let embd = ops.embedding(tokenEmbd, 'ids', { names: { out: 'embd' } });
        if (tokenTypes !== undefined) embd = ops.embedding(tokenTypes, 'zero', { add: embd });
        embd = ops.embedding(positionEmbd, 'positions', { add: embd, names: { out: 'inp_embd' } });
        const norm = { kind: 'layer', eps } as const;
        const steps = { normed: 'norm', scaled: 'norm_w' };
        let x = ops.norm(embd, tokenEmbdNorm, { ...norm, names: { ...steps, out: 'inp_norm' }, layer: 0 });

        layers.forEach((w, layer) => {
          const heads = selfAttention(ops, x, w.qkv, hparams, layer);
          const attn = ops.linear(heads, w.attnOutput, { names: { out: 'kqv_out' }, layer });
          const names = { ...steps, out: 'ffn_inp' };
          const h = ops.norm(attn, w.attnOutputNorm, { ...norm, residual: x, names, layer });
          const ffn = mlp(ops, h, w, 'gelu', { layer });
          x = ops.norm(ffn, w.layerOutputNorm, { ...norm, residual: h, names: steps, layer });
        });
        return ops.columns(x, 0, nEmbd, { names: { out: 'result_embd' } });
      },
      heads: { classifier },
    };
  },
};
