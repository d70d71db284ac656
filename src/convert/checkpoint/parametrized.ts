/**
 * @file Weights with adapters beside them, as torch names them when a parametrization computes a weight: `X.weight` is stored as
 * `X.parametrizations.weight.original`, and the adapters of all tasks as `X.parametrizations.weight.0.lora_A` and `lora_B`.
 */
import type { CheckpointTensor } from './tensors.ts';

/** The adapters of one weight; their first axis is the task. */
export interface AdapterStack {
  readonly a?: CheckpointTensor;
  readonly b?: CheckpointTensor;
}

/** A checkpoint, taken apart. */
export interface Parametrized {
  /** All weights, by their usual names. */
  readonly weights: readonly CheckpointTensor[];
  /** The adapters, by the names of their weights. */
  readonly adapters: ReadonlyMap<string, AdapterStack>;
}

/** Tells weights from adapters. */
export function separateAdapters(tensors: readonly CheckpointTensor[]): Parametrized {
  const weights: CheckpointTensor[] = [];
  const adapters = new Map<string, AdapterStack>();
  for (const tensor of tensors) {
    const match = /^(.+)\.parametrizations\.weight\.(original|0\.lora_([AB]))$/s.exec(tensor.name);
    const name = match === null ? tensor.name : `${match[1]}.weight`;
    if (match?.[3] === undefined) weights.push({ ...tensor, name });
    else adapters.set(name, { ...adapters.get(name), [match[3] === 'A' ? 'a' : 'b']: tensor });
  }
  return { weights, adapters };
}
