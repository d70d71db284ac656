/**
 * @file Builds the tokenizer that a GGUF file describes.
 */
import { Bpe } from './bpe.ts';
import { Charsmap } from './charsmap.ts';
import { TokenizerError } from './errors.ts';
import { HybridDna } from './hybrid-dna.ts';
import { loadVocab, type TokenizerMetadata, type VocabDefaults, vocabKind } from './load-vocab.ts';
import { Merges } from './merges.ts';
import type { Strings } from './packed-texts.ts';
import { readPairLayout } from './pair-layout.ts';
import { Plamo2 } from './plamo2.ts';
import { type PreTokenizer, preTokenizer } from './pretokenizers/table.ts';
import { Rwkv } from './rwkv.ts';
import { SortedTexts } from './sorted-texts.ts';
import { Spm } from './spm.ts';
import type { TextModel } from './text-model.ts';
import { Tokenizer } from './tokenizer.ts';
import { Unigram } from './unigram.ts';
import { UnigramNormalizer } from './unigram-normalizer.ts';
import { type SpecialIds, TokenType, type Vocab, type VocabKind } from './vocab.ts';
import { WhitespaceWords } from './whitespace-words.ts';
import { WordPiece } from './wordpiece.ts';

/**
 * The tokenizer that the metadata of a GGUF file describes. A file with only a vocabulary is enough.
 * @throws TokenizerError if the tokenizer is missing, unknown or inconsistent
 * @throws GgufError if a key has a value of the wrong type
 */
export function createTokenizer(metadata: TokenizerMetadata): Tokenizer {
  const kind = vocabKind(metadata);
  const model = metadata.string('tokenizer.ggml.model')!;
  const layout = readPairLayout(metadata);
  if (kind === 'bpe') {
    // The model gemma4 has its own pre-tokenizer, whatever the file names.
    const pre = preTokenizer(model === 'gemma4' ? model : metadata.string('tokenizer.ggml.pre'));
    const vocab = loadVocab(metadata, kind, bpeDefaults(model, pre));
    return new Tokenizer(model, vocab, bpeText(model, metadata, vocab, bpe(metadata, vocab, pre)), layout);
  }
  const vocab = loadVocab(metadata, kind);
  return new Tokenizer(model, vocab, textModels[kind](metadata, vocab), layout);
}

const noMerges: Strings = { length: 0, bytes: () => new Uint8Array(0) };

const textModels = {
  wordpiece,
  spm: (_, vocab) => new Spm(vocab),
  unigram,
  rwkv: (_, vocab) => new Rwkv(vocab),
  plamo2: (_, vocab) => new Plamo2(vocab),
} as const satisfies Record<Exclude<VocabKind, 'bpe'>, (metadata: TokenizerMetadata, vocab: Vocab) => TextModel>;

function unigram(metadata: TokenizerMetadata, vocab: Vocab): TextModel {
  const unk = needUnknown(vocab, 'T5');
  const blob = metadata.numbers('tokenizer.ggml.precompiled_charsmap');
  const charsmap = blob && new Charsmap(new Uint8Array(blob.buffer, blob.byteOffset, blob.byteLength));
  const userDefined: number[] = [];
  for (let id = 0; id < vocab.nTokens; id++) if (vocab.types[id] === TokenType.userDefined) userDefined.push(id);
  return new Unigram(vocab, new UnigramNormalizer(charsmap, new SortedTexts(vocab.table, userDefined), vocab), unk);
}

function needUnknown(vocab: Vocab, model: string): number {
  if (vocab.unk !== undefined) return vocab.unk;
  const key = 'tokenizer.ggml.unknown_token_id';
  throw new TokenizerError(`a ${model} vocabulary needs an unknown token, but ${key} is missing`, key);
}

function wordpiece(metadata: TokenizerMetadata, vocab: Vocab): TextModel {
  const lowercase = metadata.bool('tokenizer.ggml.normalizer.lowercase') ?? true;
  const stripAccents = metadata.bool('tokenizer.ggml.normalizer.strip_accents') ?? lowercase;
  return new WordPiece(vocab, { lowercase, stripAccents, unk: needUnknown(vocab, 'BERT') });
}

/** The defaults that follow from the pre-tokenizer of a BPE vocabulary and from the model name `gemma4`. */
function bpeDefaults(model: string, pre: PreTokenizer): VocabDefaults {
  const noIds: SpecialIds = {
    bos: undefined,
    eos: undefined,
    unk: undefined,
    sep: undefined,
    pad: undefined,
    mask: undefined,
  };
  return {
    flags: {
      addBos: pre.addBos ?? false,
      addSep: pre.addSep ?? false,
      cleanSpaces: pre.cleanSpaces ?? true,
    },
    ids: model === 'gemma4' ? noIds : pre.noBos ? { bos: undefined } : {},
    forced: pre.alwaysBos ? { addBos: true } : {},
  };
}

/** Adds what the models `whitespace` and `hybriddna` do before BPE. */
function bpeText(model: string, metadata: TokenizerMetadata, vocab: Vocab, words: TextModel): TextModel {
  if (model === 'hybriddna') return new HybridDna(words, vocab);
  if (model !== 'whitespace') return words;
  return new WhitespaceWords(words, metadata.bool('tokenizer.ggml.normalizer.lowercase') ?? false);
}

function bpe(metadata: TokenizerMetadata, vocab: Vocab, pre: PreTokenizer): TextModel {
  const key = 'tokenizer.ggml.merges';
  const merges = metadata.strings(key) ?? (pre.mergesOptional ? noMerges : undefined);
  if (merges === undefined) {
    throw new TokenizerError(`the file has no ${key}, which a BPE vocabulary needs: convert the model again`, key);
  }
  return new Bpe(vocab, new Merges(vocab.table, merges), pre);
}
