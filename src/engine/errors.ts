/**
 * @file What `embed`, `tokenize` and `rank` throw when the caller asked for something that cannot be done. Everything
 * else (a broken file, a missing tensor, a lost GPU) is another class.
 */

import { escapeControls } from '../gguf/escape.ts';

/** What is wrong with an input. */
export type InputErrorCode =
  /** Not a string, token ids or a mix of both. */
  | 'shape'
  /** A text with half of a surrogate pair: an emoji that was cut in two. */
  | 'text'
  /** No tokens at all. */
  | 'empty'
  /** A token id outside the vocabulary. */
  | 'token'
  /** More tokens than the context. */
  | 'length'
  /** An option with an impossible value. */
  | 'option';

/** The caller's mistake: an input or an option that cannot be used. */
export class InputError extends Error {
  override name = 'InputError';
  readonly code: InputErrorCode;
  /** Which input, counted from 0; absent when it is not about one of them. */
  readonly index?: number;

  constructor(code: InputErrorCode, message: string, index?: number) {
    super(escapeControls(message));
    this.code = code;
    this.index = index;
  }
}

/** An input with more tokens than the context holds. */
export class ContextSizeError extends InputError {
  override name = 'ContextSizeError';
  readonly nTokens: number;
  readonly nCtx: number;

  constructor(index: number, nTokens: number, nCtx: number) {
    super(
      'length',
      `input ${index} has ${nTokens} tokens, the context holds ${nCtx}: shorten it or allow truncation`,
      index,
    );
    this.nTokens = nTokens;
    this.nCtx = nCtx;
  }
}
