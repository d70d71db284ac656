/**
 * @file The head that makes a vector of each token, for late interaction (Khattab and Zaharia 2020), in files of any architecture that have
 * `gguf_embed.multi.activations`: linear layers over the hidden states.
 */
import type { Ops, Tensor } from '../tensor/ops.ts';
import { declareDense, type SentenceDense } from './sentence-dense.ts';
import type { WeightLoader } from './weights.ts';

/** How the vectors of tokens are made, without the weights of the model. */
export interface MultiSettings {
  /** Values in the vector of a token. */
  readonly dimensions: number;
  /** The first token of a text has no vector. */
  readonly dropFirst: boolean;
}

/** @returns `undefined` for a model without such vectors */
export function readMultiSettings(
  { keys }: Pick<WeightLoader, 'keys'>,
  layers: readonly SentenceDense[] = [],
): MultiSettings | undefined {
  const last = layers.at(-1)?.linear.weight;
  if (last === undefined) return undefined;
  return { dimensions: last.shape[1], dropFirst: keys.metadata.bool('gguf_embed.multi.drop_first_token') ?? false };
}

/** The layers of the file; none without the key. */
export function declareMulti(loader: WeightLoader): SentenceDense[] {
  return declareDense(loader, 'gguf_embed.multi.activations', 'token_dense');
}

/** `[T, nEmbd]` → `[T, dimensions]`. */
export function tokenVectors(ops: Ops, hidden: Tensor, layers: readonly SentenceDense[] = []): Tensor {
  if (layers.length === 0) throw new Error('the model has no vectors of tokens');
  return layers.reduce((x, { linear, activation }) => ops.linear(x, linear, { activation }), hidden);
}
