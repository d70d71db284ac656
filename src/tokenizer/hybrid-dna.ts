/**
 * @file The `hybriddna` tokenizer: BPE for text; between `<dna>` and `</dna>`, each group of six bases is a
 * token.
 */
import type { TextModel } from './text-model.ts';
import { utf8 } from './utf8.ts';
import type { Vocab } from './vocab.ts';

/** Bases in one token; the last group is padded with `A`. */
const K = 6;
const A = 0x41;
/** U+E000 ends the texts of groups in the file, so that they differ from equal texts of BPE. It is not part of their content. */
const MARKER = utf8('\ue000');
const OPEN = utf8('<dna>');
const CLOSE = utf8('</dna>');

/** Passes text that is not DNA to another model. */
export class HybridDna implements TextModel {
  readonly #inner: TextModel;
  readonly #vocab: Vocab;
  readonly #begin: number;
  readonly #end: number;
  readonly #unknown: number;

  constructor(inner: TextModel, vocab: Vocab) {
    const find = (text: Uint8Array) => vocab.table.find(text, 0, text.length);
    this.#inner = inner;
    this.#vocab = vocab;
    this.#begin = find(OPEN);
    this.#end = find(CLOSE);
    this.#unknown = find(utf8('<oov>'));
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    // A vocabulary that lacks one of the three has no DNA tokens.
    const knowsDna = Math.min(this.#begin, this.#end, this.#unknown) >= 0;
    for (let at = start; at < end; ) {
      const open = knowsDna ? indexOf(bytes, OPEN, at, end) : end;
      if (open > at) this.#inner.encode(bytes, at, open, out);
      if (open === end) return;
      const first = open + OPEN.length;
      const close = indexOf(bytes, CLOSE, first, end);
      out.push(this.#begin);
      this.#encodeBases(bytes, first, close, out);
      if (close === end) return;
      out.push(this.#end);
      at = close + CLOSE.length;
    }
  }

  piece(id: number): Uint8Array {
    const text = this.#vocab.textBytes(id);
    const length = text.length - MARKER.length;
    return length > 0 && MARKER.every((byte, i) => text[length + i] === byte)
      ? text.subarray(0, length)
      : this.#inner.piece(id);
  }

  #encodeBases(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    const group = new Uint8Array(K + MARKER.length);
    group.set(MARKER, K);
    for (let at = start; at < end; at += K) {
      for (let i = 0; i < K; i++) group[i] = at + i < end ? capital(bytes[at + i]) : A;
      const id = this.#vocab.table.find(group, 0, group.length);
      out.push(id < 0 ? this.#unknown : id);
    }
  }
}

function capital(byte: number): number {
  return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
}

/** The index of `wanted` in `bytes[start, end)`, or `end` if it does not occur. */
function indexOf(bytes: Uint8Array, wanted: Uint8Array, start: number, end: number): number {
  for (let at = start; at + wanted.length <= end; at++) {
    if (bytes[at] === wanted[0] && wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return end;
}
