/**
 * @file Describes a loaded model, from its file and its runner.
 */
import { describeFileType } from '../gguf/file-types.ts';
import type { GgufFile } from '../gguf/index.ts';
import { nElements } from '../gguf/shape.ts';
import { findKnownModel } from '../hub/known-models.ts';
import { hasOwnTokens, type ModelOutline, type Pooling } from '../models/index.ts';
import type { Runner } from './batching/runner.ts';
import { InputError } from './errors.ts';
import type { ModelInfo } from './model-info.ts';
import type { OutputKind } from './types.ts';

/** Builds the `ModelInfo`. */
export function describeModel(
  file: GgufFile,
  source: string,
  outline: ModelOutline,
  runner: Runner,
  use: Pick<ModelInfo, 'nCtx' | 'nUbatch' | 'pooling' | 'prompts' | 'vision' | 'adapters'>,
): ModelInfo {
  const { hparams, rankOutputs, sparse, multi, listwise, routes } = outline;
  const tensors = [...file.tensors.values()];
  const name = file.metadata.string('general.name') ?? baseName(source);
  return {
    name,
    source,
    architecture: hparams.architecture,
    ftype: describeFileType(file),
    tokenizer: file.metadata.string('tokenizer.ggml.model') ?? 'none',
    nVocab: hparams.nVocab,
    nCtx: use.nCtx,
    nCtxTrain: hparams.nCtxTrain,
    nUbatch: use.nUbatch,
    nEmbd: hparams.nEmbd,
    nEmbdOut: vectorWidth(outline, use.pooling, name),
    nLayer: hparams.nLayer,
    nParams: tensors.reduce((sum, { shape }) => sum + nElements(shape), 0),
    size: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
    pooling: use.pooling,
    poolsPrompt: hparams.poolsPrompt,
    outputs: outputsOf({ sparse, multi, listwise }, use.pooling),
    hasInputTypes:
      sparse?.queryWeights !== undefined || routes.length > 0 || (multi !== undefined && hasOwnTokens(multi)),
    labels: hparams.labels,
    rankOutputs,
    maxSim: listwise === undefined ? multi?.score : undefined,
    listwise,
    nEmbdToken: multi?.dimensions,
    prompts: { ...promptsOf(file, source, hparams), ...use.prompts },
    vision: use.vision,
    adapters: use.adapters,
    backend: runner.backend,
    backendDescription: runner.description,
    precision: runner.precision,
    threads: runner.threads,
  };
}

/** The hidden states of a ColBERT model are no vectors of a text, unless they are pooled; a list has no score of its own. */
function outputsOf(
  { sparse, multi, listwise }: Pick<ModelOutline, 'sparse' | 'multi' | 'listwise'>,
  pooling: ModelInfo['pooling'],
) {
  const outputs: OutputKind[] = [];
  const isUnpooled = pooling === 'none' && multi !== undefined && hasOwnTokens(multi);
  if (!isUnpooled && !(pooling === 'rank' && listwise !== undefined)) outputs.push('dense');
  if (sparse !== undefined) outputs.push('sparse');
  if (multi !== undefined) outputs.push('multi');
  return outputs;
}

/**
 * Values in a vector of a pooling; of a token, for `none`.
 * @throws InputError if the layers over pooled vectors take vectors of another width
 */
export function vectorWidth(
  { hparams, widthOf }: Pick<ModelOutline, 'hparams' | 'widthOf'>,
  pooling: Pooling,
  name: string,
): number {
  const width = widthOf(pooling);
  if (width !== undefined) return width;
  const problem = `pooling ${pooling} makes vectors of a width that the layers over pooled vectors of ${name} do not take`;
  throw new InputError('option', `${problem}: the pooling of its file is ${hparams.pooling}`);
}

/** The prompts of a model that is known by name. */
function promptsOf(file: GgufFile, source: string, { architecture, nLayer, nEmbd }: ModelOutline['hparams']) {
  const names = [file.metadata.string('general.name') ?? '', baseName(source)];
  return findKnownModel({ names, architecture, layers: nLayer, dimensions: nEmbd })?.prompts ?? {};
}

/** Last part of a path. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
