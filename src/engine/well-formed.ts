/**
 * @file Texts that UTF-8 cannot hold.
 */
import { InputError } from './errors.ts';

/**
 * No UTF-8 can hold half of a surrogate pair, so that a token for it would stand for another text.
 * @param what names the text in the message
 * @throws InputError when `text` has such a half
 */
export function checkWellFormed(text: string, what: string, index?: number): void {
  const at = loneSurrogate(text);
  if (at === undefined) return;
  const message = `${what} has half of a surrogate pair at character ${at}: a character, probably an emoji, was split`;
  throw new InputError('text', message, index);
}

/** Where half of a surrogate pair stands, in UTF-16 units; `undefined` for a text without one. */
export function loneSurrogate(text: string): number | undefined {
  const at = text.search(/\p{Surrogate}/u);
  return at < 0 ? undefined : at;
}
