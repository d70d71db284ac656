/**
 * @file The routes with work to do, by their paths.
 */
import { nativeEmbeddings, openAiEmbeddings } from './embeddings.ts';
import { rerank } from './rerank.ts';
import type { Handler, WorkPath } from './service.ts';
import { detokenize, tokenize } from './tokens.ts';

export const workHandlers: Readonly<Record<WorkPath, Handler>> = {
  '/v1/embeddings': openAiEmbeddings,
  '/embeddings': nativeEmbeddings,
  '/embedding': nativeEmbeddings,
  '/rerank': rerank,
  '/reranking': rerank,
  '/v1/rerank': rerank,
  '/v1/reranking': rerank,
  '/tokenize': tokenize,
  '/detokenize': detokenize,
};
