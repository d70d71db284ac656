/**
 * @file GPT-2's pre-tokenizer: contractions, and words, numbers and everything else, each with at most one space before it.
 */
import { classAt, LETTER, MARK, NUMBER, OTHER, PUNCTUATION, runEnd, SPACE, SYMBOL, scanner } from './scanner.ts';
import { spacesEnd } from './spaces.ts';

const REST = MARK | PUNCTUATION | SYMBOL | OTHER;

/** `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` */
export const gpt2 = scanner((bytes, pos, end) => {
  const byte = bytes[pos];
  if (byte === 0x27) {
    const to = contractionEnd(bytes, pos, end, 0);
    if (to > pos) return to;
  }
  const from = byte === 0x20 && pos + 1 < end ? pos + 1 : pos;
  const kind = classAt(bytes, from);
  if (kind & LETTER) return runEnd(bytes, from, end, LETTER);
  if (kind & NUMBER) return runEnd(bytes, from, end, NUMBER);
  if ((kind & SPACE) === 0) return runEnd(bytes, from, end, REST);
  return spacesEnd(bytes, pos, end, 'none');
});

/**
 * The end of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at `pos`, or `pos`.
 * @param fold 0x20 to accept capitals, else 0
 */
export function contractionEnd(bytes: Uint8Array, pos: number, end: number, fold: 0 | 0x20): number {
  if (pos + 1 >= end || bytes[pos] !== 0x27) return pos;
  const a = bytes[pos + 1] | fold;
  if (a === 0x73 || a === 0x74 || a === 0x6d || a === 0x64) return pos + 2;
  if (pos + 2 >= end) return pos;
  const b = bytes[pos + 2] | fold;
  return (b === 0x65 && (a === 0x72 || a === 0x76)) || (a === 0x6c && b === 0x6c) ? pos + 3 : pos;
}
