/**
 * @file Reads SentencePiece models: a protocol buffer with the pieces and the normaliser. Also the same from the
 * `tokenizer.json` of a Unigram model.
 *
 * ```
 * ModelProto      1: SentencePiece*  2: TrainerSpec  3: NormalizerSpec
 * SentencePiece   1: text  2: float score  3: type
 * TrainerSpec     3: model_type (1 Unigram, 2 BPE, 3 word, 4 char)
 * NormalizerSpec  2: precompiled_charsmap  3: add_dummy_prefix  4: remove_extra_whitespaces
 * ```
 */
import { TokenType } from '../../tokenizer/index.ts';
import { isObject, type Json } from '../checkout/checkout.ts';
import { ConvertError } from '../conversion-error.ts';
import { scoredTokens } from './hf-tokenizer.ts';

/** The part of a model that the converter needs. */
export interface SentencePieceModel {
  readonly pieces: readonly { readonly text: string; readonly score: number; readonly type: number }[];
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  /** Empty without normalisation. */
  readonly charsmap: Uint8Array;
}

/** The tokens before the pieces of XLM-R, in the order of their ids. */
export const firstTokens = ['<s>', '<pad>', '</s>', '<unk>'] as const;

/** Types of pieces by number; user-defined pieces count as normal. */
const pieceTypes: Readonly<Record<number, number>> = {
  1: TokenType.normal,
  2: TokenType.unknown,
  3: TokenType.control,
  4: TokenType.normal,
  5: TokenType.unused,
  6: TokenType.byte,
};

/** Numbers of the supported kinds of models. */
const modelTypes = { Unigram: 1, BPE: 2 } as const;

/** @throws ConvertError if the bytes are not such a model, or its kind is another one */
export function readSentencePiece(
  bytes: Uint8Array,
  file: string,
  kind: keyof typeof modelTypes = 'Unigram',
): SentencePieceModel {
  const fields = readFields(bytes, file);
  const messages = (number: number) => all(fields, number).filter((value) => value instanceof Uint8Array);
  const trainer = readFields(messages(2)[0] ?? new Uint8Array(0), file);
  const modelType = all(trainer, 3)[0] ?? modelTypes.Unigram;
  if (modelType !== modelTypes[kind]) {
    throw new ConvertError(`the model has the type ${modelType}; expected ${modelTypes[kind]} (${kind})`, file);
  }
  const normalizer = readFields(messages(3)[0] ?? new Uint8Array(0), file);
  const charsmap = all(normalizer, 2)[0];
  return {
    pieces: messages(1).map((message) => readPiece(message, file)),
    addDummyPrefix: (all(normalizer, 3)[0] ?? 1) !== 0,
    removeExtraWhitespaces: (all(normalizer, 4)[0] ?? 1) !== 0,
    charsmap: charsmap instanceof Uint8Array ? charsmap : new Uint8Array(0),
  };
}

function readPiece(message: Uint8Array, file: string): SentencePieceModel['pieces'][number] {
  const fields = readFields(message, file);
  const [text] = all(fields, 1);
  const [score] = all(fields, 2);
  const [type = 1] = all(fields, 3);
  if (!(text instanceof Uint8Array)) throw new ConvertError('a piece has no text', file);
  const known = typeof type === 'number' ? pieceTypes[type] : undefined;
  if (known === undefined) throw new ConvertError(`a piece has the type ${type}; known types are 1 to 6`, file);
  const piece = { text: new TextDecoder().decode(text), score: score instanceof Float ? score.value : 0, type: known };
  if (Number.isFinite(piece.score)) return piece;
  throw new ConvertError(`the score of the piece ${JSON.stringify(piece.text)} is ${piece.score}`, file);
}

/** A field of 32 bits. */
class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

type Field = { readonly number: number; readonly value: number | Uint8Array | Float };

function all(fields: readonly Field[], number: number): Field['value'][] {
  return fields.filter((field) => field.number === number).map(({ value }) => value);
}

/** The fields of one message of a protocol buffer. */
function readFields(bytes: Uint8Array, file: string): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (problem: string) => new ConvertError(`the protocol buffer is damaged: ${problem}`, file);
  let at = 0;
  const take = (n: number) => {
    if (!(n <= bytes.length - at)) throw fail('it is truncated');
    at += n;
    return at - n;
  };
  const varint = () => {
    for (let value = 0, factor = 1; factor < 2 ** 64; factor *= 128) {
      const byte = bytes[take(1)];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw fail('a number is too long');
  };
  const fields: Field[] = [];
  while (at < bytes.length) {
    const tag = varint();
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) fields.push({ number, value: varint() });
    else if (wire === 1) take(8);
    else if (wire === 2) {
      const length = varint();
      const begin = take(length);
      fields.push({ number, value: bytes.subarray(begin, begin + length) });
    } else if (wire === 5) fields.push({ number, value: new Float(view.getFloat32(take(4), true)) });
    else throw fail(`a field has the wire type ${wire}`);
  }
  return fields;
}

/**
 * The Unigram model in a `tokenizer.json`, in the form of XLM-R-like checkpoints without a SentencePiece file: its
 * first four tokens and a final `<mask>` replace the first three pieces.
 * @throws ConvertError if it is another kind of model
 */
export function unigramOfJson(json: Json, file: string): SentencePieceModel {
  const { model, normalizer } = json;
  if (!isObject(model) || model.type !== 'Unigram' || !Array.isArray(model.vocab)) {
    throw new ConvertError('expected a tokenizer of the type Unigram', file);
  }
  const scored = scoredTokens(model.vocab, file);
  if (firstTokens.some((text, id) => scored[id]?.[0] !== text)) {
    throw new ConvertError(`the first tokens are not ${firstTokens.join(', ')}, as the architecture has them`, file);
  }
  const control = { score: 0, type: TokenType.control };
  const pieces: SentencePieceModel['pieces'][number][] = [
    { ...control, text: '<unk>', type: TokenType.unknown },
    { ...control, text: '<s>' },
    { ...control, text: '</s>' },
  ];
  for (const [i, [text, score]] of scored.entries()) {
    if (i < firstTokens.length || (i === model.vocab.length - 1 && text === '<mask>')) continue;
    pieces.push({ text, score, type: TokenType.normal });
  }
  return {
    pieces,
    addDummyPrefix: true,
    removeExtraWhitespaces: true,
    charsmap: findCharsmap(normalizer, file) ?? new Uint8Array(0),
  };
}

/** The charsmap of a normaliser or of one in its sequence. @throws ConvertError if it is not base64 */
export function findCharsmap(normalizer: unknown, file: string): Uint8Array | undefined {
  if (!isObject(normalizer)) return undefined;
  if (Array.isArray(normalizer.normalizers)) {
    return normalizer.normalizers.map((one) => findCharsmap(one, file)).find((charsmap) => charsmap !== undefined);
  }
  const { precompiled_charsmap: base64 } = normalizer;
  if (typeof base64 !== 'string') return undefined;
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw new ConvertError('precompiled_charsmap is not base64', file, cause);
  }
}
