/**
 * @file Jina BERT v2 (Günther et al. 2023: jina-embeddings-v2, jina-reranker-v1): BERT with ALiBi in place of positions and
 * a gated GELU feed-forward, post-norm. The code models also norm queries and keys and add the layer's input twice.
 */
import type { Architecture } from './architecture.ts';
import { fusedGatedMlp, gatedMlp, mlp } from './feed-forward.ts';
import { noClassifier } from './pooling.ts';
import { declareQkv, selfAttention } from './self-attention.ts';
import type { WeightLoader } from './weights.ts';

export const jinaBertV2: Architecture = {
  id: 'jina-bert-v2',
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nEmbdHeadK, nHead, nHeadKv, nFf, nVocab, nTokenType } = hparams;
    const eps = keys.f32('attention.layer_norm_epsilon');
    const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
    const tokenTypes = loader.table('token_types', nEmbd, nTokenType);
    const tokenEmbdNorm = loader.layerNorm('token_embd_norm', nEmbd);
    const layers = loader.layers((blk, il) => ({
      qkv: declareQkv(loader, blk, il),
      qkNorms: {
        kind: 'layer' as const,
        eps,
        q: loader.optional(`${blk}.attn_q_norm`, (name) => loader.layerNorm(name, nEmbdHeadK * nHead[il])),
        k: loader.optional(`${blk}.attn_k_norm`, (name) => loader.layerNorm(name, nEmbdHeadK * nHeadKv[il])),
      },
      attnOutput: loader.linear(`${blk}.attn_output`, hparams.nEmbdHeadV * nHead[il], nEmbd, 'required'),
      attnOutputNorm: loader.layerNorm(`${blk}.attn_output_norm`, nEmbd),
      attnNorm2: loader.optional(`${blk}.attn_norm_2`, (name) => loader.layerNorm(name, nEmbd)),
      gate: loader.optional(`${blk}.ffn_gate`, (name) => loader.linear(name, nEmbd, nFf[il], 'none')),
      up: loader.linear(`${blk}.ffn_up`, nEmbd, upWidth(loader, blk, nFf[il])),
      down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd, 'required'),
      layerOutputNorm: loader.layerNorm(`${blk}.layer_output_norm`, nEmbd),
    }));
    // The reranker's only layer has one output and keeps its tanh.
    const classifier = {
      ...noClassifier(loader),
      dense: loader.optional('cls', (name) => loader.linear(name, nEmbd, hparams.nClsOut)),
    };

    return {
      hparams,
      forward(ops) {
        const token = ops.embedding(tokenEmbd, 'ids', { names: { out: 'embd' } });
        const embd = ops.embedding(tokenTypes, 'zero', { add: token, names: { out: 'inp_embd' } });
        const norm = { kind: 'layer', eps } as const;
        const steps = { normed: 'norm', scaled: 'norm_w' };
        let x = ops.norm(embd, tokenEmbdNorm, { ...norm, names: { ...steps, out: 'inp_norm' }, layer: 0 });

        layers.forEach((w, layer) => {
          const heads = selfAttention(ops, x, w.qkv, hparams, layer, { qkNorms: w.qkNorms, alibiMaxBias: 8 });
          const attn = ops.linear(heads, w.attnOutput, { names: { out: 'kqv_out' }, layer });
          const last = { ...steps, out: 'ffn_inp' };
          const names = w.attnNorm2 === undefined ? last : steps;
          let h = ops.norm(attn, w.attnOutputNorm, { ...norm, residual: x, names, layer });
          if (w.attnNorm2 !== undefined) h = ops.norm(h, w.attnNorm2, { ...norm, residual: x, names: last, layer });
          const { gate, up, down } = w;
          const ffn =
            gate !== undefined
              ? gatedMlp(ops, h, { gate, up, down }, 'gelu', { layer })
              : up.weight.shape[1] === 2 * nFf[layer]
                ? fusedGatedMlp(ops, h, w, 'gelu', { layer })
                : mlp(ops, h, w, 'gelu', { layer });
          x = ops.norm(ffn, w.layerOutputNorm, { ...norm, residual: h, names: steps, layer });
        });
        return ops.columns(x, 0, nEmbd, { names: { out: 'result_embd' } });
      },
      heads: { classifier },
    };
  },
};

/** `ffn_up` is twice as wide when it holds the gate as its first half. */
function upWidth(loader: WeightLoader, blk: string, nFf: number): number {
  return loader.dimension(`${blk}.ffn_up`, 1) === 2 * nFf ? 2 * nFf : nFf;
}
