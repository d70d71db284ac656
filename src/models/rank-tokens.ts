/**
 * @file Rerankers that are language models: the score of a pair compares the logits of two tokens behind it, such as "yes" and "no". The file
 * or the user says which.
 */
import { printable } from '../gguf/errors.ts';
import type { Metadata } from '../gguf/index.ts';
import { ModelError } from './errors.ts';
import { type Classifier, noClassifier } from './pooling.ts';
import type { WeightLoader } from './weights.ts';

/** Keys of the texts of the two tokens, as they are in the vocabulary. Without the second, the logit of the first is the score. */
export const rankTokenKeys = {
  positive: 'gguf_embed.rank_tokens.positive',
  negative: 'gguf_embed.rank_tokens.negative',
} as const;

/** Arrays of a vocabulary whose values a model does not read, unless it looks for the tokens that its score compares. */
export function vocabularyArrays(metadata: Metadata): readonly string[] {
  if (metadata.entries.has(rankTokenKeys.positive)) return [];
  return ['tokens', 'scores', 'token_type', 'merges'].map((name) => `tokenizer.ggml.${name}`);
}

/**
 * The classifier of the tokens that the metadata names, over the last token: their rows of `output`, or of `token_embd` where the two are one.
 * Two tokens give probabilities, one its logit.
 * @returns `undefined` if the metadata names none
 * @throws ModelError for a token that is not in the vocabulary
 */
export function declareRankTokens(loader: WeightLoader): Classifier | undefined {
  const { nEmbd, nVocab } = loader.hparams;
  const { metadata } = loader.keys;
  const { positive, negative } = rankTokenKeys;
  if (metadata.string(positive) === undefined) return undefined;
  const keys = metadata.string(negative) === undefined ? [positive] : [positive, negative];
  const ids = keys.map((key) => findToken(metadata, key));
  const table = loader.has('output') ? 'output' : 'token_embd';
  const output = { weight: loader.rows(table, nEmbd, nVocab, ids, 'rank_tokens') };
  return { ...noClassifier(loader), row: 'last', output, softmax: ids.length > 1, nClsOut: ids.length };
}

/** The id of the token whose text is under `key`. */
function findToken(metadata: Metadata, key: string): number {
  const text = metadata.string(key) ?? '';
  const wanted = new TextEncoder().encode(text);
  const tokens = metadata.strings('tokenizer.ggml.tokens');
  for (let id = 0; id < (tokens?.length ?? 0); id++) {
    const bytes = tokens!.bytes(id);
    if (bytes.length === wanted.length && bytes.every((byte, i) => byte === wanted[i])) return id;
  }
  throw new ModelError(`${key}: the vocabulary has no token ${printable(text)}`, { key });
}
