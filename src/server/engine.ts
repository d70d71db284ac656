/**
 * @file What the server needs of an `Embedder`.
 */
import type { Embedder } from '../engine/index.ts';

/** A loaded model; structural, so that tests can count and delay. */
export type Engine = Pick<
  Embedder,
  'info' | 'metadata' | 'tokenizer' | 'embed' | 'tokenize' | 'detokenize' | 'nWaiting' | 'nWaitingTokens' | 'failure'
>;
