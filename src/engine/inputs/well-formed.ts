/**
 * @file Refuses texts that have no UTF-8 form.
 */
import { InputError } from '../errors.ts';

/**
 * Half of a surrogate pair has no UTF-8 form, so its tokens would represent another text.
 * @param what names the text in the message
 * @throws InputError if `text` has an unpaired surrogate
 */
export function checkWellFormed(text: string, what: string, index?: number): void {
  const at = loneSurrogate(text);
  if (at === undefined) return;
  const message = `${what} has half of a surrogate pair at character ${at}: a character, probably an emoji, was split`;
  throw new InputError('text', message, index);
}

/** Index of the first unpaired surrogate, in UTF-16 units; `undefined` if there is none. */
export function loneSurrogate(text: string): number | undefined {
  const at = text.search(/\p{Surrogate}/u);
  return at < 0 ? undefined : at;
}
