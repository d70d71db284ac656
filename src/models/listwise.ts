/**
 * @file Rerankers that read a whole list of documents at once (jina-reranker-v3): the layout of the list, and the tokens whose states stand for
 * the query and for each document. The layers over these states are those of the vectors of tokens.
 */
import { ModelError } from './errors.ts';
import type { SentenceLayer } from './sentence-layers.ts';
import type { WeightLoader } from './weights.ts';

/** How a list becomes a text, and how long it may be. */
export interface ListwiseSettings {
  /** Before the documents, with `{count}` and `{query}`. */
  readonly begin: string;
  /** One document, with `{index}` and `{document}`. */
  readonly document: string;
  /** Behind the documents, with `{query}`. */
  readonly end: string;
  /** Ids of the tokens behind the query and behind each document. */
  readonly queryToken: number;
  readonly documentToken: number;
  /** Most documents of one list; longer lists are split. */
  readonly maxDocuments: number;
  readonly maxQueryTokens: number;
  readonly maxDocumentTokens: number;
}

const keyOf = (name: string) => `gguf_embed.listwise.${name}`;

/** Placeholders in one text. Real ones have one or two; the limit keeps a short text from becoming a long one. */
const MAX_PLACEHOLDERS = 16;
const MAX_DOCUMENTS = 4096;
const MAX_TOKENS = 2 ** 24;

/**
 * @param layers over the states of the tokens
 * @returns `undefined` for another model
 * @throws ModelError for a key that is missing or has an impossible value
 */
export function readListwise(
  { keys: { metadata }, hparams }: Pick<WeightLoader, 'keys' | 'hparams'>,
  layers: readonly SentenceLayer[] = [],
): ListwiseSettings | undefined {
  const fail = (name: string, problem: string) => new ModelError(`${keyOf(name)} ${problem}`, { key: keyOf(name) });
  if (!metadata.has(keyOf('query_token'))) return undefined;
  if (layers.length === 0) throw fail('query_token', 'needs layers over the states of tokens (token_dense.0)');
  const text = (name: string): string => {
    const value = metadata.string(keyOf(name));
    if (value === undefined) throw fail(name, 'is missing');
    const count = value.match(/\{(count|query|index|document)\}/g)?.length ?? 0;
    if (count > MAX_PLACEHOLDERS)
      throw fail(name, `has ${count} placeholders; at most ${MAX_PLACEHOLDERS} are allowed`);
    return value;
  };
  const integer = (name: string, least: number, most: number): number => {
    const value = metadata.u32(keyOf(name));
    if (value === undefined) throw fail(name, 'is missing');
    if (value < least || value > most) throw fail(name, `is ${value}; it must be from ${least} to ${most}`);
    return value;
  };
  const { nVocab } = hparams;
  return {
    begin: text('begin'),
    document: text('document'),
    end: text('end'),
    queryToken: integer('query_token', 0, nVocab - 1),
    documentToken: integer('document_token', 0, nVocab - 1),
    maxDocuments: integer('max_documents', 1, MAX_DOCUMENTS),
    maxQueryTokens: integer('max_query_tokens', 1, MAX_TOKENS),
    maxDocumentTokens: integer('max_document_tokens', 1, MAX_TOKENS),
  };
}
