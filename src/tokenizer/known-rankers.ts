/**
 * @file Rerankers that are language models and whose original files do not say how they rank: the tokens that they compare, and the layout of
 * their pairs.
 */

/** How a language model ranks. */
interface Ranker {
  readonly architecture: string;
  /** Texts of the vocabulary: the token that stands for a match, and the one against it, if there is one. */
  readonly tokens: readonly [positive: string, negative?: string];
  /** A text with `{query}` and `{document}`, or such texts that are tokenized one by one. */
  readonly layout: string | readonly string[];
}

interface KnownRanker extends Ranker {
  readonly name: RegExp;
}

/** Matches a name with these words in it, whatever stands between them. */
const named = (...words: readonly string[]) => new RegExp(words.join('[^a-z0-9]*'), 'i');

const known: readonly KnownRanker[] = [
  {
    name: named('qwen3', 'reranker'),
    architecture: 'qwen3',
    tokens: ['yes', 'no'],
    layout:
      '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n' +
      '<|im_start|>user\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: {query}\n<Document>: {document}<|im_end|>\n' +
      '<|im_start|>assistant\n<think>\n\n</think>\n\n',
  },
  {
    name: named('qwen3', 'vl', 'reranker'),
    architecture: 'qwen3vl',
    tokens: ['yes', 'no'],
    layout:
      '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n' +
      '<|im_start|>user\n<Instruct>: Given a search query, retrieve relevant candidates that answer the query.<Query>:{query}\n<Document>:{document}<|im_end|>\n' +
      '<|im_start|>assistant\n',
  },
  {
    name: named('mxbai', 'rerank', '(base|large)', 'v2'),
    architecture: 'qwen2',
    tokens: ['1', '0'],
    layout: [
      '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\n',
      'query: {query}',
      '\n',
      'document: {document}',
      '\n',
      'You are a search relevance expert who evaluates how well documents match search queries. For each query-document pair, carefully analyze the semantic relationship between them, then provide your binary relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:',
      '<|im_end|>\n<|im_start|>assistant\n',
    ],
  },
  {
    name: named('bge', 'reranker', 'v2', 'gemma'),
    architecture: 'gemma',
    tokens: ['Yes'],
    layout: [
      'A: {query}',
      '\n',
      'B: {document}',
      '\n',
      "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a prediction of either 'Yes' or 'No'.",
    ],
  },
];

/** How a model of this architecture ranks, if one of its names is known. */
export function findRanker(architecture: string | undefined, names: readonly string[]): Ranker | undefined {
  return known.find((one) => one.architecture === architecture && names.some((text) => one.name.test(text)));
}

/**
 * Keys of a layout: one text, or a JSON list of texts that are tokenized one by one, with the special tokens of a text around all of them. The
 * second wins.
 */
export const layoutKeys = { template: 'tokenizer.chat_template.rerank', parts: 'gguf_embed.rerank.parts' } as const;

/** Keys of the texts of the two tokens, which models read. Without the second, the logit of the first is the score. */
const rankTokenKeys = {
  positive: 'gguf_embed.rank_tokens.positive',
  negative: 'gguf_embed.rank_tokens.negative',
} as const;

/** Metadata that says which tokens a model compares. */
export function tokenMetadata([positive, negative]: Ranker['tokens']): Record<string, string> {
  const first = { [rankTokenKeys.positive]: positive };
  return negative === undefined ? first : { ...first, [rankTokenKeys.negative]: negative };
}

/** Metadata that says how a pair is laid out. */
export function layoutMetadata(layout: Ranker['layout']): Record<string, string> {
  return typeof layout === 'string'
    ? { [layoutKeys.template]: layout }
    : { [layoutKeys.parts]: JSON.stringify(layout) };
}
