/**
 * @file Tokenizers: `createTokenizer(metadata)` builds the tokenizer of a GGUF file.
 */
export { createTokenizer } from './create.ts';
export { TokenizerError } from './errors.ts';
export { findRanker, layoutKeys, layoutMetadata, tokenMetadata } from './known-rankers.ts';
export type { TokenizerMetadata } from './load-vocab.ts';
export { type DecodeOptions, type EncodeOptions, Tokenizer } from './tokenizer.ts';
export { Attribute, TokenType } from './vocab.ts';
