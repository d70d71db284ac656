/**
 * @file Jina BERT v2 (Günther et al. 2023: jina-embeddings-v2, jina-reranker-v1): BERT with ALiBi instead of positions and
 * a gated GELU feed-forward, post-norm. The code models also norm queries and keys and add the layer's input twice.
 */
import type { Linear, Ops, Tensor } from '../tensor/ops.ts';
import type { Architecture } from './architecture.ts';
import { fusedGatedMlp, gatedMlp, mlp } from './feed-forward.ts';
import { jinaBertV2Names } from './names/bert.ts';
import { noClassifier } from './pooling.ts';
import { tokenTypeIndex } from './post-norm.ts';
import { declareQkv, selfAttention } from './self-attention.ts';
import type { WeightLoader } from './weights.ts';

export const jinaBertV2: Architecture = {
  id: 'jina-bert-v2',
  build(loader) {
    const { hparams, keys } = loader;
    const { nEmbd, nVocab, nTokenType } = hparams;
    const norm = { kind: 'layer', eps: keys.positiveF32('attention.layer_norm_epsilon') } as const;
    const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
    const tokenTypes = loader.table('token_types', nEmbd, nTokenType);
    const tokenEmbdNorm = loader.layerNorm('token_embd_norm', nEmbd);
    const layers = loader.layers((blk, il) => declareBlock(loader, blk, il));
    // The reranker's only layer has one output and keeps its tanh.
    const classifier = {
      ...noClassifier(loader),
      dense: loader.optional('cls', (name) => loader.linear(name, nEmbd, hparams.nClsOut)),
    };

    const embed = (ops: Ops): Tensor => {
      const tokens = ops.embedding(tokenEmbd, 'ids'); // [T, nEmbd]
      return ops.norm(ops.embedding(tokenTypes, tokenTypeIndex(hparams), { add: tokens }), tokenEmbdNorm, norm);
    };

    const block = (ops: Ops, x: Tensor, w: Block, il: number): Tensor => {
      const attention = { qkNorms: { ...norm, ...w.qkNorms }, alibiMaxBias: 8 };
      const heads = selfAttention(ops, x, w.qkv, hparams, il, attention); // [T, nHead · headSizeV]
      const attn = ops.linear(heads, w.attnOutput); // [T, nHead · headSizeV] → [T, nEmbd]
      let h = ops.norm(attn, w.attnOutputNorm, { ...norm, residual: x });
      if (w.attnNorm2 !== undefined) h = ops.norm(h, w.attnNorm2, { ...norm, residual: x });
      return ops.norm(w.feedForward(ops, h), w.layerOutputNorm, { ...norm, residual: h });
    };

    return {
      hparams,
      names: jinaBertV2Names(layers.some(({ attnNorm2 }) => attnNorm2 !== undefined)),
      forward(ops) {
        let x = embed(ops);
        layers.forEach((w, il) => {
          x = block(ops, x, w, il);
        });
        return x; // [T, nEmbd]
      },
      heads: { classifier },
    };
  },
};

type Block = ReturnType<typeof declareBlock>;

function declareBlock(loader: WeightLoader, blk: string, il: number) {
  const { nEmbd, nEmbdHeadK, nEmbdHeadV, nHead, nHeadKv } = loader.hparams;
  return {
    qkv: declareQkv(loader, blk, il),
    qkNorms: {
      q: loader.optional(`${blk}.attn_q_norm`, (name) => loader.layerNorm(name, nEmbdHeadK * nHead[il])),
      k: loader.optional(`${blk}.attn_k_norm`, (name) => loader.layerNorm(name, nEmbdHeadK * nHeadKv[il])),
    },
    attnOutput: loader.linear(`${blk}.attn_output`, nEmbdHeadV * nHead[il], nEmbd, 'required'),
    attnOutputNorm: loader.layerNorm(`${blk}.attn_output_norm`, nEmbd),
    attnNorm2: loader.optional(`${blk}.attn_norm_2`, (name) => loader.layerNorm(name, nEmbd)),
    feedForward: declareFeedForward(loader, blk, loader.hparams.nFf[il]),
    layerOutputNorm: loader.layerNorm(`${blk}.layer_output_norm`, nEmbd),
  };
}

/** Declares the feed-forward layer of the file: with a separate gate, with the gate as the first half of `ffn_up`, or without. */
function declareFeedForward(loader: WeightLoader, blk: string, nFf: number): (ops: Ops, x: Tensor) => Tensor {
  const { nEmbd } = loader.hparams;
  const gate = loader.optional(`${blk}.ffn_gate`, (name) => loader.linear(name, nEmbd, nFf, 'none'));
  const holdsGate = loader.dimension(`${blk}.ffn_up`, 1) === 2 * nFf;
  const w: { up: Linear; down: Linear } = {
    up: loader.linear(`${blk}.ffn_up`, nEmbd, holdsGate ? 2 * nFf : nFf),
    down: loader.linear(`${blk}.ffn_down`, nFf, nEmbd, 'required'),
  };
  if (gate !== undefined) return (ops, x) => gatedMlp(ops, x, { gate, ...w }, 'gelu');
  return (ops, x) => (holdsGate ? fusedGatedMlp : mlp)(ops, x, w, 'gelu');
}
