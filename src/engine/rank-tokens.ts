/**
 * @file The tokens that a reranker without a classifier compares, and the layout of its pairs: from the user, or from what is known of models
 * by name.
 */
import type { GgufFile, MetadataValue } from '../gguf/index.ts';
import { plainName } from '../hub/known-models.ts';
import { hasClassifier, rankTokenKeys } from '../models/index.ts';
import { InputError } from './errors.ts';
import type { LoadOptions } from './types.ts';

/** The tokens to compare: the one that stands for a match, and the one against it, if there is one. */
type RankTokens = NonNullable<LoadOptions['rankTokens']>;

const TEMPLATE_KEY = 'tokenizer.chat_template.rerank';

/** A language model that was trained to rank, whose files do not say how. */
interface KnownRanker {
  /** Letters and digits of the names that its files have. */
  readonly name: RegExp;
  readonly architecture: string;
  readonly tokens: RankTokens;
  readonly template: string;
}

const known: readonly KnownRanker[] = [
  {
    name: /qwen3reranker/,
    architecture: 'qwen3',
    tokens: ['yes', 'no'],
    template:
      '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n' +
      '<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: {query}\n<Document>: {document}<|im_end|>\n' +
      '<|im_start|>assistant\n<think>\n\n</think>\n\n',
  },
  {
    name: /qwen3vlreranker/,
    architecture: 'qwen3vl',
    tokens: ['yes', 'no'],
    template:
      '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n' +
      '<|im_start|>user\n<Instruct>: Given a search query, retrieve relevant candidates that answer the query.<Query>:{query}\n<Document>:{document}<|im_end|>\n' +
      '<|im_start|>assistant\n',
  },
  {
    name: /mxbairerank(base|large)v2/,
    architecture: 'qwen2',
    tokens: ['1', '0'],
    template:
      '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\nquery: {query}\ndocument: {document}\n' +
      'You are a search relevance expert who evaluates how well documents match search queries. For each query-document pair, carefully analyze the semantic relationship between them, then provide your binary relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:<|im_end|>\n' +
      '<|im_start|>assistant\n',
  },
];

/**
 * Metadata to add to that of `file`: the tokens that the user names or that are known for the model, and a layout of pairs if the file has
 * none and one is known. Files with a classifier stay as they are.
 * @throws InputError if the user names tokens for a file with a classifier
 */
export function rankMetadata(file: GgufFile, given: RankTokens | undefined): Record<string, MetadataValue> {
  const { metadata, name } = file;
  if (given !== undefined && hasClassifier(file)) {
    throw new InputError(
      'option',
      `rankTokens cannot be used: ${name} has a classifier (cls, cls.output), which makes its scores`,
    );
  }
  if (hasClassifier(file)) return {};
  const architecture = metadata.string('general.architecture');
  const names = [metadata.string('general.name') ?? '', name].map(plainName);
  const model = known.find((one) => one.architecture === architecture && names.some((text) => one.name.test(text)));
  const tokens = given ?? (metadata.has(rankTokenKeys.positive) ? undefined : model?.tokens);
  const set: Record<string, MetadataValue> = {};
  if (tokens !== undefined) set[rankTokenKeys.positive] = tokens[0];
  if (tokens?.[1] !== undefined) set[rankTokenKeys.negative] = tokens[1];
  if (model !== undefined && !metadata.has(TEMPLATE_KEY)) set[TEMPLATE_KEY] = model.template;
  return set;
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
  if (metadata.has(TEMPLATE_KEY)) return;
  onWarning?.(
    `the file has no ${TEMPLATE_KEY}: pairs have only special tokens between them, which this model may not expect`,
  );
}
