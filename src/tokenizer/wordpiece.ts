/**
 * @file WordPiece as in BERT models: normalise, split into words, then repeatedly take the longest token from the left.
 *
 * In GGUF files, a token that begins a word has U+2581 before its text, and a continuation has no mark. So each word is
 * matched with U+2581 before it.
 */

import { unescapeSpaces } from './pieces.ts';
import type { TextModel } from './text-model.ts';
import { HASH_SEED, hashByte } from './token-table.ts';
import {
  CATEGORY_MASK,
  Category,
  firstOfDecomposition,
  flagsOf,
  isCjkIdeograph,
  toLowercase,
  WHITESPACE,
} from './unicode/code-points.ts';
import { codePointAt, utf8Length, writeCodePoint } from './utf8.ts';
import type { Vocab } from './vocab.ts';

/** Options of the normaliser, from `tokenizer.ggml.normalizer.*`. */
export interface WordPieceOptions {
  readonly lowercase: boolean;
  readonly stripAccents: boolean;
  /** Emitted for a word that the vocabulary cannot represent. */
  readonly unk: number;
}

/** What the normaliser does with a character. */
const DROP = 0;
const APPEND = 1;
const SPACE = 2;
const ALONE = 3;

/** U+2581 in UTF-8, which begins every word. */
const MARK = [0xe2, 0x96, 0x81] as const;
const MARK_HASH = MARK.reduce(hashByte, HASH_SEED);

/** The WordPiece algorithm over one vocabulary. */
export class WordPiece implements TextModel {
  readonly #vocab: Vocab;
  readonly #options: WordPieceOptions;
  /** `DROP`…`ALONE` for each ASCII character. */
  readonly #asciiAction = new Uint8Array(128);
  /** Each ASCII character after lowercasing. */
  readonly #asciiByte = new Uint8Array(128);
  /** The current word with its mark, in UTF-8. */
  #word = new Uint8Array(256);
  /** Hashes of the prefixes of the rest of the word, by length. */
  #hashes = new Int32Array(this.#word.length + 1);

  constructor(vocab: Vocab, options: WordPieceOptions) {
    this.#vocab = vocab;
    this.#options = options;
    this.#word.set(MARK);
    for (let c = 0; c < 128; c++) {
      this.#asciiAction[c] = this.#action(c);
      this.#asciiByte[c] = options.lowercase ? toLowercase(c) : c;
    }
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    const { lowercase, stripAccents } = this.#options;
    const asciiAction = this.#asciiAction;
    const asciiByte = this.#asciiByte;
    let word = this.#word;
    let length = MARK.length;
    let hash = MARK_HASH;
    for (let i = start; i < end; ) {
      const lead = bytes[i];
      if (lead < 0x80) {
        i++;
        const action = asciiAction[lead];
        if (action === APPEND) {
          if (length === word.length) word = this.#grow();
          const byte = asciiByte[lead];
          word[length++] = byte;
          hash = hashByte(hash, byte);
        } else if (action !== DROP) {
          if (length > MARK.length) this.#emit(length, hash, out);
          length = MARK.length;
          hash = MARK_HASH;
          if (action === ALONE) {
            word[length] = lead;
            this.#emit(length + 1, hashByte(hash, lead), out);
          }
        }
        continue;
      }
      let c = codePointAt(bytes, i);
      i += utf8Length(lead);
      if (stripAccents) c = firstOfDecomposition(c);
      const action = c < 0x80 ? asciiAction[c] : this.#action(c);
      if (action === DROP) continue;
      if (action !== APPEND) {
        if (length > MARK.length) this.#emit(length, hash, out);
        length = MARK.length;
        hash = MARK_HASH;
        if (action === SPACE) continue;
      }
      if (lowercase) c = toLowercase(c);
      if (length + 4 > word.length) word = this.#grow();
      for (const next = writeCodePoint(word, length, c); length < next; length++) hash = hashByte(hash, word[length]);
      if (action === ALONE) {
        this.#emit(length, hash, out);
        length = MARK.length;
        hash = MARK_HASH;
      }
    }
    if (length > MARK.length) this.#emit(length, hash, out);
  }

  piece(id: number): Uint8Array {
    return unescapeSpaces(this.#vocab.textBytes(id));
  }

  /** Classifies the character after decomposition and before lowercasing. */
  #action(c: number): number {
    const flags = flagsOf(c);
    if (flags & WHITESPACE) return SPACE;
    const category = flags & CATEGORY_MASK;
    if (c === 0 || c === 0xfffd || category === Category.other) return DROP;
    if (category === Category.mark && this.#options.stripAccents) return DROP;
    if (category === Category.punctuation || (category === Category.symbol && c < 0x7f) || isCjkIdeograph(c))
      return ALONE;
    return APPEND;
  }

  #grow(): Uint8Array<ArrayBuffer> {
    const word = new Uint8Array(this.#word.length * 2);
    word.set(this.#word);
    this.#hashes = new Int32Array(word.length + 1);
    return (this.#word = word);
  }

  /** Appends the tokens of `#word[0, length)`, whose hash is `hash`. */
  #emit(length: number, hash: number, out: number[]): void {
    const { table } = this.#vocab;
    const word = this.#word;
    const whole = table.findHashed(hash, word, 0, length);
    if (whole >= 0) {
      out.push(whole);
      return;
    }
    const hashes = this.#hashes;
    const before = out.length;
    for (let i = 0; i < length; ) {
      const longest = Math.min(length - i, table.maxLength);
      let h = HASH_SEED;
      for (let n = 1; n <= longest; n++) hashes[n] = h = hashByte(h, word[i + n - 1]);
      let id = -1;
      let n = longest;
      for (; n > 0; n--) {
        if (table.lengths[n] && (id = table.findHashed(hashes[n], word, i, i + n)) >= 0) break;
      }
      if (id < 0) {
        out.length = before;
        out.push(this.#options.unk);
        return;
      }
      out.push(id);
      i += n;
    }
  }
}
