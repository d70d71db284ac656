/**
 * @file The contract between the tokenizer and the algorithms that split plain text into tokens.
 */

/** Tokenizes text without special tokens. One instance serves one vocabulary; calls are independent. */
export interface TextModel {
  /** Appends the ids of `bytes[start, end)`, which is well-formed UTF-8 and not empty, to `out`. */
  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void;
  /** The bytes of a normal token. */
  piece(id: number): Uint8Array;
}
