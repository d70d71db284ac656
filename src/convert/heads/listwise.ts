/**
 * @file jina-reranker-v3: a language model that ranks a list of documents in one text, with a projector over the states of marked tokens.
 */
import type { GgufWriter } from '../../gguf/index.ts';
import { ConvertError } from '../conversion-error.ts';
import { readHfTokenizer } from '../vocab/hf-tokenizer.ts';
import type { HeadSource, Heads } from './head-source.ts';

const CLASS = 'JinaForRanking';

/** The texts of a list, as the program of the model makes them. */
const texts = {
  begin:
    '<|im_start|>system\nYou are a search relevance expert who can determine a ranking of the passages based on how relevant they are to the query. ' +
    'If the query is a question, how relevant a passage is depends on how well it answers the question. ' +
    'If not, try to analyze the intent of the query and assess how well each passage satisfies the intent. ' +
    'If an instruction is provided, you should follow the instruction when determining the ranking.<|im_end|>\n<|im_start|>user\n' +
    'I will provide you with {count} passages, each indicated by a numerical identifier. Rank the passages based on their relevance to query: {query}\n',
  document: '<passage id="{index}">\n{document}<|embed_token|>\n</passage>\n',
  end: '<query>\n{query}<|rerank_token|>\n</query><|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n',
} as const;
const tokens = { query_token: '<|rerank_token|>', document_token: '<|embed_token|>' } as const;
const limits = { max_documents: 125, max_query_tokens: 512, max_document_tokens: 2048 } as const;

/** `pooling_type` of a reranker. */
const RANK_POOLING = 4;

/** @returns `undefined` for another class @throws ConvertError if the vocabulary lacks a token */
export async function openListwise({ main, config, modelClass }: HeadSource): Promise<Heads | undefined> {
  if (config.modelClass !== CLASS) return undefined;
  const tokenizer = await readHfTokenizer(main, 'BPE');
  const ids = new Map(Array.from(tokenizer.tokens, ([id, text]) => [text, id]));
  const found = Object.entries(tokens).map(([key, text]): [string, number] => {
    const id = ids.get(text);
    if (id === undefined) throw new ConvertError(`the vocabulary has no token ${text}`, 'tokenizer.json');
    return [key, id];
  });
  const { names, architecture } = modelClass;
  const rules = [...names.rules, ['projector.0', 'token_dense.0'], ['projector.2', 'token_dense.1']] as const;
  return {
    names: { ...names, rules },
    tensors: [],
    hasNoPooling: true,
    set: (writer) => setKeys(writer, architecture, [...found, ...Object.entries(limits)]),
    async close() {},
  };
}

function setKeys(writer: GgufWriter, architecture: string, numbers: readonly (readonly [string, number])[]): void {
  writer.set(`${architecture}.pooling_type`, { type: 'uint32', value: RANK_POOLING });
  const activations = { elementType: 'string', values: ['relu', 'identity'] } as const;
  writer.set('gguf_embed.multi.activations', { type: 'array', value: activations });
  for (const [key, value] of Object.entries(texts)) writer.set(`gguf_embed.listwise.${key}`, { type: 'string', value });
  for (const [key, value] of numbers) writer.set(`gguf_embed.listwise.${key}`, { type: 'uint32', value });
}
