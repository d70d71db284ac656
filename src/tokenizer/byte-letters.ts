/**
 * @file GPT-2's alphabet: every byte has a printable letter, so that token texts are plain text.
 *
 * Printable Latin-1 bytes map to themselves; the other 68 are U+0100, U+0101… in the order of their values.
 */

import { TokenizerError } from './errors.ts';
import { codePointAt, utf8, utf8Length } from './utf8.ts';

/** Most bytes of a token text with characters outside the alphabet, each of which repeats the text. The longest known one has fewer than 100. */
const MAX_FOREIGN_BYTES = 1024;

/** The code point of each byte. */
export const letterOfByte: Uint16Array = new Uint16Array(256);
/** The byte of each code point below 0x144, or -1. */
const byteOfLetter: Int16Array = new Int16Array(0x144).fill(-1);

for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  letterOfByte[byte] = prints ? byte : next++;
  byteOfLetter[letterOfByte[byte]] = byte;
}

/**
 * Decodes the text of token `id` to bytes. A character outside the alphabet gives the literal `[UNK_BYTE_0x<its bytes in hex><text>]`,
 * as in llama.cpp.
 * @throws TokenizerError for a long text with such characters
 */
export function lettersToBytes(text: Uint8Array, id: number): Uint8Array {
  const out: number[] = [];
  for (let i = 0; i < text.length; ) {
    const length = Math.min(utf8Length(text[i]), text.length - i);
    const c = length === utf8Length(text[i]) ? codePointAt(text, i) : -1;
    const byte = c >= 0 && c < byteOfLetter.length ? byteOfLetter[c] : -1;
    if (byte >= 0) {
      out.push(byte);
    } else {
      if (text.length > MAX_FOREIGN_BYTES) {
        throw new TokenizerError(
          `tokenizer.ggml.tokens: token ${id} has ${text.length} bytes, and its character at byte ${i} stands for no byte; such a token may have ${MAX_FOREIGN_BYTES} bytes: convert the model again`,
          'tokenizer.ggml.tokens',
        );
      }
      const hex = Array.from(text.subarray(i, i + length), (b) => b.toString(16).padStart(2, '0')).join('');
      out.push(...utf8(`[UNK_BYTE_0x${hex}`), ...text, 0x5d);
    }
    i += length;
  }
  return Uint8Array.from(out);
}
