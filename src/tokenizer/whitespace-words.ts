/**
 * @file The `whitespace` tokenizer (jina-embeddings-v2-base-zh): tokenizes each word between whitespace with BPE. The whitespace
 * itself is dropped.
 */
import type { TextModel } from './text-model.ts';
import { codePointFlags, toLowercase, WHITESPACE } from './unicode/code-points.ts';
import { codePointAt, utf8Length, writeCodePoint } from './utf8.ts';

/** Passes the words of a text to another model. */
export class WhitespaceWords implements TextModel {
  readonly #inner: TextModel;
  readonly #lowercase: boolean;

  /** @param lowercase whether to lowercase the text first */
  constructor(inner: TextModel, lowercase: boolean) {
    this.#inner = inner;
    this.#lowercase = lowercase;
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    const flags = codePointFlags();
    // Lowercasing adds at most one byte to a letter (U+023A: from two bytes to three).
    const word = new Uint8Array(2 * (end - start));
    let from = 0;
    let length = 0;
    for (let i = start; i < end; i += utf8Length(bytes[i])) {
      const c = codePointAt(bytes, i);
      if ((flags[c] & WHITESPACE) === 0) {
        length = writeCodePoint(word, length, this.#lowercase ? toLowercase(c) : c);
        continue;
      }
      if (length > from) this.#inner.encode(word, from, length, out);
      from = length;
    }
    if (length > from) this.#inner.encode(word, from, length, out);
  }

  piece(id: number): Uint8Array {
    return this.#inner.piece(id);
  }
}
