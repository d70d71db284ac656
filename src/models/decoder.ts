/**
 * @file The LLaMA block (Touvron et al. 2023) that many models share: pre-norm with RMS norms, rotary positions, grouped
 * key/value heads, gated feed-forward. An embedder returns the last hidden state after the final norm and does not need
 * the language model's head (`output`).
 */
import type { Linear, MoeOptions, NormWeights, Ops, RopeCoordinates, Tensor, Weight } from '../tensor/ops.ts';
import type { Model } from './architecture.ts';
import { gatedMlp } from './feed-forward.ts';
import { decoderNames } from './names/decoder.ts';
import type { StepNameTable } from './names/step-names.ts';
import { type Classifier, noClassifier } from './pooling.ts';
import { declareRankTokens } from './rank-tokens.ts';
import { declareAttnOutput, declareQkv, selfAttention } from './self-attention.ts';
import type { WeightLoader } from './weights.ts';

/** The differences between the models of this form. */
export interface DecoderOptions {
  /** How RoPE pairs the dimensions. */
  readonly rope: 'norm' | 'neox';
  /** RoPE over several coordinates. */
  readonly coordinates?: RopeCoordinates;
  /** The number of first layers that add a part of an image's row to their result (DeepStack). Default: none. */
  readonly nDeepstack?: number;
  /** Divisors of RoPE's angles. */
  readonly freqFactors?: Weight;
  /** Whether a token sees only itself and earlier ones. Default: from the file. */
  readonly causal?: boolean;
  /** An RMS norm of each query and key head before the rotation. */
  readonly qkNorms?: boolean;
  /** Default: as in `llama`. */
  readonly names?: StepNameTable;
  /** Declares the classifier, after all other weights. Default: none. */
  readonly classifier?: () => Classifier;
}

/** Declares the weights of a model of this form and builds it. */
export function buildDecoder(loader: WeightLoader, options: DecoderOptions): Model {
  const { hparams, keys } = loader;
  const { nEmbd, nEmbdHeadK, nFf, nVocab, nExpert } = hparams;
  const { rope, coordinates, freqFactors, causal = hparams.causal, names = decoderNames(), nDeepstack = 0 } = options;
  const norm = { kind: 'rms', eps: keys.positiveF32('attention.layer_norm_rms_epsilon') } as const;
  const headNorm = (name: string): NormWeights | undefined =>
    options.qkNorms ? loader.norm(name, nEmbdHeadK) : undefined;

  const tokenEmbd = loader.table('token_embd', nEmbd, nVocab);
  const layers = loader.layers((blk, il) => ({
    attnNorm: loader.norm(`${blk}.attn_norm`, nEmbd),
    qkv: declareQkv(loader, blk, il),
    qkNorms: { ...norm, q: headNorm(`${blk}.attn_q_norm`), k: headNorm(`${blk}.attn_k_norm`) },
    attnOutput: declareAttnOutput(loader, blk, il),
    ffnNorm: loader.norm(`${blk}.ffn_norm`, nEmbd),
    ffn:
      nExpert > 0
        ? declareExperts(loader, blk, il)
        : {
            gate: loader.linear(`${blk}.ffn_gate`, nEmbd, nFf[il]),
            up: loader.linear(`${blk}.ffn_up`, nEmbd, nFf[il]),
            down: loader.linear(`${blk}.ffn_down`, nFf[il], nEmbd),
          },
  }));
  const outputNorm = loader.norm('output_norm', nEmbd);
  loader.ignore('output.weight', 'output.bias');
  const classifier = declareRankTokens(loader) ?? options.classifier?.() ?? noClassifier(loader);

  const block = (ops: Ops, x: Tensor, w: (typeof layers)[number], il: number): Tensor => {
    const attention = { causal, rope: { kind: rope, freqFactors, coordinates }, qkNorms: w.qkNorms };
    const normed = ops.norm(x, w.attnNorm, norm);
    const heads = selfAttention(ops, normed, w.qkv, hparams, il, attention); // [T, nHead · headSizeV]
    const h = ops.linear(heads, w.attnOutput, { residual: x }); // [T, nHead · headSizeV] → [T, nEmbd]
    return feedForward(ops, ops.norm(h, w.ffnNorm, norm), w.ffn, h);
  };

  return {
    hparams,
    names,
    forward(ops) {
      let x = ops.given(0, nEmbd, { instead: ops.embedding(tokenEmbd, 'ids') }); // [T, nEmbd]
      layers.forEach((w, il) => {
        x = block(ops, x, w, il);
        if (il < nDeepstack) x = ops.given(nEmbd * (il + 1), nEmbd, { add: x });
      });
      return ops.norm(x, outputNorm, norm); // [T, nEmbd]
    },
    images: { width: nEmbd * (1 + nDeepstack), positions: coordinates === undefined ? 'sequence' : 'grid' },
    heads: { classifier },
  };
}

interface GatedMlp {
  readonly gate: Linear;
  readonly up: Linear;
  readonly down: Linear;
}

/** Mixtral's experts (Jiang et al. 2024): each is a SwiGLU, and the weights of the chosen ones are normalised to sum to 1. */
function declareExperts(loader: WeightLoader, blk: string, il: number): MoeOptions {
  const { nEmbd, nFf, nExpert, nExpertUsed } = loader.hparams;
  return {
    router: loader.router(`${blk}.ffn_gate_inp`, nEmbd, nExpert),
    gate: loader.experts(`${blk}.ffn_gate_exps`, nEmbd, nFf[il], nExpert),
    up: loader.experts(`${blk}.ffn_up_exps`, nEmbd, nFf[il], nExpert),
    down: loader.experts(`${blk}.ffn_down_exps`, nFf[il], nEmbd, nExpert),
    nUsed: nExpertUsed,
    activation: 'silu',
    renormalise: true,
  };
}

/** `[T, nEmbd]` → `[T, nEmbd]` */
function feedForward(ops: Ops, x: Tensor, w: MoeOptions | GatedMlp, residual: Tensor): Tensor {
  return 'router' in w ? ops.add(ops.moe(x, w), residual) : gatedMlp(ops, x, w, 'silu', residual);
}
