/**
 * @file Gemma (Gemma Team 2024), the first: causal, without windows and without norms behind attention and feed-forward. A reranker such as
 * bge-reranker-v2-gemma scores by the logit of a token.
 */
import type { Architecture } from './architecture.ts';
import { buildGemma } from './gemma.ts';
import { gemma1Names } from './names/gemma.ts';
import { declareRankTokens } from './rank-tokens.ts';

export const gemma1: Architecture = {
  id: 'gemma',
  build: (loader) =>
    buildGemma(loader, {
      causal: loader.hparams.causal,
      qkNorms: false,
      postNorms: false,
      names: gemma1Names,
      classifier: () => declareRankTokens(loader),
    }),
};
