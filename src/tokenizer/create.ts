/**
 * @file Builds the tokenizer that a GGUF file describes.
 */
import type { Metadata } from '../gguf/index.ts';
import { TokenizerError } from './errors.ts';
import { loadVocab, vocabKind } from './load-vocab.ts';
import { Tokenizer } from './tokenizer.ts';
import { WordPiece } from './wordpiece.ts';

/**
 * The tokenizer that the metadata of a GGUF file describes.
 * @throws TokenizerError when it is missing, unknown or contradicts itself
 * @throws GgufError when a key has a value of the wrong type
 */
export function createTokenizer(metadata: Metadata): Tokenizer {
  const kind = vocabKind(metadata);
  const model = metadata.string('tokenizer.ggml.model')!;
  const template = metadata.string('tokenizer.chat_template.rerank');
  switch (kind) {
    case 'wordpiece': {
      const vocab = loadVocab(metadata, kind);
      if (vocab.unk === undefined) {
        throw new TokenizerError('a BERT vocabulary needs an unknown token: set tokenizer.ggml.unknown_token_id');
      }
      const lowercase = metadata.bool('tokenizer.ggml.normalizer.lowercase') ?? true;
      const stripAccents = metadata.bool('tokenizer.ggml.normalizer.strip_accents') ?? lowercase;
      return new Tokenizer(model, vocab, new WordPiece(vocab, { lowercase, stripAccents, unk: vocab.unk }), template);
    }
    default:
      throw new TokenizerError(`tokenizer.ggml.model is "${model}"; only bert is read`, 'tokenizer.ggml.model');
  }
}
