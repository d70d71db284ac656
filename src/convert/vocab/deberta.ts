/**
 * @file DeBERTa's vocabulary: Unigram, from `tokenizer.json` or from `spm.model`, to which [MASK] is added. Tokens keep their ids.
 */
import { TokenType } from '../../tokenizer/index.ts';
import { type Checkout, isObject, type Json, readBytes, readJsonObject } from '../checkout/checkout.ts';
import type { Config } from '../checkout/config.ts';
import { ConvertError } from '../conversion-error.ts';
import { type HfTokenizer, readAdded, readHfTokenizer } from './hf-tokenizer.ts';
import { findCharsmap, readSentencePiece, type SentencePieceModel } from './sentencepiece.ts';
import { FILLER_SCORE, largestId, type VocabToWrite } from './token-list.ts';

/** Tokens, how texts are normalised, and special tokens. */
export interface DebertaTokenizer {
  readonly vocab: VocabToWrite;
  readonly model: Omit<SentencePieceModel, 'pieces'>;
  readonly tokenizer: HfTokenizer;
}

const SPM_FILE = 'spm.model';
const specials = { cls: '[CLS]', sep: '[SEP]', pad: '[PAD]', unk: '[UNK]', mask: '[MASK]' } as const;

/** @throws ConvertError if there is neither file, it is damaged, or the tokenizer does more than a file can say */
export async function readDeberta(checkout: Checkout, config: Config): Promise<DebertaTokenizer> {
  const own = (await readJsonObject(checkout, 'tokenizer_config.json')) ?? {};
  for (const key of ['do_lower_case', 'split_by_punct']) {
    if (own[key] === true)
      throw new ConvertError(`${key} is true; such a tokenizer is not converted`, 'tokenizer_config.json');
  }
  const hasJson = checkout.files.includes('tokenizer.json');
  return hasJson ? ofJson(checkout, config) : ofSentencePiece(checkout, config, own);
}

async function ofJson(checkout: Checkout, config: Config): Promise<DebertaTokenizer> {
  const tokenizer = await readHfTokenizer(checkout, 'Unigram');
  const { vocab, unk_id: unknown } = tokenizer.json.model as Json;
  const scored = vocab as readonly [string, number][];
  const pieces = new Map(
    Array.from(tokenizer.tokens, ([id, text]) => {
      const score = scored[id]?.[1] ?? 0;
      const plain = tokenizer.added.has(id) ? TokenType.control : TokenType.normal;
      const type = id === unknown ? TokenType.unknown : plain;
      return [id, { text, type, score }];
    }),
  );
  const charsmap = findCharsmap(tokenizer.json.normalizer, 'tokenizer.json') ?? new Uint8Array(0);
  const model = { addDummyPrefix: true, removeExtraWhitespaces: true, charsmap };
  return { vocab: listed(pieces, config), model, tokenizer };
}

async function ofSentencePiece(checkout: Checkout, config: Config, own: Json): Promise<DebertaTokenizer> {
  const bytes = await readBytes(checkout, SPM_FILE, 'a SentencePiece model');
  if (bytes === undefined) {
    throw new ConvertError(`there is neither tokenizer.json nor ${SPM_FILE}`, checkout.name);
  }
  const { pieces: all, ...model } = readSentencePiece(bytes, SPM_FILE);
  const pieces = new Map(all.map((piece, id) => [id, piece]));
  const mask = { text: specials.mask, type: TokenType.control, score: 0 };
  if (!all.some(({ text }) => text === mask.text)) pieces.set(pieces.size, mask);
  const ids = new Map(Array.from(pieces, ([id, { text }]) => [text, id]));
  const special = (text: string) => ({ SpecialToken: { id: text } });
  const [a, b, cls, sep] = [{ Sequence: { id: 'A' } }, { Sequence: { id: 'B' } }, special('[CLS]'), special('[SEP]')];
  const json: Json = {
    post_processor: { type: 'TemplateProcessing', single: [cls, a, sep], pair: [cls, a, sep, b, sep] },
  };
  const roles = Object.fromEntries(Object.entries(specials).map(([role, text]) => [`${role}_token`, text]));
  const named = { ...roles, ...Object.fromEntries(Object.entries(own).filter(([, value]) => isText(value))) };
  const added = readAdded(json, named, ids);
  const tokenizer = { tokens: new Map<number, string>(), added, merges: [], json, config: named };
  return { vocab: listed(pieces, config), model, tokenizer };
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || (isObject(value) && typeof value.content === 'string');
}

/** One entry for each id below `vocab_size`. */
function listed(pieces: ReadonlyMap<number, SentencePieceModel['pieces'][number]>, config: Config): VocabToWrite {
  const nTokens = config.needU32('vocab_size');
  const largest = largestId(pieces);
  if (largest >= nTokens) {
    throw new ConvertError(`the vocabulary has a token ${largest}, but vocab_size is ${nTokens}`);
  }
  const filler = (id: number) => ({ text: `[PAD${id}]`, type: TokenType.unused, score: FILLER_SCORE });
  const all = Array.from({ length: nTokens }, (_, id) => pieces.get(id) ?? filler(id));
  return {
    tokens: all.map(({ text }) => text),
    types: all.map(({ type }) => type),
    scores: all.map(({ score }) => score),
  };
}
