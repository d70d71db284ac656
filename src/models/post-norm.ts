/**
 * @file The post-norm encoder of BERT (Devlin et al. 2018), which several models share: a layer norm after each residual.
 * The models differ in their positions and in their feed-forward layers.
 */
import type { RowIndex } from '../tensor/batch.ts';
import type { Linear, NormWeights, Ops, Tensor, Weight } from '../tensor/ops.ts';
import type { Model } from './architecture.ts';
import type { HyperParameters } from './hparams.ts';
import type { StepNameTable } from './names/step-names.ts';
import type { Classifier } from './pooling.ts';
import {
  declareAttnOutput,
  declareQkv,
  type QkvWeights,
  type SelfAttentionOptions,
  selfAttention,
} from './self-attention.ts';
import type { WeightLoader } from './weights.ts';

/** The differences between the models of this form. */
export interface PostNormOptions<FeedForward> {
  /** Declares the table of learned positions. Default: none. */
  readonly positions?: () => Weight | undefined;
  readonly attention?: SelfAttentionOptions;
  /** Declares the weights of attention in a layer, after its projections; the options come after `attention`. Default: none. */
  readonly declareAttention?: (blk: string, il: number) => SelfAttentionOptions;
  readonly declareFeedForward: (blk: string, il: number) => FeedForward;
  /** `[T, nEmbd]` → `[T, nEmbd]` */
  readonly feedForward: (ops: Ops, x: Tensor, weights: FeedForward) => Tensor;
  /** Declares the classifier, after all other weights. */
  readonly classifier: () => Classifier;
  /** `[T, nEmbd]` from the rows after the first layer and those before it. Default: the former. */
  readonly afterFirst?: (ops: Ops, first: Tensor, embedded: Tensor) => Tensor;
  readonly names: StepNameTable;
}

/** The weights of a block except its feed-forward layer. */
interface Block {
  readonly qkv: QkvWeights;
  readonly attention: SelfAttentionOptions;
  readonly attnOutput: Linear;
  readonly attnOutputNorm: NormWeights;
  readonly layerOutputNorm: NormWeights;
}

/** Declares the weights of a model of this form and builds it. */
export function buildPostNorm<F>(loader: WeightLoader, options: PostNormOptions<F>): Model {
  const { hparams, keys } = loader;
  const { nEmbd } = hparams;
  const { feedForward, afterFirst, names } = options;
  const norm = { kind: 'layer', eps: keys.positiveF32('attention.layer_norm_epsilon') } as const;
  const embeddings = declareEmbeddings(loader, options.positions);
  const layers = loader.layers((blk, il): Block & { readonly ffn: F } => ({
    qkv: declareQkv(loader, blk, il),
    attention: { ...options.attention, ...options.declareAttention?.(blk, il) },
    attnOutput: declareAttnOutput(loader, blk, il),
    attnOutputNorm: loader.layerNorm(`${blk}.attn_output_norm`, nEmbd),
    ffn: options.declareFeedForward(blk, il),
    layerOutputNorm: loader.layerNorm(`${blk}.layer_output_norm`, nEmbd),
  }));
  const classifier = options.classifier();

  const block = (ops: Ops, x: Tensor, w: (typeof layers)[number], il: number): Tensor => {
    const heads = selfAttention(ops, x, w.qkv, hparams, il, w.attention); // [T, nHead · headSizeV]
    const attn = ops.linear(heads, w.attnOutput); // [T, nHead · headSizeV] → [T, nEmbd]
    const h = ops.norm(attn, w.attnOutputNorm, { ...norm, residual: x });
    return ops.norm(feedForward(ops, h, w.ffn), w.layerOutputNorm, { ...norm, residual: h });
  };

  const hiddenStates = (ops: Ops): Tensor[] => {
    const states = [ops.norm(embed(ops, embeddings), embeddings.norm, norm)]; // [T, nEmbd]
    layers.forEach((w, il) => {
      const y = block(ops, states[il], w, il);
      states.push(il === 0 && afterFirst !== undefined ? afterFirst(ops, y, states[0]) : y);
    });
    return states;
  };

  return {
    hparams,
    names,
    forward: (ops) => hiddenStates(ops).at(-1)!,
    hiddenStates,
    heads: { classifier },
  };
}

/** The weights of the embedding before the first block. */
interface Embeddings {
  readonly tokens: Weight;
  readonly types?: Weight;
  readonly typeIndex: RowIndex;
  readonly positions?: Weight;
  readonly norm: NormWeights;
}

function declareEmbeddings(loader: WeightLoader, positions: (() => Weight | undefined) | undefined): Embeddings {
  const { nEmbd, nVocab, nTokenType } = loader.hparams;
  return {
    tokens: loader.table('token_embd', nEmbd, nVocab),
    types: loader.optional('token_types', (name) => loader.table(name, nEmbd, nTokenType)),
    typeIndex: tokenTypeIndex(loader.hparams),
    positions: positions?.(),
    norm: loader.layerNorm('token_embd_norm', nEmbd),
  };
}

/**
 * The row of the token type table for a token: row 0 as in llama.cpp, also for the second text of a pair, unless the
 * file says that pairs have types.
 */
export function tokenTypeIndex({ pairTokenTypes }: HyperParameters): RowIndex {
  return pairTokenTypes ? 'types' : 'zero';
}

/** Token + type + position: `[T, nEmbd]`. */
function embed(ops: Ops, { tokens, types, typeIndex, positions }: Embeddings): Tensor {
  let x = ops.embedding(tokens, 'ids');
  if (types !== undefined) x = ops.embedding(types, typeIndex, { add: x });
  if (positions !== undefined) x = ops.embedding(positions, 'positions', { add: x });
  return x;
}
