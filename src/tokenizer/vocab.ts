/**
 * @file The vocabulary of a model: texts, types and scores of its tokens, the ids with a role, and the switches of the file.
 */
import { TokenizerError } from './errors.ts';
import type { TokenTable } from './token-table.ts';
import { fromUtf8 } from './utf8.ts';

/** `tokenizer.ggml.token_type` as files hold it. */
export const TokenType = {
  undefined: 0,
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** What a token is after the fix-ups at load; a token can be several of these. */
export const Attribute = {
  unknown: 1,
  unused: 2,
  normal: 4,
  control: 8,
  userDefined: 16,
  byte: 32,
  /** Swallows the whitespace before it. */
  stripLeft: 64,
  /** Swallows the whitespace after it. */
  stripRight: 128,
} as const;

/** The families of tokenizers, named after the algorithm. `tokenizer.ggml.model` picks one. */
export type VocabKind = 'wordpiece' | 'bpe' | 'spm' | 'unigram' | 'rwkv' | 'plamo2';

/** Ids with a role; a role that nobody fills is `undefined`. */
export interface SpecialIds {
  /** Begin of sequence; CLS in BERT. */
  bos: number | undefined;
  eos: number | undefined;
  unk: number | undefined;
  sep: number | undefined;
  pad: number | undefined;
  mask: number | undefined;
}

/** Switches that the file or the kind of vocabulary decides. */
export interface VocabFlags {
  addBos: boolean;
  addEos: boolean;
  addSep: boolean;
  /** Put a space before text that begins the input or follows a special token. */
  addSpacePrefix: boolean;
  /** Remove spaces before punctuation when decoding. */
  cleanSpaces: boolean;
  /** Unigram: collapse runs of spaces. */
  removeExtraWhitespaces: boolean;
}

/** What a `Vocab` is made of. */
export interface VocabParts {
  kind: VocabKind;
  table: TokenTable;
  types: Uint8Array;
  attributes: Uint8Array;
  scores: Float32Array;
  special: SpecialIds;
  flags: VocabFlags;
}

/** The tokens of one model. */
export class Vocab implements SpecialIds, VocabFlags {
  readonly kind: VocabKind;
  /** Texts as the file holds them, and the way back from text to id. */
  readonly table: TokenTable;
  /** `TokenType` of each token, as the file has it. */
  readonly types: Uint8Array;
  /** `Attribute` bits of each token, after the fix-ups. */
  readonly attributes: Uint8Array;
  readonly scores: Float32Array;
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly unk: number | undefined;
  readonly sep: number | undefined;
  readonly pad: number | undefined;
  readonly mask: number | undefined;
  readonly addBos: boolean;
  readonly addEos: boolean;
  readonly addSep: boolean;
  readonly addSpacePrefix: boolean;
  readonly cleanSpaces: boolean;
  readonly removeExtraWhitespaces: boolean;

  constructor({ kind, table, types, attributes, scores, special, flags }: VocabParts) {
    this.kind = kind;
    this.table = table;
    this.types = types;
    this.attributes = attributes;
    this.scores = scores;
    this.bos = special.bos;
    this.eos = special.eos;
    this.unk = special.unk;
    this.sep = special.sep;
    this.pad = special.pad;
    this.mask = special.mask;
    this.addBos = flags.addBos;
    this.addEos = flags.addEos;
    this.addSep = flags.addSep;
    this.addSpacePrefix = flags.addSpacePrefix;
    this.cleanSpaces = flags.cleanSpaces;
    this.removeExtraWhitespaces = flags.removeExtraWhitespaces;
  }

  /** Number of tokens. */
  get nTokens(): number {
    return this.table.size;
  }

  /** The bytes of a token as the file holds them (a view, not to be written to). */
  textBytes(id: number): Uint8Array {
    this.check(id);
    const { bytes, offsets } = this.table;
    return bytes.subarray(offsets[id], offsets[id + 1]);
  }

  /** The text of a token as the file holds it: `▁hello`, `Ġhello`, `<0x0A>`, `[CLS]`. */
  text(id: number): string {
    return fromUtf8(this.textBytes(id));
  }

  /** The `TokenType` of a token, as the file has it. */
  type(id: number): number {
    this.check(id);
    return this.types[id];
  }

  /** Whether the token has one of these `Attribute` bits. */
  has(id: number, attributes: number): boolean {
    return (this.attributes[id] & attributes) !== 0;
  }

  /** @throws TokenizerError when `id` is not the id of a token */
  check(id: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= this.nTokens) {
      throw new TokenizerError(`token id ${id} is not in the vocabulary: ids go from 0 to ${this.nTokens - 1}`);
    }
  }
}
