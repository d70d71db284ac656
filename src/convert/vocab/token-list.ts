/**
 * @file The vocabulary in the form of a GGUF: texts, types, scores.
 */
import { TokenType } from '../../tokenizer/index.ts';
import { ConvertError } from '../conversion-error.ts';
import type { AddedToken, HfTokenizer } from './hf-tokenizer.ts';
import { firstTokens, type SentencePieceModel } from './sentencepiece.ts';

/** One entry for each id. */
export interface VocabToWrite {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  /** Only for SentencePiece models. */
  readonly scores?: readonly number[];
}

/** Score of placeholder tokens. */
export const FILLER_SCORE = -10000;
/** Score of tokens added to a SentencePiece model. */
export const ADDED_SCORE = -1000;

/**
 * Tokens of a BPE or WordPiece model. Unused ids below `vocabSize` become `[PAD<id>]`.
 * @throws ConvertError if an id is not below `vocabSize`
 */
export function listTokens({ tokens, added }: HfTokenizer, vocabSize: number): VocabToWrite {
  const largest = largestId(tokens);
  if (largest >= vocabSize) {
    throw new ConvertError(
      `the token ${JSON.stringify(tokens.get(largest))} has the id ${largest}, but vocab_size is ${vocabSize}`,
    );
  }
  const texts: string[] = [];
  const types: number[] = [];
  for (let id = 0; id < vocabSize; id++) {
    const text = tokens.get(id);
    const entry = added.get(id);
    if (text === undefined) {
      texts.push(`[PAD${id}]`);
      types.push(TokenType.unused);
    } else if (entry === undefined) {
      texts.push(text);
      types.push(TokenType.normal);
    } else {
      const token = addedToken(entry);
      texts.push(token.text);
      types.push(token.type);
    }
  }
  return { tokens: texts, types };
}

function addedToken({ content, special }: AddedToken): { readonly text: string; readonly type: number } {
  if (special || looksSpecial(content)) return { text: content, type: TokenType.control };
  return { text: content.replaceAll('▁', ' '), type: TokenType.userDefined };
}

/** The largest id; -1 without tokens. */
export function largestId(tokens: ReadonlyMap<number, unknown>): number {
  let largest = -1;
  for (const id of tokens.keys()) largest = Math.max(largest, id);
  return largest;
}

/** Texts of tokens that converters always treat as special. */
export function looksSpecial(text: string): boolean {
  return (
    ['<pad>', '<mask>', '<2mass>', '[@BOS@]'].includes(text) ||
    /^<\|.*\|>$/s.test(text) ||
    /^<｜.*｜>$/s.test(text) ||
    /^<unused.*>$/s.test(text)
  );
}

/** WordPiece in the form that ggml matches: words begin with `▁`, continuations lose their `##`, and tokens that are added to a vocabulary stay. */
export function phantomSpaces({ tokens, types }: VocabToWrite): VocabToWrite {
  const phantom = (text: string) => (text.startsWith('##') ? text.slice(2) : `▁${text}`);
  const isAdded = (type: number) => type === TokenType.control || type === TokenType.userDefined;
  return { types, tokens: tokens.map((text, id) => (isAdded(types[id]) ? text : phantom(text))) };
}

/**
 * A Unigram model in the order of XLM-R: four special tokens, the pieces from the fourth on, and `[PAD<n>]` up to
 * `vocabSize`, where `n` starts at the number of pieces. Tokens that are added behind the pieces take the places of their ids, except
 * `<mask>`, which llama.cpp leaves out.
 */
export function listPieces(
  { pieces }: SentencePieceModel,
  vocabSize: number,
  added: ReadonlyMap<number, AddedToken>,
): VocabToWrite {
  const tokens: string[] = [...firstTokens];
  const types: number[] = [TokenType.control, TokenType.control, TokenType.control, TokenType.unknown];
  const scores = [0, 0, 0, 0];
  for (const { text, type, score } of pieces.slice(3)) {
    tokens.push(text);
    types.push(type);
    scores.push(score);
  }
  if (tokens.length > vocabSize) {
    throw new ConvertError(`the vocabulary has ${tokens.length} pieces, but vocab_size is ${vocabSize}`);
  }
  for (let n = pieces.length; tokens.length < vocabSize; n++) {
    const entry = added.get(tokens.length);
    const isKept = entry !== undefined && entry.content !== '<mask>';
    const { text, type } = isKept ? addedToken(entry) : { text: `[PAD${n}]`, type: TokenType.unused };
    tokens.push(text);
    types.push(type);
    scores.push(isKept ? ADDED_SCORE : FILLER_SCORE);
  }
  return { tokens, types, scores };
}
