/**
 * @file The LLaMA block (Touvron et al. 2023) that many models share: pre-norm with RMS norms, rotary positions, grouped
 * key/value heads, gated feed-forward. As an embedder the answer is the last hidden state after the final norm; the
 * language model's head (`output`) is not needed.
 */
import type { MoeOptions, NormWeights, Ops, Tensor, Weight } from '../tensor/ops.ts';
import type { Model } from './architecture.ts';
import { gatedMlp } from './feed-forward.ts';
import { type Classifier, noClassifier } from './pooling.ts';
import { declareAttnOutput, declareQkv, selfAttention } from './self-attention.ts';
import type { WeightLoader } from './weights.ts';

/** What differs between the models of this form. */
export interface DecoderOptions {
  /** How RoPE pairs the dimensions. */
  readonly rope: 'norm' | 'neox';
  /** Divisors of RoPE's angles. */
  readonly freqFactors?: Weight;
  /** Whether a token sees only itself and earlier ones. Default: what the file says. */
  readonly causal?: boolean;
  /** An RMS norm of each query and key head before the rotation. */
  readonly qkNorms?: boolean;
  /** llama.cpp's names of steps that it calls otherwise here than in `llama`. */
  readonly names?: { readonly embd?: string; readonly attn?: string; readonly result?: string };
  /** Declares it after all else. Default: none. */
  readonly classifier?: () => Classifier;
}

/** Declares the weights of a model of this form and makes it. */
export function buildDecoder(loader: WeightLoader, options: DecoderOptions): Model {
  const { hparams, keys } = loader;
  const { nEmbd, nEmbdHeadK, nFf, nVocab, nExpert } = hparams;
  const { rope, freqFactors, causal = hparams.causal } = options;
  const { embd = 'embd', attn = 'attn_out', result = 'result_norm' } = options.names ?? {};
  const norm = { kind: 'rms', eps: keys.f32('attention.layer_norm_rms_epsilon') } as const;
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
  const classifier = options.classifier?.() ?? noClassifier(loader);

  return {
    hparams,
    forward(ops) {
      let x = ops.embedding(tokenEmbd, 'ids', { names: { out: embd } });

      layers.forEach((w, layer) => {
        const normed = ops.norm(x, w.attnNorm, { ...norm, names: { normed: 'norm', out: 'attn_norm' }, layer });
        const rotation = { kind: rope, freqFactors };
        const heads = selfAttention(ops, normed, w.qkv, hparams, layer, { causal, rope: rotation, qkNorms: w.qkNorms });
        const before = w.attnOutput.bias === undefined ? 'product' : 'biased';
        const h = ops.linear(heads, w.attnOutput, { residual: x, names: { [before]: attn, out: 'ffn_inp' }, layer });
        const ffnNormed = ops.norm(h, w.ffnNorm, { ...norm, names: { normed: 'norm', out: 'ffn_norm' }, layer });
        x =
          'router' in w.ffn
            ? addExperts(ops, h, ffnNormed, w.ffn, layer)
            : gatedMlp(ops, ffnNormed, w.ffn, 'silu', { residual: h, out: 'l_out', layer });
      });
      return ops.norm(x, outputNorm, { ...norm, names: { normed: 'norm', out: result } });
    },
    heads: { classifier },
  };
}

/** Mixtral's experts (Jiang et al. 2024): SwiGLU each, the weights of the chosen ones made to sum to 1. */
function declareExperts(loader: WeightLoader, blk: string, il: number): MoeOptions {
  const { nEmbd, nFf, nExpert, nExpertUsed } = loader.hparams;
  return {
    router: loader.matrix(`${blk}.ffn_gate_inp`, nEmbd, nExpert),
    gate: loader.experts(`${blk}.ffn_gate_exps`, nEmbd, nFf[il], nExpert),
    up: loader.experts(`${blk}.ffn_up_exps`, nEmbd, nFf[il], nExpert),
    down: loader.experts(`${blk}.ffn_down_exps`, nFf[il], nEmbd, nExpert),
    nUsed: nExpertUsed,
    activation: 'silu',
    renormalise: true,
  };
}

function addExperts(ops: Ops, residual: Tensor, x: Tensor, experts: MoeOptions, layer: number): Tensor {
  const out = ops.moe(x, { ...experts, names: { out: 'ffn_moe_out' }, layer });
  return ops.add(out, residual, { names: { out: 'l_out' }, layer });
}
