/**
 * @file The vocabulary of Gemma: the pieces of its SentencePiece model, and added tokens.
 */
import { TokenType } from '../../tokenizer/index.ts';
import { type Checkout, readBytes, readJsonObject } from '../checkout/checkout.ts';
import type { Config } from '../checkout/config.ts';
import { ConvertError } from '../conversion-error.ts';
import { type HfTokenizer, readAdded } from './hf-tokenizer.ts';
import { readSentencePiece, type SentencePieceModel } from './sentencepiece.ts';
import { ADDED_SCORE, FILLER_SCORE, looksSpecial, type VocabToWrite } from './token-list.ts';

const FILE = 'tokenizer.model';

async function readPieces(checkout: Checkout): Promise<SentencePieceModel['pieces']> {
  const bytes = await readBytes(checkout, FILE, 'a SentencePiece model');
  if (bytes === undefined) throw new ConvertError('the file does not exist, but the model needs it', FILE);
  return readSentencePiece(bytes, FILE, 'BPE').pieces;
}

/** Tokens of the file: `vocab_size`, or the number of pieces if the config lacks it. */
export async function countGemmaTokens(checkout: Checkout, config: Config): Promise<number> {
  return config.u32('vocab_size') ?? (await readPieces(checkout)).length;
}

/**
 * The tokens, and the special tokens. Ids without a piece become `[PAD<id>]`; added tokens replace pieces.
 * @throws ConvertError if the SentencePiece model is missing or damaged
 */
export async function readGemmaTokens(
  checkout: Checkout,
  config: Config,
): Promise<{ readonly vocab: VocabToWrite; readonly tokenizer: HfTokenizer }> {
  const pieces = await readPieces(checkout);
  const n = config.u32('vocab_size') ?? pieces.length;
  const tokens = Array.from({ length: n }, (_, id) => pieces[id]?.text ?? `[PAD${id}]`);
  const types = Array.from({ length: n }, (_, id) => pieces[id]?.type ?? TokenType.unused);
  const scores = Array.from({ length: n }, (_, id) => pieces[id]?.score ?? FILLER_SCORE);
  const own = (await readJsonObject(checkout, 'tokenizer_config.json')) ?? {};
  const json = (await readJsonObject(checkout, 'tokenizer.json')) ?? {};
  const ids = new Map(tokens.map((text, id) => [text, id]));
  const added = readAdded({}, own, ids);
  for (const { id, content, special } of added.values()) {
    if (id >= n) continue;
    const isControl = special || looksSpecial(content);
    tokens[id] = isControl ? content : content.replaceAll('▁', ' ');
    types[id] = isControl ? TokenType.control : TokenType.userDefined;
    scores[id] = ADDED_SCORE;
  }
  return { vocab: { tokens, types, scores }, tokenizer: { tokens: new Map(), added, merges: [], json, config: own } };
}
