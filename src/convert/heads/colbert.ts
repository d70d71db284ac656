/**
 * @file ColBERT models, whose linear layer makes a vector of each token: checkpoints of Stanford's program (`HF_ColBERT`, settings in
 * `artifact.metadata`), modules of PyLate (settings in `config_sentence_transformers.json`), and those of a MultiVectorEncoder of
 * sentence-transformers.
 */
import { GgufWriter, memorySink, memorySource, openGguf } from '../../gguf/index.ts';
import { createTokenizer } from '../../tokenizer/index.ts';
import { type Checkout, type Json, readJsonObject } from '../checkout/checkout.ts';
import { listModules, moduleLists } from '../checkout/module-lists.ts';
import { checkCase, PROMPTS_FILE, warnOfDefaultPrompt } from '../checkout/modules.ts';
import { ConvertError } from '../conversion-error.ts';
import { ofTokens, openSentenceLayers } from '../layers/sentence-layers.ts';
import { setTokenizer } from '../vocab/tokenizer-keys.ts';
import {
  type ColbertSettings,
  flagOf,
  lengthOf,
  requireValue,
  setSettings,
  TokenIds,
  textOf,
} from './colbert-settings.ts';
import type { HeadSource, Heads } from './head-source.ts';
import { encoderConfig, encoderSettings } from './multi-vector-encoder.ts';

const METADATA_FILE = 'artifact.metadata';
/** `string.punctuation` of Python. */
const PUNCTUATION = [...'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'];

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
  const encoder = await encoderConfig(checkout);
  const given = encoder ?? (await pylateConfig(checkout));
  if (given === undefined) return undefined;
  const settings = encoder === undefined ? await pylateSettings(source, given) : await encoderSettings(source, encoder);
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

/** Whether a checkout whose class has another name holds what Stanford's program needs. */
async function hasStanfordFiles({ checkout, main, tensors }: HeadSource): Promise<boolean> {
  if (!tensors.some(({ name }) => name === 'linear.weight') || (await listModules(checkout)).length > 0) return false;
  const metadata = await main.open(METADATA_FILE);
  await metadata?.close();
  return metadata !== undefined;
}

/** The settings of Stanford's program, with its defaults. */
async function stanfordSettings(source: HeadSource): Promise<ColbertSettings> {
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

async function pylateSettings(source: HeadSource, json: Json): Promise<ColbertSettings> {
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

/** The first token of each text by itself. */
async function firstTokens({ main, config, modelClass }: HeadSource, texts: readonly string[]): Promise<number[]> {
  const sink = memorySink();
  const writer = new GgufWriter(sink);
  await setTokenizer(writer, main, config, modelClass.tokenizer);
  await writer.writeHeader();
  const tokenizer = createTokenizer((await openGguf(memorySource(sink.bytes()))).metadata);
  return texts.flatMap((text) => tokenizer.encode(text, { addSpecial: false, parseSpecial: false }).slice(0, 1));
}
