/**
 * @file Reads the tokenizer of a checkout: `tokenizer.json` (or `vocab.txt` for WordPiece) and `tokenizer_config.json`.
 */
import { type Checkout, isObject, type Json, readJsonObject, readText } from '../checkout/checkout.ts';
import { ConvertError } from '../conversion-error.ts';

/** A token added to the vocabulary of the model. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** The content of the files. */
export interface HfTokenizer {
  /** Texts by id, including added tokens. */
  readonly tokens: ReadonlyMap<number, string>;
  readonly added: ReadonlyMap<number, AddedToken>;
  /** BPE merges as `left right`. */
  readonly merges: readonly string[];
  /** `tokenizer.json`; empty if the file does not exist. */
  readonly json: Json;
  /** `tokenizer_config.json`; empty if the file does not exist. */
  readonly config: Json;
}

const JSON_FILE = 'tokenizer.json';
const CONFIG_FILE = 'tokenizer_config.json';
const VOCAB_FILE = 'vocab.txt';

/** Limit for ids. Placeholder tokens fill gaps, so a single wrong id could otherwise create billions of them. */
const MAX_ID = 2 ** 24;

/** Special tokens of a WordPiece vocabulary without `tokenizer.json`. */
const wordPieceSpecials = { unk: '[UNK]', sep: '[SEP]', pad: '[PAD]', cls: '[CLS]', mask: '[MASK]' } as const;

/**
 * Reads the tokenizer. A Unigram tokenizer may lack `tokenizer.json`, because its tokens are in a SentencePiece model.
 * @throws ConvertError if there are no tokens, or the files contradict each other
 */
export async function readHfTokenizer(checkout: Checkout, type: 'WordPiece' | 'BPE' | 'Unigram'): Promise<HfTokenizer> {
  const config = (await readJsonObject(checkout, CONFIG_FILE)) ?? {};
  const json = await readJsonObject(checkout, JSON_FILE);
  if (json === undefined) {
    if (type === 'WordPiece') return readVocabTxt(checkout, config);
    if (type === 'Unigram') return { tokens: new Map(), added: new Map(), merges: [], json: {}, config };
    throw new ConvertError('the file does not exist, but the model needs it', JSON_FILE);
  }
  const { model } = json;
  const isList = type === 'Unigram';
  if (!isObject(model) || (model.type ?? type) !== type || !(isList ? Array.isArray : isObject)(model.vocab)) {
    throw new ConvertError(`expected a tokenizer of the type ${type}`, JSON_FILE);
  }
  const tokens = new Map<number, string>();
  // A Unigram vocabulary is a list of texts with scores.
  const listed: [string, unknown][] = Array.isArray(model.vocab)
    ? scoredTokens(model.vocab, JSON_FILE).map(([text], id) => [text, id])
    : Object.entries(model.vocab!);
  for (const [text, id] of listed) addToken(tokens, JSON_FILE, id, text);
  const added = readAdded(json, config, new Map(Array.from(tokens, ([id, text]) => [text, id])));
  for (const { id, content } of added.values()) addToken(tokens, JSON_FILE, id, content);
  return { tokens, added, merges: readMerges(model.merges), json, config };
}

/** The tokens of a Unigram model with their scores. @throws ConvertError for an entry that is something else */
export function scoredTokens(vocab: readonly unknown[], file: string): [text: string, score: number][] {
  return vocab.map((entry, id) => {
    const [text, score]: unknown[] = Array.isArray(entry) ? entry : [];
    if (typeof text === 'string' && typeof score === 'number' && Number.isFinite(Math.fround(score)))
      return [text, score];
    throw new ConvertError(`token ${id} is ${JSON.stringify(entry)}; expected a text and a score`, file);
  });
}

async function readVocabTxt(checkout: Checkout, config: Json): Promise<HfTokenizer> {
  const text = await readText(checkout, VOCAB_FILE, 'a vocabulary');
  if (text === undefined) throw new ConvertError(`there is neither ${JSON_FILE} nor ${VOCAB_FILE}`, checkout.name);
  const tokens = new Map(
    text
      .replace(/\n$/, '')
      .split('\n')
      .map((line, id) => [id, line.replace(/\r$/, '')]),
  );
  const ids = new Map(Array.from(tokens, ([id, token]) => [token, id]));
  const specials: Json = Object.fromEntries(
    Object.entries(wordPieceSpecials).map(([role, token]) => [`${role}_token`, token]),
  );
  const whole = { ...specials, ...config };
  const special = (name: string) => ({ SpecialToken: { id: contentOf(whole[name]) } });
  const [cls, sep] = [special('cls_token'), special('sep_token')];
  const [a, b] = [{ Sequence: { id: 'A' } }, { Sequence: { id: 'B' } }];
  const json: Json = {
    added_tokens: Object.keys(specials).map((name) => {
      const content = contentOf(whole[name])!;
      return { id: ids.get(content), content, special: true };
    }),
    normalizer: {
      type: 'BertNormalizer',
      lowercase: config.do_lower_case ?? true,
      strip_accents: config.strip_accents ?? null,
    },
    post_processor: { type: 'TemplateProcessing', single: [cls, a, sep], pair: [cls, a, sep, b, sep] },
  };
  return { tokens, added: readAdded(json, whole, ids), merges: [], json, config: whole };
}

function addToken(tokens: Map<number, string>, file: string, id: unknown, text: string): void {
  if (!(typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < MAX_ID)) {
    throw new ConvertError(`the id of ${JSON.stringify(text)} is ${id}; it must be from 0 to ${MAX_ID - 1}`, file);
  }
  const other = tokens.get(id);
  if (other !== undefined && other !== text) {
    throw new ConvertError(`${JSON.stringify(other)} and ${JSON.stringify(text)} have the same id ${id}`, file);
  }
  tokens.set(id, text);
}

/** The added tokens of both files, including special tokens that only `tokenizer_config.json` names. */
export function readAdded(json: Json, config: Json, ids: ReadonlyMap<string, number>): Map<number, AddedToken> {
  const added = new Map<number, AddedToken>();
  const add = (file: string, id: unknown, entry: unknown) => {
    if (!isObject(entry) || typeof entry.content !== 'string' || typeof id !== 'number') {
      throw new ConvertError(`${JSON.stringify(entry)} is not an added token`, file);
    }
    if (!added.has(id)) added.set(id, { id, content: entry.content, special: entry.special === true });
  };
  if (Array.isArray(json.added_tokens)) for (const entry of json.added_tokens) add(JSON_FILE, entry?.id, entry);
  if (isObject(config.added_tokens_decoder)) {
    for (const [id, entry] of Object.entries(config.added_tokens_decoder)) add(CONFIG_FILE, Number(id), entry);
  }
  for (const role of ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask']) {
    const content = contentOf(config[`${role}_token`]);
    const id = content === undefined ? undefined : ids.get(content);
    if (id !== undefined) add(CONFIG_FILE, id, { content, special: true });
  }
  return added;
}

/** Text of a special token, which may be given as an object. */
export function contentOf(token: unknown): string | undefined {
  const content = isObject(token) ? token.content : token;
  return typeof content === 'string' ? content : undefined;
}

/** Merges are texts `left right` or pairs; a space inside a part becomes its byte letter. */
function readMerges(merges: unknown): string[] {
  if (merges === undefined || merges === null) return [];
  const isPair = (merge: unknown): merge is string[] =>
    Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string');
  if (!Array.isArray(merges)) throw new ConvertError('expected a list of merges', JSON_FILE);
  return merges.map((merge, i) => {
    if (typeof merge === 'string') return merge;
    if (!isPair(merge)) throw new ConvertError(`merge ${i} is ${JSON.stringify(merge)}`, JSON_FILE);
    return merge.map((part) => part.replaceAll(' ', 'Ġ')).join(' ');
  });
}
