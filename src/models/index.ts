/**
 * @file Models: from an opened file to something that turns batches of tokens into hidden states and pooled vectors.
 */
import { printable } from '../gguf/errors.ts';
import type { GgufFile } from '../gguf/index.ts';
import type { Backend } from '../tensor/backend.ts';
import type { Weight } from '../tensor/ops.ts';
import type { Model } from './architecture.ts';
import { ModelError } from './errors.ts';
import { readArchitecture, readHyperParameters } from './hparams.ts';
import { architectures } from './registry.ts';
import { type ModelTreeNode, weightTree } from './tree.ts';
import { type Allocator, WeightLoader } from './weights.ts';

export type { Architecture, Model, Pooling } from './architecture.ts';
export { ModelError } from './errors.ts';
export { type HyperParameters, readHyperParameters } from './hparams.ts';
export { architectures } from './registry.ts';
export type { ModelTreeNode } from './tree.ts';

/** Options of `loadModel`. */
export interface LoadModelOptions {
  /** Called with bytes of weights read and bytes in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends the reading of weights; `loadModel` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * `false`: declare and allocate the weights without reading them, for a worker whose backend shares the memory that
   * another one fills. Default true.
   */
  readonly fill?: boolean;
}

/** A model with its weights. */
export interface LoadedModel extends Model {
  /** All weights, in the order of the model. */
  readonly weights: readonly Weight[];
}

/**
 * Makes the model that `file` describes, with its weights in `backend`.
 * @throws ModelError for an unknown architecture, a missing or impossible hyper-parameter, a tensor that is missing,
 *   misshapen or left over; GgufError for a key of the wrong type; the signal's reason
 */
export async function loadModel(
  file: GgufFile,
  backend: Backend,
  options: LoadModelOptions = {},
): Promise<LoadedModel> {
  const { model, loader } = declareModel(file, backend);
  if (options.fill !== false) await loader.fill(backend, options);
  return { ...model, weights: loader.weights };
}

/**
 * The layers and parameters of the model that `file` describes as a tree. Reads no weights.
 * @throws as `loadModel` does
 */
export function modelTree(file: GgufFile): ModelTreeNode {
  const handles: Allocator = { allocate: ({ name, type, shape }) => ({ name, type, shape }) };
  const { model, loader } = declareModel(file, handles);
  return weightTree(model.hparams.architecture, loader.weights);
}

function declareModel(file: GgufFile, allocator: Allocator): { model: Model; loader: WeightLoader } {
  const id = readArchitecture(file.metadata);
  const architecture = architectures.get(id);
  if (architecture === undefined) {
    const known = [...architectures.keys()].join(', ');
    throw new ModelError(`the architecture ${printable(id)} is not known; known are ${known}`, {
      key: 'general.architecture',
    });
  }
  const loader = new WeightLoader(file, allocator, readHyperParameters(file));
  const model = architecture.build(loader);
  loader.assertAllUsed();
  return { model, loader };
}
