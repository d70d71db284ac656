/**
 * @file From text to token ids and back: special tokens, the algorithm of the vocabulary, pairs for reranking, decoding.
 */
import { describe, flag, type OptionTable, readOptions } from '../check-options.ts';
import { cleanSpaces } from './clean-spaces.ts';
import { TokenizerError } from './errors.ts';
import type { PairLayout } from './pair-layout.ts';
import { byteOfToken } from './pieces.ts';
import { SpecialSplitter } from './special-split.ts';
import type { TextModel } from './text-model.ts';
import { fromUtf8 } from './utf8.ts';
import { Attribute, type Vocab } from './vocab.ts';

/** Options of `encode`. */
export interface EncodeOptions {
  /** Add BOS/CLS before and EOS/SEP after the text as the model requires. Default true. */
  readonly addSpecial?: boolean | undefined;
  /** Read the text of control tokens (`[SEP]`, `<s>`) as those tokens. Default true. User-defined tokens always are. */
  readonly parseSpecial?: boolean | undefined;
}

/** Options of `decode`. */
export interface DecodeOptions {
  /** Leave out the BOS and EOS that `encode` added. Default false. */
  readonly removeSpecial?: boolean | undefined;
  /** Write the text of control and unknown tokens, which are otherwise left out. Default false. */
  readonly unparseSpecial?: boolean | undefined;
}

const encodeOptions: OptionTable<EncodeOptions> = { addSpecial: flag, parseSpecial: flag };
const decodeOptions: OptionTable<DecodeOptions> = { removeSpecial: flag, unparseSpecial: flag };

/** Encodes pairs of one query and many documents. */
export interface PairEncoder {
  /** `[before] document [after]`. */
  encode(document: string): number[];
  /** How many tokens come before the document. */
  readonly nBefore: number;
  /** The tokens after it. */
  readonly after: readonly number[];
}

/** Texts up to this many UTF-16 units are encoded in a buffer that is reused. */
const SCRATCH_UNITS = 1 << 16;
const encoder = new TextEncoder();

/** The tokenizer of one model. Stateless between calls: the same text gives the same ids. */
export class Tokenizer {
  /** `tokenizer.ggml.model`: bert, gpt2, llama, t5… */
  readonly model: string;
  readonly vocab: Vocab;
  /** `tokenizer.chat_template.rerank`, if the file has one. */
  readonly rerankTemplate: string | undefined;
  readonly #rerankParts: readonly string[] | undefined;
  readonly #textModel: TextModel;
  #parsing: SpecialSplitter | undefined;
  #plain: SpecialSplitter | undefined;
  #scratch = new Uint8Array(1024);

  constructor(model: string, vocab: Vocab, textModel: TextModel, { template, parts }: PairLayout = {}) {
    this.model = model;
    this.vocab = vocab;
    this.rerankTemplate = template;
    this.#rerankParts = parts;
    this.#textModel = textModel;
  }

  /**
   * The token ids of a text. Unpaired surrogates count as U+FFFD. There is no length limit, and time is linear in the text.
   * @throws TokenizerError if the model adds a special token that the vocabulary lacks
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const { addSpecial = true, parseSpecial = true } = readOptions('encode', options, encodeOptions, tokenizerError);
    needText('text', text);
    const out: number[] = [];
    if (addSpecial) this.#begin(out);
    if (text.length > 0) this.#encodeText(text, parseSpecial, out);
    if (addSpecial) this.#end(out);
    return this.vocab.dropUnknown && text.length > 0 ? this.#knownOf(out) : out;
  }

  /** The special token before a text. */
  #begin(out: number[]): void {
    const { kind, addBos, noSpecial } = this.vocab;
    if ((kind === 'wordpiece' && !noSpecial) || (addBos && !neverAdds(kind)))
      out.push(this.#need('bos', 'add_bos_token'));
  }

  /** The special token after a text. */
  #end(out: number[]): void {
    const { kind, addEos, noSpecial } = this.vocab;
    if (kind === 'wordpiece' && !noSpecial) out.push(this.#need('sep', 'a BERT tokenizer'));
    else if (addEos && !neverAdds(kind)) out.push(this.#need('eos', 'add_eos_token'));
  }

  /** The known tokens of a text; one unknown token for a text that has none. */
  #knownOf(ids: number[]): number[] {
    const { unk } = this.vocab;
    const known = ids.filter((id) => id !== unk);
    return known.length === 0 && unk !== undefined ? [unk] : known;
  }

  /**
   * The token ids of a query and a document for a reranker: the file's rerank template or the parts of its layout with both filled in, or
   * `[BOS] query [EOS] [SEP] document [EOS]` with the special tokens that the file asks for.
   * Without a template, the text of control tokens is plain text.
   */
  encodePair(query: string, document: string): number[] {
    return this.pairEncoder(query).encode(document);
  }

  /** `encodePair` for many documents: tokenizes the query once, unless a template puts it into the middle of a text. */
  pairEncoder(query: string): PairEncoder {
    needText('query', query);
    const { rerankTemplate } = this;
    if (this.#rerankParts !== undefined) return this.#partEncoder(query, this.#rerankParts);
    if (rerankTemplate !== undefined) {
      const encode = (text: string) => this.encode(text, { addSpecial: false });
      // The template is parsed once, so text of a query or a document never becomes a placeholder.
      const parts = rerankTemplate.split('{document}').map((part) => part.replaceAll('{query}', () => query));
      return {
        encode: (document) => encode(parts.join(document)),
        nBefore: encode(parts[0]).length,
        after: parts.length > 1 ? encode(parts[parts.length - 1]) : [],
      };
    }
    const { addBos, addEos, addSep, eos, sep } = this.vocab;
    const plain = { addSpecial: false, parseSpecial: false };
    const end = addEos ? [eos ?? sep ?? this.#need('eos', 'add_eos_token')] : [];
    const bos = addBos ? [this.#need('bos', 'add_bos_token')] : [];
    const separator = addSep ? [this.#need('sep', 'add_sep_token')] : [];
    const before = bos.concat(this.encode(query, plain), end, separator);
    const encode = (document: string) => before.concat(this.encode(document, plain), end);
    return { encode, nBefore: before.length, after: end };
  }

  /** Tokenizes the parts of a layout one by one, those without the document once. */
  #partEncoder(query: string, parts: readonly string[]): PairEncoder {
    const plain = (text: string) => this.encode(text, { addSpecial: false });
    // Each part is parsed once, so text of a query or a document never becomes a placeholder.
    const pieces = parts.map((part) => part.split('{document}').map((text) => text.replaceAll('{query}', () => query)));
    const fixed = pieces.map((texts) => (texts.length > 1 ? undefined : plain(texts[0])));
    const first = fixed.indexOf(undefined);
    const last = fixed.lastIndexOf(undefined);
    const [start, end]: [number[], number[]] = [[], []];
    this.#begin(start);
    this.#end(end);
    const before = start.concat(...fixed.slice(0, first < 0 ? undefined : first).map((ids) => ids ?? []));
    return {
      encode: (document) => start.concat(...pieces.map((texts, i) => fixed[i] ?? plain(texts.join(document))), end),
      nBefore: before.length + (first < 0 ? 0 : plain(pieces[first][0]).length),
      after: last < 0 ? end : plain(pieces[last].at(-1)!).concat(...fixed.slice(last + 1).map((ids) => ids ?? []), end),
    };
  }

  /**
   * The bytes of one token.
   * @param special whether control and unknown tokens give their text (default) or nothing
   * @throws TokenizerError if `id` is not in the vocabulary
   */
  piece(id: number, special = true): Uint8Array {
    const { vocab } = this;
    vocab.check(id);
    if (vocab.has(id, Attribute.control | Attribute.unknown) && !special) return new Uint8Array(0);
    if (vocab.kind === 'rwkv') return this.#textModel.piece(id);
    if (vocab.has(id, Attribute.control | Attribute.unknown | Attribute.userDefined)) return vocab.textBytes(id);
    if (vocab.has(id, Attribute.byte)) {
      const byte = byteOfToken(vocab.textBytes(id));
      return byte === undefined ? vocab.textBytes(id) : Uint8Array.of(byte);
    }
    return vocab.has(id, Attribute.normal) ? this.#textModel.piece(id) : new Uint8Array(0);
  }

  /**
   * Concatenates the pieces of `ids` without changes, as llama-server's `/detokenize` does.
   * @throws TokenizerError when an id is not in the vocabulary
   */
  decodePieces(ids: Iterable<number>, special = true): string {
    if (!isIterable(ids)) throw new TokenizerError(`the ids must be a list of token ids, not ${describe(ids)}`);
    const pieces: Uint8Array[] = [];
    for (const id of ids) pieces.push(this.piece(id, special));
    return fromUtf8(concat(pieces));
  }

  /**
   * The text of `ids` for a reader: without the space that `encode` puts in front and, for vocabularies that require it,
   * without spaces before punctuation.
   * @throws TokenizerError when an id is not in the vocabulary
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const { removeSpecial = false, unparseSpecial = false } = readOptions(
      'decode',
      options,
      decodeOptions,
      tokenizerError,
    );
    if (!isIterable(ids)) throw new TokenizerError(`the ids must be a list of token ids, not ${describe(ids)}`);
    const list = Array.from(ids);
    const { vocab } = this;
    let start = 0;
    let end = list.length;
    let stripSpace = vocab.addSpacePrefix;
    if (removeSpecial && vocab.addBos && end > 0 && list[0] === vocab.bos) {
      start = 1;
      stripSpace = false;
    }
    if (removeSpecial && vocab.addEos && end > start && list[end - 1] === vocab.eos) end--;
    const pieces: Uint8Array[] = [];
    for (let i = start; i < end; i++) {
      const piece = this.piece(list[i], unparseSpecial);
      pieces.push(stripSpace && piece[0] === 0x20 ? piece.subarray(1) : piece);
      stripSpace = false;
    }
    const bytes = concat(pieces);
    return fromUtf8(vocab.cleanSpaces ? cleanSpaces(bytes) : bytes);
  }

  #encodeText(text: string, parseSpecial: boolean, out: number[]): void {
    let bytes: Uint8Array;
    let length: number;
    if (text.length > SCRATCH_UNITS) {
      bytes = encoder.encode(text);
      length = bytes.length;
    } else {
      if (this.#scratch.length < text.length * 3) this.#scratch = new Uint8Array(text.length * 3);
      bytes = this.#scratch;
      length = encoder.encodeInto(text, bytes).written;
    }
    const cuts = this.#splitter(parseSpecial).split(bytes, length);
    let at = 0;
    for (const { start, end, id } of cuts) {
      if (start > at) this.#textModel.encode(bytes, at, start, out);
      out.push(id);
      at = end;
    }
    if (length > at) this.#textModel.encode(bytes, at, length, out);
  }

  #splitter(parseSpecial: boolean): SpecialSplitter {
    if (parseSpecial) return (this.#parsing ??= new SpecialSplitter(this.vocab, true));
    return (this.#plain ??= new SpecialSplitter(this.vocab, false));
  }

  #need(role: 'bos' | 'eos' | 'sep', because: string): number {
    const id = this.vocab[role];
    if (id === undefined) {
      throw new TokenizerError(
        `${because} requires a ${role.toUpperCase()} token, but the vocabulary has none: encode with addSpecial false`,
      );
    }
    return id;
  }
}

/** Vocabularies whose texts get no special tokens, whatever the file asks for. */
function neverAdds(kind: Vocab['kind']): boolean {
  return kind === 'rwkv' || kind === 'plamo2';
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

function tokenizerError(message: string, options?: ErrorOptions): TokenizerError {
  return new TokenizerError(message, undefined, options);
}

function needText(what: string, text: unknown): void {
  if (typeof text !== 'string') throw new TokenizerError(`the ${what} must be a string, not ${describe(text)}`);
}

function isIterable(ids: unknown): boolean {
  return typeof (ids as Partial<Iterable<number>> | undefined | null)?.[Symbol.iterator] === 'function';
}
