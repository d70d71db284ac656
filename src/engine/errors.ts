/**
 * @file Errors of `embed`, `tokenize` and `rank` for invalid inputs and options. Other problems (a damaged file, a missing
 * tensor, a lost GPU) have other classes.
 */

import { escapeControls } from '../gguf/escape.ts';

/** The kind of problem. */
export type InputErrorCode =
  /** Not a string, token ids or a mix of both. */
  | 'shape'
  /** A text with half of a surrogate pair, for example a split emoji. */
  | 'text'
  /** No tokens at all. */
  | 'empty'
  /** A token id outside the vocabulary. */
  | 'token'
  /** An image that cannot be used: a missing file, too many images, or a model without a vision tower. */
  | 'image'
  /** More tokens than the context. */
  | 'length'
  /** An option with an invalid value. */
  | 'option';

/** An invalid input or option: a mistake of the caller. */
export class InputError extends Error {
  override name = 'InputError';
  readonly code: InputErrorCode;
  /** Index of the input; absent if the error is not about one input. */
  readonly index?: number;

  constructor(code: InputErrorCode, message: string, index?: number, options?: ErrorOptions) {
    super(escapeControls(message), options);
    this.code = code;
    this.index = index;
  }
}

/** An input with more tokens than fit in the context. */
export class ContextSizeError extends InputError {
  override name = 'ContextSizeError';
  readonly nTokens: number;
  readonly nCtx: number;

  /** @param remedy what the caller can do */
  constructor(index: number, nTokens: number, nCtx: number, remedy = 'shorten it or allow truncation') {
    super('length', `input ${index} has ${nTokens} tokens, but the context is ${nCtx}: ${remedy}`, index);
    this.nTokens = nTokens;
    this.nCtx = nCtx;
  }
}

/** The error for an invalid option, in the form that `readOptions` takes. */
export function optionError(message: string, options?: ErrorOptions): InputError {
  return new InputError('option', message, undefined, options);
}
