/**
 * @file Models: builds a model from an open file; it turns batches of tokens into hidden states and pooled vectors.
 */
import { printable } from '../gguf/errors.ts';
import type { GgufFile } from '../gguf/index.ts';
import type { Backend, WeightPart } from '../tensor/backend.ts';
import type { Batch } from '../tensor/batch.ts';
import type { Linear, Ops, Tensor, Weight } from '../tensor/ops.ts';
import {
  type Adapter,
  type AdapterOutline,
  adapt,
  type DeclaredAdapter,
  declareAdapter,
  MAX_ADAPTERS,
} from './adapters.ts';
import type { ImageInput, Model } from './architecture.ts';
import { bert } from './bert.ts';
import { ModelError } from './errors.ts';
import { type HyperParameters, readArchitecture, readHyperParameters } from './hparams.ts';
import { withLayerPooling } from './layer-pooling.ts';
import { type ListwiseSettings, readListwise } from './listwise.ts';
import { declareMulti, type MultiSettings, readMultiSettings } from './multi-head.ts';
import { nameSteps } from './names/name-steps.ts';
import { pool, pooledWidth, type RankOutputs, rankOutputs } from './pooling.ts';
import { type Pooling, type Result, type Route, rowPoolingsOf } from './pooling-types.ts';
import { architectures } from './registry.ts';
import { declareSentenceLayers } from './sentence-layers.ts';
import { declareSparse, readSparseSettings, type SparseSettings } from './sparse-head.ts';
import { type ModelTreeNode, weightTree } from './tree.ts';
import { type Allocator, outlines, WeightLoader } from './weights.ts';

export type { ImageInput, Model } from './architecture.ts';
export { type Chunk, countTokens, type ImageChunk, type Input, type PackRules, packInputs } from './batch.ts';
export { ModelError, nothingButZeros, notNumbers } from './errors.ts';
export type { HyperParameters } from './hparams.ts';
export type { ListwiseSettings } from './listwise.ts';
export { hasOwnTokens, type MultiSettings, type TextSide } from './multi-head.ts';
export { hasClassifier, type RankOutputs } from './pooling.ts';
export {
  isPooling,
  isTokenResult,
  POOLING_FORMS,
  type Pooling,
  type Result,
  type Route,
  rowPoolingsOf,
} from './pooling-types.ts';
export { rankTokenKeys, vocabularyArrays } from './rank-tokens.ts';
export { architectures } from './registry.ts';
export { type RopeSettings, ropeMetadata, ropeScalings, unusedRopeSettings } from './rope.ts';
export type { SparseSettings } from './sparse-head.ts';
export type { ModelTreeNode } from './tree.ts';

/** Options of `loadModel`. */
export interface LoadModelOptions {
  /** Called with the bytes of weights read so far and in total. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops reading weights; `loadModel` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The part of the weights to read, if several workers fill shared memory. Default: all. */
  readonly share?: WeightPart;
  /** Whether the backend's memory holds the weights already, so that none is read. Default false. */
  readonly isFilled?: boolean;
  /** Files of LoRA adapters; a batch says how much of each is applied. Default: none. */
  readonly adapters?: readonly GgufFile[];
}

/** A model with its weights. */
export interface LoadedModel extends Model {
  /** All weights, in the order of the model. */
  readonly weights: readonly Weight[];
  readonly adapters: readonly Adapter[];
  /** `forward` with llama.cpp's names for the steps, for an observer. The values are the same. */
  namedForward(ops: Ops): Tensor;
  /** `[nSeq, nEmbd]`, `[T, nEmbd]` for `none`, `[nSeq, nClsOut]` scores for `rank`, or another result of the heads. */
  pool(ops: Ops, hidden: Tensor, result: Result): Tensor;
}

/** A model without its weights. */
export interface ModelOutline {
  readonly hparams: HyperParameters;
  /** Values in a vector of a pooling; `undefined` if the layers over pooled vectors take rows of another width. */
  widthOf(pooling: Pooling): number | undefined;
  /** Sides of a search that have layers over pooled vectors of their own, the default first. */
  readonly routes: readonly Route[];
  /** Whether pooled vectors go through layers of sentence-transformers. */
  readonly hasSentenceLayers: boolean;
  /** What `rank` pooling returns; `undefined` if the file has no classifier. */
  readonly rankOutputs: RankOutputs | undefined;
  /** How the model takes images; `undefined` if it does not. */
  readonly images: ImageInput | undefined;
  /** Whether a BERT classifier lacks its pooler, which llama.cpp's converter drops. */
  readonly lacksPooler: boolean;
  /** The LoRA adapters, in the order of their files. */
  readonly adapters: readonly AdapterOutline[];
  /** How sparse vectors are made; `undefined` if the file has no head for them. */
  readonly sparse: SparseSettings | undefined;
  /** How the vectors of tokens are made; `undefined` if the file has no head for them. */
  readonly multi: MultiSettings | undefined;
  /** How a list of documents is ranked in one text; `undefined` for a model that ranks pairs or not at all. */
  readonly listwise: ListwiseSettings | undefined;
  /** Whether a pooled row of `cls` or `last` is the hidden state of the first or the last token as it is. */
  readonly poolsHidden: boolean;
}

/**
 * Builds the model in `file`, with its weights in `backend`.
 * @throws ModelError for an unknown architecture, a missing or impossible hyper-parameter, a tensor that is missing,
 *   misshapen or left over; GgufError for a key of the wrong type; the signal's reason
 */
export async function loadModel(
  file: GgufFile,
  backend: Backend,
  options: LoadModelOptions = {},
): Promise<LoadedModel> {
  const { model, loader } = declareModel(file, backend);
  const declared = declareAdapters(options.adapters, loader, backend);
  if (!options.isFilled) await fillAll([loader, ...declared.map((one) => one.loader)], backend, options);
  const { heads, names } = model;
  return {
    ...model,
    weights: loader.weights,
    adapters: declared.map(({ adapter }) => adapter),
    namedForward(ops) {
      const x = model.forward(nameSteps(ops, names));
      return names.result === undefined ? x : ops.columns(x, 0, x.cols, { names: { out: names.result } });
    },
    pool: (ops, hidden, result) => pool(ops, hidden, result, heads),
  };
}

/**
 * Checks everything that `loadModel` checks, without reading weights.
 * @param adapters files of LoRA adapters
 * @throws as `loadModel` does
 */
export function outlineModel(file: GgufFile, adapters: readonly GgufFile[] = []): ModelOutline {
  const { model, loader } = declareModel(file, outlines);
  const { hparams, heads, images } = model;
  const { dense, output } = heads.classifier;
  const { byRoute, plain } = heads.sentence!;
  const hasSentenceLayers = byRoute.size > 0 || plain.length > 0;
  const listwise = readListwise(loader, heads.multi);
  return {
    hparams,
    widthOf: (pooling) => pooledWidth(heads, pooling, hparams.nEmbd),
    routes: [...byRoute.keys()],
    hasSentenceLayers,
    rankOutputs: listwise === undefined ? rankOutputs(heads) : 'cosine',
    listwise,
    images,
    lacksPooler: hparams.architecture === bert.id && output !== undefined && dense === undefined,
    sparse: readSparseSettings(file.metadata, hparams.nVocab),
    multi: readMultiSettings(loader, heads.multi),
    poolsHidden: !hasSentenceLayers && (heads.dense ?? []).length === 0,
    adapters: declareAdapters(adapters, loader, outlines).map(({ adapter }) => adapter.outline),
  };
}

/** @throws ModelError if there are too many, or one does not fit the model */
function declareAdapters(
  files: readonly GgufFile[] = [],
  base: WeightLoader,
  allocator: Allocator,
): readonly DeclaredAdapter[] {
  if (files.length > MAX_ADAPTERS)
    throw new ModelError(`${files.length} adapters; at most ${MAX_ADAPTERS} are allowed`);
  return files.map((file) => declareAdapter(file, base, allocator));
}

/** Reads the weights of all loaders, with one progress. */
async function fillAll(
  loaders: readonly Pick<WeightLoader, 'fill' | 'byteLength'>[],
  backend: Backend,
  { onProgress, ...options }: LoadModelOptions,
): Promise<void> {
  const total = loaders.reduce((sum, { byteLength }) => sum + byteLength, 0);
  let [before, read] = [0, 0];
  for (const loader of loaders) {
    const report = onProgress && ((done: number) => onProgress((read = before + done), total));
    await loader.fill(backend, { ...options, onProgress: report });
    before = read;
  }
}

/**
 * The layers and parameters of the model in `file`, as a tree. Reads no weights.
 * @throws as `loadModel` does
 */
export function modelTree(file: GgufFile): ModelTreeNode {
  const { model, loader } = declareModel(file, outlines);
  return weightTree(model.hparams.architecture, loader.weights);
}

function declareModel(file: GgufFile, allocator: Allocator): { model: Model; loader: WeightLoader } {
  const id = readArchitecture(file.metadata);
  if (file.metadata.string('general.type') === 'adapter') {
    const problem = `the file is an adapter for a model of the architecture ${printable(id)}, not a model: load it beside its model (lora, --lora)`;
    throw new ModelError(problem, { key: 'general.type' });
  }
  const architecture = architectures.get(id);
  if (architecture === undefined) {
    const known = [...architectures.keys()].join(', ');
    const problem =
      id === 'clip'
        ? 'the file holds a vision tower, which needs a text model beside it'
        : `the architecture ${printable(id)} is not supported`;
    throw new ModelError(`${problem}; supported are ${known}`, { key: 'general.architecture' });
  }
  const loader = new WeightLoader(file, allocator, readHyperParameters(file, architecture));
  const built = architecture.build(loader);
  const heads = {
    ...built.heads,
    sentence: declareSentenceLayers(loader, pooledValues(loader.hparams, built.heads.dense)),
    sparse: declareSparse(loader),
    multi: declareMulti(loader),
  };
  const model = withLayerPooling({ ...built, heads }, loader);
  loader.assertAllUsed();
  return { model, loader };
}

/** Values in the rows that the file's own pooling and the projections of the architecture make. */
function pooledValues({ pooling, nEmbd }: HyperParameters, dense: readonly Linear[] = []): number {
  return dense.at(-1)?.weight.shape[1] ?? nEmbd * Math.max(1, rowPoolingsOf(pooling).length);
}

/** Computes the pooled hidden states of a batch. @param observed whether the backend has an observer, which then gets llama.cpp's names */
export function runForward(
  backend: Backend,
  model: LoadedModel,
  batch: Batch,
  result: Result,
  observed: boolean,
): Promise<Float32Array> {
  const { adapters } = batch;
  const ops = adapters === undefined ? backend.ops : adapt(backend.ops, model.adapters, adapters);
  const forward = () => model.pool(ops, observed ? model.namedForward(ops) : model.forward(ops), result);
  // A plan that is kept has the scales of its adapters, of which there can be any number.
  if (!observed && adapters === undefined && backend.compute !== undefined) {
    return backend.compute(batch, result, forward);
  }
  ops.begin(batch);
  return ops.read(forward());
}
