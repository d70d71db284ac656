/**
 * @file llama-embed-nemotron (Babakhin et al. 2025): LLaMA whose tokens see the whole text if the file says
 * `attention.causal = false`.
 */
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import { declareFreqFactors } from './llama.ts';

export const llamaEmbed: Architecture = {
  id: 'llama-embed',
  build: (loader) => buildDecoder(loader, { rope: 'norm', freqFactors: declareFreqFactors(loader) }),
};
