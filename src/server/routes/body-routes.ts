/**
 * @file The routes whose handlers need the body, by path. The worker for large requests has the same routes.
 */

import type { BodyPath, Handler } from '../request.ts';
import { cohereRerank } from './cohere.ts';
import { nativeEmbeddings, openAiEmbeddings } from './embeddings.ts';
import { ollamaEmbed } from './ollama.ts';
import { rerank } from './rerank.ts';
import { teiEmbed, teiEmbedSparse } from './tei.ts';
import { detokenize, tokenize } from './tokenize.ts';

export const bodyRoutes: Readonly<Record<BodyPath, Handler>> = {
  '/v1/embeddings': openAiEmbeddings,
  '/embeddings': nativeEmbeddings,
  '/embedding': nativeEmbeddings,
  '/rerank': rerank,
  '/reranking': rerank,
  '/v1/rerank': rerank,
  '/v1/reranking': rerank,
  '/v2/rerank': cohereRerank,
  '/embed': teiEmbed,
  '/embed_sparse': teiEmbedSparse,
  '/api/embed': ollamaEmbed,
  '/tokenize': tokenize,
  '/detokenize': detokenize,
};
