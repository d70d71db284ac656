/**
 * @file EuroBERT (Boizard et al. 2025), jina-embeddings-v5-text-nano: LLaMA's block as an encoder, where every token sees all others.
 */
import type { Architecture } from './architecture.ts';
import { buildDecoder } from './decoder.ts';
import { decoderNames } from './names/decoder.ts';

export const eurobert: Architecture = {
  id: 'eurobert',
  build: (loader) =>
    buildDecoder(loader, {
      rope: 'neox',
      causal: false,
      names: decoderNames({ embd: 'inp_embd', attn: 'kqv_out', result: 'result_embd' }),
    }),
};
