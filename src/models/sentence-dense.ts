/**
 * @file The `Dense` modules of sentence-transformers: linear layers with an activation over each pooled vector, in files of any architecture that
 * have `gguf_embed.dense.activations`.
 */
import { printable } from '../gguf/errors.ts';
import type { Activation, Linear } from '../tensor/ops.ts';
import { ModelError } from './errors.ts';
import type { WeightLoader } from './weights.ts';

/** The activation of each layer: `identity` or a name of `Activation`. */
const denseActivationsKey = 'gguf_embed.dense.activations';

const known = ['identity', 'tanh', 'relu', 'gelu_erf', 'silu'] as const satisfies readonly (Activation | 'identity')[];
/** Most layers of a file. */
const MAX_LAYERS = 8;

/** A layer over vectors. */
export interface SentenceDense {
  readonly linear: Linear;
  readonly activation?: Activation;
}

/** The layers over pooled vectors; none without the key. @throws ModelError for an activation that is not known */
export function declareSentenceDense(loader: WeightLoader): SentenceDense[] {
  return declareDense(loader, denseActivationsKey, 'sentence_dense');
}

/**
 * The layers `<prefix>.N` from the width of the model on, as many as `key` names activations; none without the key.
 * @throws ModelError for an activation that is not known
 */
export function declareDense(loader: WeightLoader, key: string, prefix: string): SentenceDense[] {
  const names = loader.keys.metadata.strings(key);
  const fail = (problem: string) => new ModelError(`${key} ${problem}`, { key });
  if (names !== undefined && names.length > MAX_LAYERS) throw fail(`has ${names.length} layers; at most ${MAX_LAYERS}`);
  let nIn = loader.hparams.nEmbd;
  return Array.from({ length: names?.length ?? 0 }, (_, i) => {
    const name = known.find((one) => one === names?.at(i));
    if (name === undefined) throw fail(`has ${printable(names!.at(i))}; supported are ${known.join(', ')}`);
    const nOut = loader.dimension(`${prefix}.${i}`, 1) ?? 0;
    const linear = loader.linear(`${prefix}.${i}`, nIn, nOut);
    nIn = nOut;
    return { linear, activation: name === 'identity' ? undefined : name };
  });
}
