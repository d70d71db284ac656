/**
 * @file The form of GELU that a file says.
 */
import type { WeightLoader } from './weights.ts';

/** GELU in the form that the file says; llama.cpp computes the tanh form for all of its files. */
export function geluOf({ keys }: WeightLoader): 'gelu' | 'gelu_erf' {
  return keys.metadata.bool('gguf_embed.gelu_erf') ? 'gelu_erf' : 'gelu';
}
