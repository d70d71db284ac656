/**
 * @file The `whitespace` tokenizer (jina-embeddings-v2-base-zh): words between whitespace, each cut by BPE on its own. The whitespace
 * itself is dropped.
 */
import type { TextModel } from './text-model.ts';
import { codePointFlags, toLowercase, WHITESPACE } from './unicode/code-points.ts';
import { codePointAt, utf8Length, writeCodePoint } from './utf8.ts';

/** Hands the words of a text to another model. */
export class WhitespaceWords implements TextModel {
  readonly #inner: TextModel;
  readonly #lowercase: boolean;

  /** @param lowercase whether capitals become small letters first */
  constructor(inner: TextModel, lowercase: boolean) {
    this.#inner = inner;
    this.#lowercase = lowercase;
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    const flags = codePointFlags();
    // No lowercase letter takes more than one byte more than its capital (U+023A: two bytes to three).
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
