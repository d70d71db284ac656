/**
 * @file Reads a `Vocab` from the metadata of a GGUF file.
 */
import type { Metadata, StringArray } from '../gguf/index.ts';
import { type CompiledTables, compiledTables } from './compiled-tables.ts';
import { TokenizerError } from './errors.ts';
import { packTexts } from './packed-texts.ts';
import { applySpecialNames, markUnused, unusedMark } from './special-names.ts';
import { indexTexts, type TextIndex, TokenTable, type TokenTexts } from './token-table.ts';
import { fromUtf8, utf8 } from './utf8.ts';
import { Attribute, type SpecialIds, TokenType, Vocab, type VocabFlags, type VocabKind } from './vocab.ts';

/** Values of `tokenizer.ggml.model`. */
const kinds: Readonly<Record<string, VocabKind>> = {
  bert: 'wordpiece',
  gpt2: 'bpe',
  hybriddna: 'bpe',
  whitespace: 'bpe',
  gemma4: 'bpe',
  llama: 'spm',
  t5: 'unigram',
  rwkv: 'rwkv',
  plamo2: 'plamo2',
};

/** Default special ids of each kind. */
const defaultIds: Readonly<Record<VocabKind, Partial<SpecialIds>>> = {
  wordpiece: { bos: 101, unk: 100, sep: 102, pad: 0, mask: 103 },
  bpe: { bos: 11, eos: 11 },
  spm: { bos: 1, eos: 2, unk: 0 },
  unigram: { eos: 1, unk: 2, pad: 0 },
  rwkv: {},
  plamo2: { bos: 1, eos: 2, unk: 0, pad: 3 },
};

const noFlags: VocabFlags = {
  addBos: false,
  addEos: false,
  addSep: false,
  addSpacePrefix: false,
  cleanSpaces: false,
  removeExtraWhitespaces: false,
  isolatePunctuation: false,
  noSpecial: false,
  dropUnknown: false,
};

/** Default switches of each kind. */
const defaultFlags: Readonly<Record<VocabKind, VocabFlags>> = {
  wordpiece: { ...noFlags, addBos: true, addSep: true, cleanSpaces: true },
  bpe: { ...noFlags, cleanSpaces: true },
  spm: { ...noFlags, addBos: true, addSpacePrefix: true },
  unigram: { ...noFlags, addEos: true },
  rwkv: noFlags,
  plamo2: noFlags,
};

/** Keys of the special ids, with llama.cpp's historical spelling. */
const idKeys: Readonly<Record<keyof SpecialIds, string>> = {
  bos: 'tokenizer.ggml.bos_token_id',
  eos: 'tokenizer.ggml.eos_token_id',
  unk: 'tokenizer.ggml.unknown_token_id',
  sep: 'tokenizer.ggml.seperator_token_id',
  pad: 'tokenizer.ggml.padding_token_id',
  mask: 'tokenizer.ggml.mask_token_id',
};

/** The part of `Metadata` that a tokenizer reads. */
export type TokenizerMetadata = Pick<Metadata, 'string' | 'u32' | 'bool' | 'strings' | 'numbers'>;

const TOKENS = 'tokenizer.ggml.tokens';

/**
 * The kind of tokenizer that `tokenizer.ggml.model` names.
 * @throws TokenizerError if the key is missing or unknown, or says that there is no tokenizer
 */
export function vocabKind(metadata: TokenizerMetadata): VocabKind {
  const key = 'tokenizer.ggml.model';
  const model = metadata.string(key);
  if (model === undefined) {
    throw new TokenizerError(
      `the file has no ${key}, so texts cannot be tokenized: convert the model again, with its tokenizer`,
      key,
    );
  }
  if (model === 'no_vocab' || model === 'none') {
    throw new TokenizerError(
      `${key} is "${model}", so the file has no tokenizer: convert the model again, with its tokenizer`,
      key,
    );
  }
  if (!Object.hasOwn(kinds, model)) {
    throw new TokenizerError(
      `${key} is "${model}", which is not supported; supported are ${Object.keys(kinds).join(', ')}`,
      key,
    );
  }
  return kinds[model];
}

/** Defaults for keys that the file lacks, in addition to those of the kind. */
export interface VocabDefaults {
  readonly flags?: Partial<VocabFlags>;
  readonly ids?: Partial<SpecialIds>;
  /** Switches that the file's keys cannot change. */
  readonly forced?: Partial<VocabFlags>;
}

/** @throws TokenizerError if the vocabulary is missing or inconsistent */
export function loadVocab(metadata: TokenizerMetadata, kind: VocabKind, defaults: VocabDefaults = {}): Vocab {
  const tokens = metadata.strings(TOKENS);
  if (tokens === undefined) throw new TokenizerError(`the file has no ${TOKENS}: convert the model again`, TOKENS);
  if (tokens.length === 0) throw new TokenizerError(`${TOKENS} is empty`, TOKENS);
  const tables = compiledTables(tokens);
  const table = tables === undefined ? readTexts(tokens) : checked(tables.texts, tables.index);
  const { types, attributes, markUnused } = readTypes(metadata, table, tables);
  applySpecialNames(table, attributes, markUnused, {
    architecture: metadata.string('general.architecture') ?? '',
    name: metadata.string('general.name') ?? '',
    pre: metadata.string('tokenizer.ggml.pre') ?? '',
  });
  return new Vocab({
    kind,
    table,
    types,
    attributes,
    scores: readScores(metadata, table.size),
    special: readIds(metadata, table.size, { ...defaultIds[kind], ...defaults.ids }),
    flags: { ...readFlags(metadata, { ...defaultFlags[kind], ...defaults.flags }), ...defaults.forced },
  });
}

/** Concatenates all texts; an empty one becomes `[EMPTY_<id>]`. */
function readTexts(tokens: StringArray): TokenTable {
  const texts = packTexts(tokens, (id) => utf8(`[EMPTY_${id}]`));
  return checked(texts, indexTexts(texts));
}

function checked(texts: TokenTexts, index: TextIndex): TokenTable {
  if (index.duplicate) {
    const { bytes, offsets } = texts;
    const [first, second] = index.duplicate;
    const text = JSON.stringify(fromUtf8(bytes.subarray(offsets[first], offsets[first + 1])));
    throw new TokenizerError(
      `${TOKENS}: tokens ${first} and ${second} have the same text ${text}; texts must be unique`,
      TOKENS,
    );
  }
  return new TokenTable(texts, index);
}

/** `Attribute` of each `TokenType`. */
const typeAttributes = [
  0,
  Attribute.normal,
  Attribute.unknown,
  Attribute.control,
  Attribute.userDefined,
  Attribute.unused,
  Attribute.byte,
] as const;

/** What the file says of each token, and what marks those that are unused by their text. */
function readTypes(
  metadata: TokenizerMetadata,
  table: TokenTable,
  tables: CompiledTables | undefined,
): { readonly types: Uint8Array; readonly attributes: Uint8Array; readonly markUnused: () => void } {
  const n = table.size;
  const values = readArray(metadata, 'tokenizer.ggml.token_type', n);
  const last = TokenType.byte;
  if (tables !== undefined && (values instanceof Int32Array || values instanceof Uint32Array)) {
    const made = tables.classify(values, last, typeAttributes);
    return { ...made, markUnused: () => tables.mark(Attribute.control, unusedMark, Attribute.unused) };
  }
  const types = new Uint8Array(n).fill(TokenType.normal);
  const attributes = new Uint8Array(n).fill(Attribute.normal);
  if (values) {
    for (let id = 0; id < n; id++) {
      const type = values[id];
      // Types that are not in the list count as `undefined`.
      types[id] = type >= 0 && type <= last ? type : 0;
      attributes[id] = typeAttributes[types[id]];
    }
  }
  return { types, attributes, markUnused: () => markUnused(table, attributes) };
}

function readScores(metadata: TokenizerMetadata, n: number): Float32Array {
  const key = 'tokenizer.ggml.scores';
  const values = readArray(metadata, key, n);
  if (values === undefined) return new Float32Array(n);
  const scores = new Float32Array(values.subarray(0, n));
  for (let id = 0; id < n; id++) {
    if (!Number.isFinite(scores[id])) {
      throw new TokenizerError(`${key}: the score of token ${id} is ${scores[id]}; scores must be finite`, key);
    }
  }
  return scores;
}

function readArray(metadata: TokenizerMetadata, key: string, n: number) {
  const values = metadata.numbers(key);
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    throw new TokenizerError(`${key} holds 64-bit integers; expected 32-bit numbers`, key);
  }
  if (values && values.length < n) {
    throw new TokenizerError(`${key} has ${values.length} values for ${n} tokens; expected one for each`, key);
  }
  return values;
}

function readIds(metadata: TokenizerMetadata, n: number, defaults: Partial<SpecialIds>): SpecialIds {
  const read = (role: keyof SpecialIds) => {
    const standard = defaults[role] !== undefined && defaults[role] < n ? defaults[role] : undefined;
    const id = metadata.u32(idKeys[role]);
    return id !== undefined && id < n ? id : standard;
  };
  return {
    bos: read('bos'),
    eos: read('eos'),
    unk: read('unk'),
    sep: read('sep'),
    pad: read('pad'),
    mask: read('mask'),
  };
}

function readFlags(metadata: TokenizerMetadata, defaults: VocabFlags): VocabFlags {
  const read = (name: string, standard: boolean) => metadata.bool(`tokenizer.ggml.${name}`) ?? standard;
  const own = (name: string) => metadata.bool(`gguf_embed.tokenizer.${name}`) ?? false;
  const noSpecial = own('no_special_tokens');
  const adds = (name: string, standard: boolean) => !noSpecial && read(name, standard);
  return {
    ...defaults,
    addBos: adds('add_bos_token', defaults.addBos),
    addEos: adds('add_eos_token', defaults.addEos),
    addSep: adds('add_sep_token', defaults.addSep),
    addSpacePrefix: read('add_space_prefix', defaults.addSpacePrefix),
    removeExtraWhitespaces: read('remove_extra_whitespaces', defaults.removeExtraWhitespaces),
    isolatePunctuation: own('isolate_punctuation'),
    noSpecial,
    dropUnknown: own('drop_unknown'),
  };
}
