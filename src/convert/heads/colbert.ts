/**
 * @file ColBERT models, whose linear layer makes a vector of each token: checkpoints of Stanford's program (`HF_ColBERT`, settings in
 * `artifact.metadata`), and modules of PyLate (settings in `config_sentence_transformers.json`).
 */
import { GgufWriter, memorySink, memorySource, openGguf } from '../../gguf/index.ts';
import { createTokenizer } from '../../tokenizer/index.ts';
import { type Checkout, isObject, type Json, readJsonObject } from '../checkout/checkout.ts';
import { listModules, moduleLists } from '../checkout/module-lists.ts';
import { checkCase, PROMPTS_FILE, warnOfDefaultPrompt } from '../checkout/modules.ts';
import { ConvertError } from '../conversion-error.ts';
import { ofTokens, openSentenceLayers } from '../layers/sentence-layers.ts';
import { contentOf, type HfTokenizer, readHfTokenizer } from '../vocab/hf-tokenizer.ts';
import { setTokenizer } from '../vocab/tokenizer-keys.ts';
import type { HeadSource, Heads } from './head-source.ts';

const METADATA_FILE = 'artifact.metadata';
/** `string.punctuation` of Python. */
const PUNCTUATION = [...'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'];

/** How queries and documents become tokens. */
interface Settings {
  readonly queryMarker: number | undefined;
  readonly documentMarker: number | undefined;
  readonly queryLength: number;
  readonly documentLength: number;
  /** With what queries are filled up. Default: they are not. */
  readonly expansion: number | undefined;
  readonly attends: boolean;
  /** Tokens of documents without a vector. */
  readonly skipped: readonly number[];
}

/** @returns `undefined` if the checkout is no ColBERT model @throws ConvertError if it cannot be converted */
export async function openColbert(source: HeadSource): Promise<Heads | undefined> {
  const { checkout, config, modelClass } = source;
  const common = { keepsGelu: !modelClass.isDecoder, hasNoPooling: true };
  if (config.modelClass === 'HF_ColBERT' || (await hasStanfordFiles(source))) {
    const settings = await stanfordSettings(source);
    const { prefix, dropped, rules } = modelClass.names;
    return {
      ...common,
      names: { prefix, dropped, rules: [...rules, ['linear', 'token_dense.0']] },
      tensors: [],
      set(writer) {
        const value = { elementType: 'string', values: ['identity'] } as const;
        writer.set(`${ofTokens.keys}.activations`, { type: 'array', value });
        setSettings(writer, settings);
      },
      async close() {},
    };
  }
  const given = await pylateConfig(checkout);
  if (given === undefined) return undefined;
  const settings = await pylateSettings(source, given);
  const width = config.needU32('hidden_size', 'n_embd', 'dim');
  const dense = await openSentenceLayers(checkout, await moduleLists(checkout), width, ofTokens);
  return {
    ...common,
    tensors: dense.tensors,
    set(writer) {
      dense.set(writer);
      setSettings(writer, settings);
    },
    close: dense.close,
  };
}

function setSettings(writer: GgufWriter, settings: Settings): void {
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

/** Whether a checkout whose class has another name holds what Stanford's program needs. */
async function hasStanfordFiles({ checkout, main, tensors }: HeadSource): Promise<boolean> {
  if (!tensors.some(({ name }) => name === 'linear.weight') || (await listModules(checkout)).length > 0) return false;
  const metadata = await main.open(METADATA_FILE);
  await metadata?.close();
  return metadata !== undefined;
}

/** The settings of Stanford's program, with its defaults. */
async function stanfordSettings(source: HeadSource): Promise<Settings> {
  const { main, tensors } = source;
  if (!tensors.some(({ name }) => name === 'linear.weight')) {
    throw new ConvertError('the checkpoint has no linear.weight, which makes the vectors of tokens');
  }
  const json = (await readJsonObject(main, METADATA_FILE)) ?? {};
  requireValue(json, METADATA_FILE, 'similarity', 'cosine');
  requireValue(json, METADATA_FILE, 'interaction', 'colbert');
  const ids = await TokenIds.read(source);
  const masksPunctuation = flagOf(json, METADATA_FILE, 'mask_punctuation', true);
  return {
    queryMarker: ids.need(textOf(json, METADATA_FILE, 'query_token_id', '[unused0]'), METADATA_FILE),
    documentMarker: ids.need(textOf(json, METADATA_FILE, 'doc_token_id', '[unused1]'), METADATA_FILE),
    queryLength: lengthOf(json, METADATA_FILE, 'query_maxlen', 32),
    documentLength: lengthOf(json, METADATA_FILE, 'doc_maxlen', 220),
    expansion: ids.need(ids.special('mask') ?? '[MASK]', 'tokenizer_config.json'),
    attends: flagOf(json, METADATA_FILE, 'attend_to_mask_tokens', false),
    skipped: masksPunctuation ? await firstTokens(source, PUNCTUATION) : [],
  };
}

/** The settings of PyLate's modules; `undefined` if the modules are others. */
async function pylateConfig(checkout: Checkout): Promise<Json | undefined> {
  const modules = await listModules(checkout);
  const [first, ...others] = modules.map(({ kind }) => kind);
  if (first !== 'Transformer' || others.length === 0 || others.includes('Pooling')) return undefined;
  const json = (await readJsonObject(checkout, PROMPTS_FILE)) ?? {};
  const isPylate = modules.some(({ type }) => type.startsWith('pylate.')) || 'query_prefix' in json;
  if (!isPylate) return undefined;
  if (!/^Dense(,Dense)*(,Normalize)?$/.test(others.join())) {
    const found = ['Transformer', ...others].join(', ');
    throw new ConvertError(`the modules are ${found}; of PyLate only Dense is converted`, 'modules.json');
  }
  await checkCase(checkout, modules[0].path);
  return json;
}

async function pylateSettings(source: HeadSource, json: Json): Promise<Settings> {
  const file = PROMPTS_FILE;
  if (json.similarity_fn_name !== null) requireValue(json, file, 'similarity_fn_name', 'MaxSim');
  await warnOfDefaultPrompt(source.checkout, source.warn);
  const ids = await TokenIds.read(source);
  const marker = (key: string, byDefault: string) => {
    const text = textOf(json, file, key, byDefault);
    return text === '' ? undefined : ids.need(text, file);
  };
  const expands = flagOf(json, file, 'do_query_expansion', true);
  const fill = ids.special('mask') ?? ids.special('eos') ?? ids.special('pad');
  const words = json.skiplist_words ?? PUNCTUATION;
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw new ConvertError('skiplist_words must be a list of texts', file);
  }
  // A word that is no token stands for the unknown token.
  const unknown = ids.special('unk');
  const skipped = words.map((word) => ids.get(word) ?? (unknown === undefined ? undefined : ids.get(unknown)));
  return {
    queryMarker: marker('query_prefix', '[Q] '),
    documentMarker: marker('document_prefix', '[D] '),
    queryLength: lengthOf(json, file, 'query_length', 32),
    documentLength: lengthOf(json, file, 'document_length', 180),
    expansion: expands ? ids.need(fill ?? '[MASK]', 'tokenizer_config.json') : undefined,
    attends: flagOf(json, file, 'attend_to_expansion_tokens', false),
    skipped: skipped.filter((id) => id !== undefined),
  };
}

/** The ids of tokens by their texts. */
class TokenIds {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokenizer: HfTokenizer;

  private constructor(tokenizer: HfTokenizer) {
    this.#tokenizer = tokenizer;
    this.#ids = new Map(Array.from(tokenizer.tokens, ([id, text]) => [text, id]));
  }

  static async read({ main }: HeadSource): Promise<TokenIds> {
    const model = (await readJsonObject(main, 'tokenizer.json'))?.model;
    const type = isObject(model) ? model.type : 'WordPiece';
    return new TokenIds(await readHfTokenizer(main, type === 'BPE' || type === 'Unigram' ? type : 'WordPiece'));
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

/** The first token of each text by itself. */
async function firstTokens({ main, config, modelClass }: HeadSource, texts: readonly string[]): Promise<number[]> {
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  await setTokenizer(writer, main, config, modelClass.tokenizer);
  await writer.writeHeader();
  const tokenizer = createTokenizer((await openGguf(memorySource(sink.bytes()))).metadata);
  return texts.flatMap((text) => tokenizer.encode(text, { addSpecial: false, parseSpecial: false }).slice(0, 1));
}

function requireValue(json: Json, file: string, key: string, value: string): void {
  const found = json[key];
  if (found === undefined || found === value) return;
  throw new ConvertError(`${key} is ${JSON.stringify(found)}; only ${value} is converted`, file);
}

function textOf(json: Json, file: string, key: string, byDefault: string): string {
  const value = json[key] ?? byDefault;
  if (typeof value === 'string') return value;
  throw new ConvertError(`${key} is ${JSON.stringify(value)}; a text was expected`, file);
}

function flagOf(json: Json, file: string, key: string, byDefault: boolean): boolean {
  const value = json[key] ?? byDefault;
  if (typeof value === 'boolean') return value;
  throw new ConvertError(`${key} is ${JSON.stringify(value)}; true or false was expected`, file);
}

function lengthOf(json: Json, file: string, key: string, byDefault: number): number {
  const value = json[key] ?? byDefault;
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
  throw new ConvertError(`${key} is ${JSON.stringify(value)}; a number of tokens was expected`, file);
}
