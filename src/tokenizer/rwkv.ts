/**
 * @file RWKV "World": the longest token from the left, over bytes. Token texts are written with backslash escapes.
 */
import { TokenizerError } from './errors.ts';
import { NOTHING, PrefixFilter, TOKEN } from './prefix-filter.ts';
import type { TextModel } from './text-model.ts';
import { HASH_SEED, hashByte, indexTexts, TokenTable } from './token-table.ts';
import type { Vocab } from './vocab.ts';

/** The RWKV algorithm over one vocabulary. */
export class Rwkv implements TextModel {
  readonly #vocab: Vocab;
  /** Tokens with resolved escapes, last id first: of equal texts the last one wins. */
  readonly #table: TokenTable;
  readonly #prefixes: PrefixFilter;

  constructor(vocab: Vocab) {
    const n = vocab.nTokens;
    const offsets = new Uint32Array(n + 1);
    const bytes = new Uint8Array(vocab.table.bytes.length);
    for (let i = 0; i < n; i++) {
      const text = resolveEscapes(vocab.textBytes(n - 1 - i));
      bytes.set(text, offsets[i]);
      offsets[i + 1] = offsets[i] + text.length;
    }
    this.#vocab = vocab;
    const texts = { bytes: bytes.slice(0, offsets[n]), offsets };
    this.#table = new TokenTable(texts, indexTexts(texts));
    this.#prefixes = new PrefixFilter(this.#table, () => true);
  }

  encode(bytes: Uint8Array, start: number, end: number, out: number[]): void {
    const table = this.#table;
    for (let at = start; at < end; ) {
      const most = Math.min(end, at + table.maxLength);
      let hash = HASH_SEED;
      let found = -1;
      let next = at + 1;
      for (let to = at; to < most; ) {
        hash = hashByte(hash, bytes[to++]);
        const seen = this.#prefixes.look(hash);
        if (seen === NOTHING) break;
        const place = seen & TOKEN ? table.findHashed(hash, bytes, at, to) : -1;
        if (place < 0) continue;
        found = this.#vocab.nTokens - 1 - place;
        next = to;
      }
      out.push(found >= 0 ? found : this.#unknown(bytes[at]));
      at = next;
    }
  }

  piece(id: number): Uint8Array {
    return resolveEscapes(this.#vocab.textBytes(id));
  }

  #unknown(byte: number): number {
    const { unk } = this.#vocab;
    if (unk !== undefined) return unk;
    throw new TokenizerError(
      `the RWKV vocabulary has neither a token that begins with byte ${byte} nor an unknown token`,
    );
  }
}

const escapes: Readonly<Record<number, number>> = { 116: 0x09, 110: 0x0a, 114: 0x0d };

/** Resolves `\t`, `\n`, `\r` and `\xHH`; a backslash before anything else is dropped. */
function resolveEscapes(text: Uint8Array): Uint8Array {
  const out = new Uint8Array(text.length);
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== 0x5c) {
      out[n++] = text[i];
      continue;
    }
    const c = text[++i];
    if (c === 0x78 && i + 2 < text.length) {
      out[n++] = Number.parseInt(String.fromCharCode(text[i + 1], text[i + 2]), 16);
      i += 2;
    } else if (c !== undefined) {
      out[n++] = escapes[c] ?? c;
    }
  }
  return out.subarray(0, n);
}
