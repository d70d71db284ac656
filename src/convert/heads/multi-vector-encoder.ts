/**
 * @file The settings of a MultiVectorEncoder of sentence-transformers: its modules hold what PyLate keeps in one file, and the markers of queries
 * and documents are prompts.
 */
import { type Checkout, isObject, type Json, readJsonObject } from '../checkout/checkout.ts';
import { listModules } from '../checkout/module-lists.ts';
import { checkCase, PROMPTS_FILE, warnOfDefaultPrompt } from '../checkout/modules.ts';
import { ConvertError } from '../conversion-error.ts';
import { type ColbertSettings, flagOf, lengthOf, TokenIds } from './colbert-settings.ts';
import type { HeadSource } from './head-source.ts';

const MODULE = 'MultiVectorMask';

/** The configuration with the prompts; `undefined` for other modules. @throws ConvertError for modules that are not converted beside these */
export async function encoderConfig(checkout: Checkout): Promise<Json | undefined> {
  const modules = await listModules(checkout);
  const kinds = modules.map(({ kind }) => kind);
  if (!kinds.includes(MODULE)) return undefined;
  if (!/^Transformer,(Dense,)+MultiVectorMask(,Normalize)?$/.test(kinds.join())) {
    const found = kinds.join(', ');
    throw new ConvertError(`the modules are ${found}; only Dense is converted between Transformer and ${MODULE}`);
  }
  await checkCase(checkout, modules[0].path);
  return (await readJsonObject(checkout, PROMPTS_FILE)) ?? {};
}

/** @throws ConvertError for prompts that are no markers, and for masks that a file cannot describe */
export async function encoderSettings(source: HeadSource, { prompts }: Json): Promise<ColbertSettings> {
  const { checkout, main } = source;
  await warnOfDefaultPrompt(checkout, source.warn);
  const ids = await TokenIds.read(source);
  const file = 'sentence_bert_config.json';
  const config = (await readJsonObject(main, file)) ?? {};
  const expansion = config.query_expansion ?? undefined;
  if (expansion !== undefined && !isObject(expansion)) throw new ConvertError('query_expansion is no object', file);
  const ownLength = (key: string) => (config[key] == null ? undefined : lengthOf(config, file, key, 0));
  const fill = ids.special('mask') ?? ids.special('eos');
  return {
    queryMarker: markerOf(ids, prompts, 'query'),
    documentMarker: markerOf(ids, prompts, 'document'),
    queryLength: expansion === undefined ? ownLength('query_length') : lengthOf(expansion, file, 'length', 0),
    documentLength: ownLength('document_length'),
    expansion: expansion && ids.need(String(expansion.token ?? fill ?? '[MASK]'), file),
    attends: expansion === undefined ? false : flagOf(expansion, file, 'attend', false),
    skipped: await skippedTokens(checkout, ids),
  };
}

/** The token that a prompt is; the space behind one that is not part of a word does not count. */
function markerOf(ids: TokenIds, prompts: unknown, name: string): number | undefined {
  const prompt = (isObject(prompts) ? prompts[name] : undefined) ?? '';
  if (prompt === '') return undefined;
  const text = String(prompt);
  const id = ids.get(text) ?? (ids.isWordPiece ? ids.get(text.trimEnd()) : undefined);
  if (id !== undefined) return id;
  const problem = `the prompt of ${name} is ${JSON.stringify(prompt)}; only a marker that is one token is converted`;
  throw new ConvertError(problem, PROMPTS_FILE);
}

async function skippedTokens(checkout: Checkout, ids: TokenIds): Promise<number[]> {
  const modules = await listModules(checkout);
  const file = `${modules.find(({ kind }) => kind === MODULE)!.path}/config.json`;
  const {
    skiplist_words: words = [],
    skiplist_tasks: tasks = ['document'],
    keep_only_token_ids: kept = null,
  } = (await readJsonObject(checkout, file)) ?? {};
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw new ConvertError('skiplist_words must be a list of texts', file);
  }
  if (words.length > 0 && JSON.stringify(tasks) !== '["document"]') {
    throw new ConvertError(`skiplist_tasks is ${JSON.stringify(tasks)}; only ["document"] is converted`, file);
  }
  if (kept !== null) throw new ConvertError('keep_only_token_ids is set, which is not converted', file);
  return words.map((word) => ids.get(word)).filter((id) => id !== undefined);
}
