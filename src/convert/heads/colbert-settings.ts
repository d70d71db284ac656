/**
 * @file The settings of ColBERT models: how queries and documents become tokens, and what reads them from the files of a checkout.
 */
import type { GgufWriter } from '../../gguf/index.ts';
import { isObject, type Json, readJsonObject } from '../checkout/checkout.ts';
import { ConvertError } from '../conversion-error.ts';
import { contentOf, type HfTokenizer, readHfTokenizer } from '../vocab/hf-tokenizer.ts';
import type { HeadSource } from './head-source.ts';

/** How queries and documents become tokens. */
export interface ColbertSettings {
  readonly queryMarker: number | undefined;
  readonly documentMarker: number | undefined;
  readonly queryLength: number | undefined;
  readonly documentLength: number | undefined;
  /** With what queries are filled up. Default: they are not. */
  readonly expansion: number | undefined;
  readonly attends: boolean;
  /** Tokens of documents without a vector. */
  readonly skipped: readonly number[];
}

/** Sets the keys of the settings. */
export function setSettings(writer: GgufWriter, settings: ColbertSettings): void {
  const number = (key: string, value: number | undefined) => {
    if (value !== undefined) writer.set(`gguf_embed.multi.${key}`, { type: 'uint32', value });
  };
  number('query_marker', settings.queryMarker);
  number('document_marker', settings.documentMarker);
  number('query_length', settings.queryLength);
  number('document_length', settings.documentLength);
  number('expansion_token', settings.expansion);
  if (settings.expansion !== undefined) {
    writer.set('gguf_embed.multi.attend_to_expansion', { type: 'bool', value: settings.attends });
  }
  if (settings.skipped.length === 0) return;
  const values = Int32Array.from(new Set(settings.skipped)).sort();
  writer.set('gguf_embed.multi.skipped_tokens', { type: 'array', value: { elementType: 'int32', values } });
}

/** The ids of tokens by their texts. */
export class TokenIds {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokenizer: HfTokenizer;

  /** Whether tokens are pieces of words, between which spaces do not count. */
  readonly isWordPiece: boolean;

  private constructor(tokenizer: HfTokenizer, isWordPiece: boolean) {
    this.#tokenizer = tokenizer;
    this.isWordPiece = isWordPiece;
    this.#ids = new Map(Array.from(tokenizer.tokens, ([id, text]) => [text, id]));
  }

  static async read({ main }: HeadSource): Promise<TokenIds> {
    const model = (await readJsonObject(main, 'tokenizer.json'))?.model;
    const given = isObject(model) ? model.type : 'WordPiece';
    const type = given === 'BPE' || given === 'Unigram' ? given : 'WordPiece';
    return new TokenIds(await readHfTokenizer(main, type), type === 'WordPiece');
  }

  get(text: string): number | undefined {
    return this.#ids.get(text);
  }

  /** @throws ConvertError if there is no such token */
  need(text: string, file: string): number {
    const id = this.get(text);
    if (id === undefined) throw new ConvertError(`the token ${JSON.stringify(text)} is not in the vocabulary`, file);
    return id;
  }

  /** The text of a special token, if the tokenizer has it. */
  special(role: 'mask' | 'eos' | 'pad' | 'unk'): string | undefined {
    const text = contentOf(this.#tokenizer.config[`${role}_token`]);
    return text !== undefined && this.#ids.has(text) ? text : undefined;
  }
}

/** @throws ConvertError for another value than this one */
export function requireValue(json: Json, file: string, key: string, value: string): void {
  const found = json[key];
  if (found === undefined || found === value) return;
  throw new ConvertError(`${key} is ${JSON.stringify(found)}; only ${value} is converted`, file);
}

/** A text. @throws ConvertError for a value of another type */
export function textOf(json: Json, file: string, key: string, byDefault: string): string {
  const value = json[key] ?? byDefault;
  if (typeof value === 'string') return value;
  throw new ConvertError(`${key} is ${JSON.stringify(value)}; a text was expected`, file);
}

/** A flag. @throws ConvertError for a value of another type */
export function flagOf(json: Json, file: string, key: string, byDefault: boolean): boolean {
  const value = json[key] ?? byDefault;
  if (typeof value === 'boolean') return value;
  throw new ConvertError(`${key} is ${JSON.stringify(value)}; true or false was expected`, file);
}

/** A number of tokens. @throws ConvertError for another value */
export function lengthOf(json: Json, file: string, key: string, byDefault: number): number {
  const value = json[key] ?? byDefault;
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
  throw new ConvertError(`${key} is ${JSON.stringify(value)}; a number of tokens was expected`, file);
}
