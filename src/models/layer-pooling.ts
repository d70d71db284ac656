/**
 * @file `WeightedLayerPooling` of sentence-transformers: the hidden states of the last layers, weighted and averaged, in files that have
 * `gguf_embed.layer_pooling.weights`.
 */
import type { Ops, Tensor } from '../tensor/ops.ts';
import type { Model } from './architecture.ts';
import { ModelError } from './errors.ts';
import type { WeightLoader } from './weights.ts';

/** The weights of the last hidden states; with one for each, the first is that of the rows before the first layer. */
const KEY = 'gguf_embed.layer_pooling.weights';

/** `model` with the mean of its layers in the place of its last hidden states. @throws ModelError for weights that have no mean, or a model that does not give its layers */
export function withLayerPooling(model: Model, { keys }: Pick<WeightLoader, 'keys'>): Model {
  const weights = keys.metadata.numbers(KEY);
  if (weights === undefined) return model;
  const fail = (problem: string) => new ModelError(`${KEY} ${problem}`, { key: KEY });
  const { nLayer, architecture } = model.hparams;
  const { hiddenStates } = model;
  if (hiddenStates === undefined) throw fail(`cannot be used: ${architecture} does not give the rows of its layers`);
  if (!(weights instanceof Float32Array && weights.length >= 1 && weights.length <= nLayer + 1)) {
    throw fail(`must be 1 to ${nLayer + 1} numbers of the type float32, one for each layer and one before them`);
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const shares = Array.from(weights, (weight) => weight / sum);
  if (!shares.every(Number.isFinite)) throw fail(`has the sum ${sum}, which no mean can be divided by`);
  return {
    ...model,
    forward: (ops) => meanOf(ops, hiddenStates(ops).slice(-weights.length), shares),
  };
}

/** `Σ shares[i] · states[i]`. */
function meanOf(ops: Ops, [first, ...others]: readonly Tensor[], [share, ...shares]: readonly number[]): Tensor {
  const scaled = ops.add(first, first, { factor: share - 1 });
  return others.reduce((mean, state, i) => ops.add(mean, state, { factor: shares[i] }), scaled);
}
