/**
 * @file The `tokenizer.ggml.` keys of each kind of tokenizer, in llama.cpp's order.
 */
import type { GgufWriter, NumericArray, ScalarType, ValueToWrite } from '../../gguf/index.ts';
import { type Checkout, isObject, readBytes, readJsonObject } from '../checkout/checkout.ts';
import type { Config } from '../checkout/config.ts';
import { ConvertError } from '../conversion-error.ts';
import type { TokenizerKind } from '../model-class.ts';
import { setChatTemplate } from './chat-template.ts';
import { readDeberta } from './deberta.ts';
import { readGemmaTokens } from './gemma.ts';
import { type HfTokenizer, readHfTokenizer } from './hf-tokenizer.ts';
import { findPre } from './pre-tokenizer.ts';
import { readSentencePiece, type SentencePieceModel, unigramOfJson } from './sentencepiece.ts';
import { setSpecials } from './special-tokens.ts';
import { listPieces, listTokens, phantomSpaces, type VocabToWrite } from './token-list.ts';
import { checkParts } from './tokenizer-parts.ts';

/** Sets all keys of the tokenizer. @throws ConvertError if files are missing or damaged, or the vocabulary is unknown */
export async function setTokenizer(
  writer: GgufWriter,
  checkout: Checkout,
  config: Config,
  kind: TokenizerKind,
): Promise<void> {
  await tokenizers[kind](writer, checkout, config);
  await setChatTemplate(writer, checkout);
}

type SetTokenizer = (writer: GgufWriter, checkout: Checkout, config: Config) => Promise<void>;

const tokenizers: Readonly<Record<TokenizerKind, SetTokenizer>> = {
  async wordpiece(writer, checkout, config) {
    const tokenizer = await readHfTokenizer(checkout, 'WordPiece');
    checkParts(tokenizer.json, 'WordPiece');
    const vocab = phantomSpaces(listTokens(tokenizer, vocabSize(config, tokenizer)));
    setTokenTypeCount(writer, config);
    await setModel(writer, 'bert', vocab, tokenizer, (to) => setSpecials(to, tokenizer, config, vocab.tokens.length));
  },

  async roberta(writer, checkout, config) {
    await setBpe(writer, checkout, config);
    setTokenTypeCount(writer, config);
  },

  async 'modern-bert'(writer, checkout, config) {
    // Written first; what the post-processor says overwrites the value in place.
    for (const role of ['bos', 'eos', 'sep']) set(writer, `add_${role}_token`, 'bool', true);
    await setBpe(writer, checkout, config);
  },

  async 'xlm-roberta'(writer, checkout, config) {
    const tokenizer = await readHfTokenizer(checkout, 'Unigram');
    checkParts(tokenizer.json, 'Unigram');
    const model = await readUnigram(checkout, tokenizer);
    const vocab = listPieces(model, config.needU32('vocab_size'), tokenizer.added);
    setUnigram(writer, vocab, model, () => setTokenTypeCount(writer, config));
    setSpecials(writer, tokenizer, config, vocab.tokens.length);
  },

  async deberta(writer, checkout, config) {
    const { vocab, model, tokenizer } = await readDeberta(checkout, config);
    checkParts(tokenizer.json, 'Unigram');
    setUnigram(writer, vocab, model, () => setTokenTypeCount(writer, config));
    setSpecials(writer, tokenizer, config, vocab.tokens.length);
  },

  bpe: setBpe,

  async llama(writer, checkout, config) {
    const { add_prefix_space: addsSpace } = (await readJsonObject(checkout, 'tokenizer_config.json')) ?? {};
    if (typeof addsSpace === 'boolean') set(writer, 'add_space_prefix', 'bool', addsSpace);
    await setBpe(writer, checkout, config);
  },

  async 'by-file'(writer, checkout, config) {
    const model = (await readJsonObject(checkout, 'tokenizer.json'))?.model;
    const kind = isObject(model) && model.type === 'WordPiece' ? 'wordpiece' : 'xlm-roberta';
    await tokenizers[kind](writer, checkout, config);
  },

  async gemma(writer, checkout, config) {
    const { vocab, tokenizer } = await readGemmaTokens(checkout, config);
    set(writer, 'model', 'string', 'llama');
    set(writer, 'pre', 'string', 'default');
    setStrings(writer, 'tokens', vocab.tokens);
    setNumbers(writer, 'scores', 'float32', Float32Array.from(vocab.scores!));
    setNumbers(writer, 'token_type', 'int32', Int32Array.from(vocab.types));
    setSpecials(writer, tokenizer, config, vocab.tokens.length);
    set(writer, 'add_space_prefix', 'bool', false);
  },
};

/** Sets the tokens of a Unigram vocabulary and how texts are normalised. @param between sets keys that belong in the middle of these */
export function setUnigram(
  writer: GgufWriter,
  vocab: VocabToWrite,
  model: Omit<SentencePieceModel, 'pieces'>,
  between?: () => void,
): void {
  set(writer, 'model', 'string', 't5');
  set(writer, 'pre', 'string', 'default');
  setStrings(writer, 'tokens', vocab.tokens);
  setNumbers(writer, 'scores', 'float32', Float32Array.from(vocab.scores!));
  setNumbers(writer, 'token_type', 'int32', Int32Array.from(vocab.types));
  set(writer, 'add_space_prefix', 'bool', model.addDummyPrefix);
  between?.();
  set(writer, 'remove_extra_whitespaces', 'bool', model.removeExtraWhitespaces);
  if (model.charsmap.length > 0) setNumbers(writer, 'precompiled_charsmap', 'uint8', model.charsmap);
}

const SENTENCEPIECE_FILE = 'sentencepiece.bpe.model';

async function readUnigram(checkout: Checkout, { json }: HfTokenizer): Promise<SentencePieceModel> {
  const bytes = await readBytes(checkout, SENTENCEPIECE_FILE, 'a SentencePiece model');
  if (bytes !== undefined) return readSentencePiece(bytes, SENTENCEPIECE_FILE);
  if (json.model !== undefined) return unigramOfJson(json, 'tokenizer.json');
  throw new ConvertError(`there is neither ${SENTENCEPIECE_FILE} nor tokenizer.json`, checkout.name);
}

async function setBpe(writer: GgufWriter, checkout: Checkout, config: Config): Promise<void> {
  const tokenizer = await readHfTokenizer(checkout, 'BPE');
  checkParts(tokenizer.json, 'BPE');
  const vocab = listTokens(tokenizer, vocabSize(config, tokenizer));
  const specials = (to: GgufWriter) => setSpecials(to, tokenizer, config, vocab.tokens.length);
  await setModel(writer, 'gpt2', vocab, tokenizer, specials);
}

/** Sets `model`, `pre`, tokens, merges and what `specials` sets. */
async function setModel(
  writer: GgufWriter,
  model: 'bert' | 'gpt2',
  vocab: VocabToWrite,
  { merges, json }: HfTokenizer,
  specials: (to: GgufWriter) => void,
): Promise<void> {
  const setWith = (to: GgufWriter, pre: string) => {
    set(to, 'model', 'string', model);
    set(to, 'pre', 'string', pre);
    setStrings(to, 'tokens', vocab.tokens);
    setNumbers(to, 'token_type', 'int32', Int32Array.from(vocab.types));
    if (merges.length > 0) setStrings(to, 'merges', merges);
    specials(to);
  };
  setWith(writer, await findPre(model, setWith, json));
}

/** The size from the config, which may exceed the number of tokens. */
function vocabSize(config: Config, { tokens }: HfTokenizer): number {
  return config.u32('vocab_size') ?? tokens.size;
}

function setTokenTypeCount(writer: GgufWriter, config: Config): void {
  set(writer, 'token_type_count', 'uint32', config.u32('type_vocab_size') ?? 1);
}

function set(
  writer: GgufWriter,
  key: string,
  type: 'string' | 'bool' | 'uint32',
  value: string | boolean | number,
): void {
  writer.set(`tokenizer.ggml.${key}`, { type, value } as ValueToWrite);
}

function setStrings(writer: GgufWriter, key: string, values: readonly string[]): void {
  writer.set(`tokenizer.ggml.${key}`, { type: 'array', value: { elementType: 'string', values } });
}

function setNumbers(writer: GgufWriter, key: string, elementType: ScalarType, values: NumericArray): void {
  writer.set(`tokenizer.ggml.${key}`, { type: 'array', value: { elementType, values } });
}
