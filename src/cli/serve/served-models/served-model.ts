/**
 * @file Builds a model of a server of several models from its options.
 */
import { stat } from 'node:fs/promises';
import { openModelFile } from '../../../gguf/file.node.ts';
import { openGguf } from '../../../gguf/index.ts';
import { modelParts } from '../../../gguf/split.ts';
import { cannotOpen } from '../../../gguf/system-error.ts';
import { hasClassifier } from '../../../models/index.ts';
import type { ModelKind, ServedModel } from '../../../server/index.ts';
import { log } from '../../log.ts';
import { chosenModel } from '../../model/chosen-model.ts';
import { locatePair } from '../../model/chosen-projector.ts';
import { loadEmbedder } from '../../model/load.ts';
import type { OptionValues } from '../../options/option-table.ts';
import { UsageError } from '../../usage-error.ts';
import { readPromptsFile, requirePrompt } from '../serve-files.ts';
import { keepYoungGenerationSmall } from '../young-generation.ts';

/** llama.cpp's numbers for no pooling and for the pooling of rerankers. */
const NONE = 0;
const RANK = 4;

/** Settings of a model besides its options. */
export interface Description extends Pick<ServedModel, 'id' | 'source' | 'loadOnStartup'> {
  /** Whether it ranks if its file has a classifier, even if the file names another pooling. */
  readonly prefersRank: boolean;
}

/**
 * The model that `values` describe.
 * @throws UsageError if they name none, or for a file of prompts that cannot be read
 */
export async function servedModel(
  { prefersRank, ...description }: Description,
  values: OptionValues,
): Promise<ServedModel> {
  const { id } = description;
  const chosen = chosenModel(values);
  if (chosen === undefined) throw new UsageError(`preset '${id}' names no model: it needs model or hf-repo`);
  const options = {
    ...(await readPromptsFile(values)),
    normalize: values.embdNormalize,
    rankScores: values.rankScores,
  };
  let kind: Promise<ModelKind | undefined> | undefined;
  return {
    ...description,
    aliases: [...new Set(values.alias)].sort(),
    tags: values.tags ?? [],
    options,
    kind() {
      if (values.reranking || values.pooling === 'rank') return Promise.resolve('rank');
      if (values.pooling !== undefined) return Promise.resolve('embedding');
      kind ??= kindHere(values, prefersRank).catch(() => {
        kind = undefined;
        return undefined;
      });
      return kind;
    },
    hasProjector: values.mmproj !== undefined || values.mmprojUrl !== undefined,
    async size(signal) {
      const { path, mmproj } = await locatePair(chosen, values, signal);
      const sizes = await Promise.all([path, ...(mmproj === undefined ? [] : [mmproj])].map(fileBytes));
      return sizes.reduce((sum, size) => sum + size, 0);
    },
    async load({ signal, onBatch, onProgress }) {
      const started = performance.now();
      const { path, mmproj } = await locatePair(chosen, values, signal);
      log(`${id}: loading ${path}`);
      const isChosen = values.reranking || values.pooling !== undefined;
      const ranks = !isChosen && (await kindOfFile(path, prefersRank)) === 'rank';
      const chosenValues: OptionValues = ranks ? { ...values, pooling: 'rank' } : values;
      const embedder = await loadEmbedder(path, chosenValues, {
        mmproj,
        signal,
        onBatch,
        onProgress(progress) {
          keepYoungGenerationSmall(progress);
          onProgress(progress);
        },
      });
      try {
        requirePrompt(options, embedder.info);
      } catch (error) {
        await embedder.dispose();
        throw error;
      }
      log(`${id}: loaded in ${((performance.now() - started) / 1000).toFixed(2)} s`);
      return embedder;
    },
  };
}

/** What the model computes; `undefined` for a model that is not downloaded yet. */
async function kindHere(values: OptionValues, prefersRank: boolean): Promise<ModelKind | undefined> {
  const path = await chosenModel({ ...values, offline: true })?.locate();
  return path === undefined ? undefined : kindOfFile(path, prefersRank);
}

/** A file with a classifier ranks, unless it names the pooling of an embedding model. */
async function kindOfFile(path: string, prefersRank: boolean): Promise<ModelKind> {
  const file = await openGguf(await openModelFile(path));
  try {
    const { metadata } = file;
    const pooling = metadata.u32(`${metadata.string('general.architecture')}.pooling_type`) ?? NONE;
    if (pooling === RANK) return 'rank';
    return hasClassifier(file) && (prefersRank || pooling === NONE) ? 'rank' : 'embedding';
  } finally {
    await file.close();
  }
}

async function fileBytes(path: string): Promise<number> {
  const parts = modelParts(path).map((part) =>
    stat(part).catch((cause) => {
      throw cannotOpen(part, cause);
    }),
  );
  const sizes = (await Promise.all(parts)).map(({ size }) => size);
  return sizes.reduce((sum, size) => sum + size, 0);
}
