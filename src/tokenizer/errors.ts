/**
 * @file `TokenizerError`, the error class of this folder.
 */

import { escapeControls } from '../gguf/escape.ts';

/** The vocabulary is unusable, or does not support the call. The message says what is wrong, where, and what to do. */
export class TokenizerError extends Error {
  /** The invalid metadata key, if there is one. */
  readonly key: string | undefined;

  constructor(message: string, key?: string, options?: ErrorOptions) {
    super(escapeControls(message), options);
    this.name = 'TokenizerError';
    this.key = key;
  }
}
