/**
 * @file The tokenizer of static embeddings: WordPiece as BERT has it, byte-level BPE, or Unigram. Normalisers and pre-tokenizers that a GGUF
 * file cannot describe are refused by name.
 */
import type { GgufWriter } from '../../gguf/index.ts';
import { TokenType } from '../../tokenizer/index.ts';
import { type Checkout, isObject, type Json, readJsonObject } from '../checkout/checkout.ts';
import type { Config } from '../checkout/config.ts';
import { ConvertError } from '../conversion-error.ts';
import { type HfTokenizer, readHfTokenizer } from '../vocab/hf-tokenizer.ts';
import { findCharsmap } from '../vocab/sentencepiece.ts';
import { setTokenizer, setUnigram } from '../vocab/tokenizer-keys.ts';
import { checkParts, isolatesPunctuation, partsOf } from '../vocab/tokenizer-parts.ts';

const FILE = 'tokenizer.json';

/** A tokenizer that was read and can be written. */
export interface StaticTokenizer {
  readonly kind: 'WordPiece' | 'BPE' | 'Unigram';
  readonly nTokens: number;
  /** Id of the unknown token, if there is one. */
  readonly unknown: number | undefined;
  readonly tokenizer: HfTokenizer;
}

/** @throws ConvertError when there is none, or it does something that a file cannot say */
export async function readStaticTokenizer(checkout: Checkout): Promise<StaticTokenizer> {
  const json = await readJsonObject(checkout, FILE);
  if (json === undefined) throw new ConvertError('the file does not exist, but the model needs it', FILE);
  const { model } = json;
  const kind = isObject(model) ? model.type : undefined;
  if (kind !== 'WordPiece' && kind !== 'BPE' && kind !== 'Unigram') {
    throw new ConvertError(`the tokenizer is of the type ${kind}; supported are WordPiece, BPE, Unigram`, FILE);
  }
  const tokenizer = await readHfTokenizer(checkout, kind);
  const { unk_token: text, unk_id: id } = model as Json;
  const listed = Array.from(tokenizer.tokens).find(([, token]) => token === text)?.[0];
  const added = Array.from(tokenizer.added.values()).find(({ special }) => !special);
  if (added !== undefined && kind !== 'BPE') {
    throw new ConvertError(
      `the added token ${JSON.stringify(added.content)} is not special, which cannot be stored`,
      FILE,
    );
  }
  checkParts(json, kind, true);
  if (kind === 'Unigram' && findCharsmap(json.normalizer, FILE) === undefined) {
    throw new ConvertError('the normalizer has no precompiled charsmap, which a Unigram vocabulary needs here', FILE);
  }
  return {
    kind,
    nTokens: tokenizer.tokens.size,
    unknown: kind === 'Unigram' ? (typeof id === 'number' ? id : undefined) : listed,
    tokenizer,
  };
}

/** Sets everything about tokens, of which no special ones are put around a text. @param drops whether unknown tokens are left out */
export async function setStaticTokenizer(
  writer: GgufWriter,
  checkout: Checkout,
  config: Config,
  { kind, unknown, tokenizer, nTokens }: StaticTokenizer,
  drops: boolean,
): Promise<void> {
  const flag = (key: string) => writer.set(`gguf_embed.tokenizer.${key}`, { type: 'bool', value: true });
  if (kind === 'Unigram') {
    setUnigram(writer, listUnigram(tokenizer, unknown), {
      addDummyPrefix: true,
      removeExtraWhitespaces: true,
      charsmap: findCharsmap(tokenizer.json.normalizer, FILE) ?? new Uint8Array(0),
    });
    if (partsOf(tokenizer.json.normalizer, 'normalizers').some(isolatesPunctuation)) flag('isolate_punctuation');
  } else {
    await setTokenizer(writer, checkout, config.with({ vocab_size: nTokens }), kind === 'BPE' ? 'bpe' : 'wordpiece');
  }
  if (unknown !== undefined) {
    writer.set('tokenizer.ggml.unknown_token_id', { type: 'uint32', value: unknown });
  }
  flag('no_special_tokens');
  if (drops) flag('drop_unknown');
}

function listUnigram({ json, tokens, added }: HfTokenizer, unknown: number | undefined) {
  const { vocab } = json.model as Json;
  const scored = vocab as readonly [string, number][];
  const ids = Array.from({ length: tokens.size }, (_, id) => id);
  const scores = ids.map((id) => scored[id]?.[1] ?? 0);
  const typeOf = (id: number) => (added.has(id) ? TokenType.control : TokenType.normal);
  return {
    tokens: ids.map((id) => {
      const text = tokens.get(id);
      if (text === undefined) throw new ConvertError(`there is no token ${id} of ${tokens.size}`, FILE);
      return text;
    }),
    types: ids.map((id) => (id === unknown ? TokenType.unknown : typeOf(id))),
    scores,
  };
}
