/**
 * @file Normalises a text for a Unigram vocabulary: replacements, U+2581 for spaces, collapsed whitespace.
 */
import type { Charsmap } from './charsmap.ts';
import { SPACE_MARK } from './pieces.ts';
import type { SortedTexts } from './sorted-texts.ts';
import { validLength, writeCodePoint } from './utf8.ts';

/** Switches from the file. */
export interface NormalizerOptions {
  readonly addSpacePrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  /** Put ASCII punctuation between spaces, so that it is never part of a word. */
  readonly isolatePunctuation: boolean;
}

/** Normalises fragments, one at a time; the result stays valid until the next call. */
export class UnigramNormalizer {
  readonly #charsmap: Charsmap | undefined;
  readonly #userDefined: SortedTexts;
  readonly #options: NormalizerOptions;
  #out: Uint8Array = new Uint8Array(1024);
  #length = 0;
  /** Inside a run of characters other than spaces. */
  #inWord = false;
  #prefixed = false;

  constructor(charsmap: Charsmap | undefined, userDefined: SortedTexts, options: NormalizerOptions) {
    this.#charsmap = charsmap;
    this.#userDefined = userDefined;
    this.#options = options;
  }

  /** Bytes of the last result. */
  get bytes(): Uint8Array {
    return this.#out;
  }

  /** @returns length of the result in `bytes` */
  normalize(bytes: Uint8Array, start: number, end: number): number {
    this.#length = 0;
    this.#inWord = false;
    this.#prefixed = false;
    const charsmap = this.#charsmap;
    const userDefined = this.#userDefined;
    for (let at = start; at < end; ) {
      // The prefix of a user-defined token is kept unchanged, as in llama.cpp.
      const kept = userDefined.size > 0 ? userDefined.walk(bytes, at, end) : 0;
      if (kept > 0) {
        this.#write(bytes, at, at + kept);
        at += kept;
      } else if (charsmap?.match(bytes, at, end)) {
        this.#write(charsmap.texts, charsmap.replacementStart, charsmap.replacementEnd);
        at += charsmap.length;
      } else {
        const length = validLength(bytes, at, end);
        if (length > 0) this.#write(bytes, at, at + length);
        else this.#write(REPLACEMENT, 0, REPLACEMENT.length);
        at += Math.max(1, length);
      }
    }
    return this.#length;
  }

  #write(bytes: Uint8Array, start: number, end: number): void {
    const { addSpacePrefix, removeExtraWhitespaces, isolatePunctuation } = this.#options;
    if (this.#out.length < this.#length + 4 * (end - start) + 3) {
      const larger = new Uint8Array(2 * (this.#length + 4 * (end - start) + 3));
      larger.set(this.#out.subarray(0, this.#length));
      this.#out = larger;
    }
    const out = this.#out;
    for (let i = start; i < end; i++) {
      const byte = bytes[i];
      if (byte === 0x20) {
        this.#inWord = false;
        if (!removeExtraWhitespaces) this.#length = writeCodePoint(out, this.#length, SPACE_MARK);
        continue;
      }
      const isAlone = isolatePunctuation && isPunctuation(byte);
      if (!this.#inWord || isAlone) {
        this.#inWord = !isAlone;
        if ((addSpacePrefix && !this.#prefixed) || removeExtraWhitespaces) {
          this.#length = writeCodePoint(out, this.#length, SPACE_MARK);
          this.#prefixed = true;
        }
      }
      out[this.#length++] = byte;
    }
  }
}

/** Whether a byte is one of the 32 ASCII characters of punctuation. */
function isPunctuation(byte: number): boolean {
  return (
    (byte > 0x20 && byte < 0x30) ||
    (byte > 0x39 && byte < 0x41) ||
    (byte > 0x5a && byte < 0x61) ||
    (byte > 0x7a && byte < 0x7f)
  );
}

/** U+FFFD */
const REPLACEMENT = Uint8Array.of(0xef, 0xbf, 0xbd);
