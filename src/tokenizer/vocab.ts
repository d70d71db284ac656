/**
 * @file The vocabulary of a model: texts, types and scores of tokens, ids with a role, and switches from the file.
 */
import { describe } from '../check-options.ts';
import { TokenizerError } from './errors.ts';
import type { TokenTable } from './token-table.ts';
import { fromUtf8 } from './utf8.ts';

/** Values of `tokenizer.ggml.token_type`. */
export const TokenType = {
  undefined: 0,
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** Attributes of a token after the corrections at load; a token can have several. */
export const Attribute = {
  unknown: 1,
  unused: 2,
  normal: 4,
  control: 8,
  userDefined: 16,
  byte: 32,
  /** Takes the whitespace before it. */
  stripLeft: 64,
  /** Takes the whitespace after it. */
  stripRight: 128,
} as const;

/** The families of tokenizers, named after the algorithm. `tokenizer.ggml.model` selects one. */
export type VocabKind = 'wordpiece' | 'bpe' | 'spm' | 'unigram' | 'rwkv' | 'plamo2';

/** Ids with a role; `undefined` if the vocabulary has no token for it. */
export interface SpecialIds {
  /** Begin of sequence; CLS in BERT. */
  bos: number | undefined;
  eos: number | undefined;
  unk: number | undefined;
  sep: number | undefined;
  pad: number | undefined;
  mask: number | undefined;
}

/** Switches that the file or the kind of vocabulary sets. */
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
  /** Unigram: put ASCII punctuation between spaces. */
  isolatePunctuation: boolean;
  /** Never put special tokens around a text, whatever the kind of vocabulary. */
  noSpecial: boolean;
  /** Leave unknown tokens out of a text that has others. */
  dropUnknown: boolean;
}

/** The parts of a `Vocab`. */
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
  /** Texts as in the file, and the lookup from text to id. */
  readonly table: TokenTable;
  /** `TokenType` of each token, from the file. */
  readonly types: Uint8Array;
  /** `Attribute` bits of each token, after the corrections. */
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
  readonly isolatePunctuation: boolean;
  readonly noSpecial: boolean;
  readonly dropUnknown: boolean;

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
    this.isolatePunctuation = flags.isolatePunctuation;
    this.noSpecial = flags.noSpecial;
    this.dropUnknown = flags.dropUnknown;
  }

  /** Number of tokens. */
  get nTokens(): number {
    return this.table.size;
  }

  /** The bytes of a token as in the file: a view, which must not be written to. */
  textBytes(id: number): Uint8Array {
    this.check(id);
    const { bytes, offsets } = this.table;
    return bytes.subarray(offsets[id], offsets[id + 1]);
  }

  /** The text of a token as in the file: `▁hello`, `Ġhello`, `<0x0A>`, `[CLS]`. */
  text(id: number): string {
    return fromUtf8(this.textBytes(id));
  }

  /** The `TokenType` of a token, from the file. */
  type(id: number): number {
    this.check(id);
    return this.types[id];
  }

  /** Whether the token has one of these `Attribute` bits. */
  has(id: number, attributes: number): boolean {
    return (this.attributes[id] & attributes) !== 0;
  }

  /** @throws TokenizerError if `id` is not the id of a token */
  check(id: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= this.nTokens) {
      throw new TokenizerError(`token id ${describe(id)} is not in the vocabulary: ids are 0 to ${this.nTokens - 1}`);
    }
  }
}
