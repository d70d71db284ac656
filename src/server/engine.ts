/**
 * @file The part of `Embedder` that the server uses.
 */
import type { Embedder } from '../engine/index.ts';

/** A loaded model. A structural type, so that tests can count calls and delay them. */
export type Engine = Pick<
  Embedder,
  | 'info'
  | 'metadata'
  | 'tokenizer'
  | 'embed'
  | 'tokenize'
  | 'detokenize'
  | 'nWaiting'
  | 'nWaitingTokens'
  | 'failure'
  | 'lora'
  | 'setLora'
>;
