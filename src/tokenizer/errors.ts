/**
 * @file The error of this room.
 */

import { escapeControls } from '../gguf/escape.ts';

/** A vocabulary that cannot be used, or a call that the vocabulary cannot answer. The message says what, where and what to do. */
export class TokenizerError extends Error {
  /** The metadata key at fault, when there is one. */
  readonly key: string | undefined;

  constructor(message: string, key?: string) {
    super(escapeControls(message));
    this.name = 'TokenizerError';
    this.key = key;
  }
}
