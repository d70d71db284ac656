/**
 * @file The tokens that a reranker without a classifier compares, and the layout of its pairs: from the user, or from what is known of models
 * by name.
 */
import type { GgufFile, Metadata, MetadataValue } from '../../gguf/index.ts';
import { hasClassifier, rankTokenKeys } from '../../models/index.ts';
import { findRanker, layoutKeys, layoutMetadata, tokenMetadata } from '../../tokenizer/index.ts';
import { InputError } from '../errors.ts';
import type { LoadOptions } from '../types.ts';

/**
 * Metadata to add to that of `file`: the tokens that the user names or that are known for the model, and a layout of pairs if the file has
 * none and one is known. Files with a classifier stay as they are.
 * @throws InputError if the user names tokens for a file with a classifier
 */
export function rankMetadata(file: GgufFile, given: LoadOptions['rankTokens']): Record<string, MetadataValue> {
  const { metadata, name } = file;
  if (given !== undefined && hasClassifier(file)) {
    throw new InputError(
      'option',
      `rankTokens cannot be used: ${name} has a classifier (cls, cls.output), which makes its scores`,
    );
  }
  if (hasClassifier(file)) return {};
  const model = findRanker(metadata.string('general.architecture'), [metadata.string('general.name') ?? '', name]);
  const tokens = given ?? (metadata.has(rankTokenKeys.positive) ? undefined : model?.tokens);
  return {
    ...(tokens && tokenMetadata(tokens)),
    ...(model && !hasLayout(metadata) && layoutMetadata(model.layout)),
  };
}

function hasLayout(metadata: Metadata): boolean {
  return Object.values(layoutKeys).some((key) => metadata.has(key));
}

/**
 * Checks that the model uses the tokens that the user names.
 * @throws InputError for a model that is no language model
 */
export function checkRankTokens({ metadata }: GgufFile, { rankTokens, onWarning }: LoadOptions): void {
  if (rankTokens === undefined) return;
  if (!metadata.wasUsed(rankTokenKeys.positive)) {
    const architecture = metadata.string('general.architecture');
    throw new InputError(
      'option',
      `rankTokens cannot be used: ${architecture} is not a language model whose logits are computed`,
    );
  }
  if (hasLayout(metadata)) return;
  onWarning?.(
    `the file has no ${layoutKeys.template}: pairs have only special tokens between them, which this model may not expect`,
  );
}
