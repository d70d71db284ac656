/**
 * @file Jina embeddings v3 (Sturua et al. 2024): XLM-R with rotary positions in place of learned ones, post-norm. Its task
 * adapters are separate files; without one the base weights are used.
 */
import type { Architecture } from './architecture.ts';
import { mlp } from './feed-forward.ts';
import { noClassifier } from './pooling.ts';
import { declareAttnOutput, declareQkv, selfAttention } from './self-attention.ts';

export const jinaBertV3: Architecture = {
  id: 'jina-bert-v3',
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nFf, nVocab, nTokenType } = hparams;
    const eps = keys.f32('attention.layer_norm_epsilon');
    const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
    const tokenTypes = loader.optional('token_types', (name) => loader.table(name, nEmbd, nTokenType));
    const tokenEmbdNorm = loader.layerNorm('token_embd_norm', nEmbd);
    const layers = loader.layers((blk, il) => ({
      qkv: declareQkv(loader, blk, il),
      attnOutput: declareAttnOutput(loader, blk, il),
      attnOutputNorm: loader.layerNorm(`${blk}.attn_output_norm`, nEmbd),
      up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il]),
      down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd),
      layerOutputNorm: loader.layerNorm(`${blk}.layer_output_norm`, nEmbd),
    }));
    const classifier = noClassifier(loader);

    return {
      hparams,
      forward(ops) {
        let embd = ops.embedding(tokenEmbd, 'ids', { names: { out: 'embd' } });
        if (tokenTypes !== undefined) {
          embd = ops.embedding(tokenTypes, 'zero', { add: embd, names: { out: 'inp_embd' } });
        }
        const norm = { kind: 'layer', eps } as const;
        const steps = { normed: 'norm', scaled: 'norm_w' };
        let x = ops.norm(embd, tokenEmbdNorm, { ...norm, names: { ...steps, out: 'inp_norm' }, layer: 0 });

        layers.forEach((w, layer) => {
          const heads = selfAttention(ops, x, w.qkv, hparams, layer, { rope: { kind: 'neox' } });
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
