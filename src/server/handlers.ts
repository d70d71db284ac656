/**
 * @file The routes with work to do, by their paths.
 */
import { nativeEmbeddings, openAiEmbeddings } from './embeddings.ts';
import { rerank } from './rerank.ts';
import type { Handler } from './service.ts';
import { detokenize, tokenize } from './tokens.ts';

export const workHandlers = {
  '/v1/embeddings': openAiEmbeddings,
  '/embeddings': nativeEmbeddings,
  '/embedding': nativeEmbeddings,
  '/rerank': rerank,
  '/reranking': rerank,
  '/v1/rerank': rerank,
  '/v1/reranking': rerank,
  '/tokenize': tokenize,
  '/detokenize': detokenize,
} as const satisfies Readonly<Record<string, Handler>>;

export type WorkPath = keyof typeof workHandlers;
