/**
 * @file The routes with work to do, by their paths.
 */

import type { Handler, WorkPath } from '../state.ts';
import { nativeEmbeddings, openAiEmbeddings } from './embeddings.ts';
import { rerank } from './rerank.ts';
import { detokenize, tokenize } from './tokenize.ts';

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
