/**
 * @file The contract between the tokenizer and the algorithms that cut plain text into tokens.
 */

/** Cuts text that holds no special tokens any more. One instance serves one vocabulary; calls do not depend on each other. */
export interface TextModel {
  /** Appends the ids of `bytes[start, end)`, which is well-formed UTF-8 and not empty, to `out`. */
  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void;
  /** The bytes that a normal token stands for. */
  piece(id: number): Uint8Array;
}
