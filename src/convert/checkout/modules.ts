/**
 * @file The modules of a sentence-transformers model after the transformer. Refuses a module that a GGUF file cannot store by name,
 * because vectors would differ without it.
 */
import { ConvertError } from '../conversion-error.ts';
import { type Checkout, isObject, readJsonObject } from './checkout.ts';
import { idleKinds, layerKinds, routerKinds } from './module-kinds.ts';
import { listModules, type Module, type ModuleList, moduleLists } from './module-lists.ts';
import { type PoolingSettings, readPooling } from './pooling-modes.ts';

const FILE = 'modules.json';

/** Supported modules: the model itself, pooling, and layers over pooled vectors. */
const carried = ['Transformer', 'WeightedLayerPooling', 'Pooling', ...layerKinds, ...routerKinds];

/** What the modules of a checkout say of its vectors. */
export interface Modules {
  readonly pooling: PoolingSettings;
  readonly lists: readonly ModuleList[];
}

/**
 * What the modules say; `undefined` if the checkout is not a sentence-transformers model, or does not pool.
 * @param warn called with each step of the model that the file omits
 * @throws ConvertError for a module or a pooling that a GGUF file cannot store
 */
export async function readModules(checkout: Checkout, warn: (warning: string) => void): Promise<Modules | undefined> {
  const named = await listModules(checkout);
  if (named.length === 0) return undefined;
  checkModules(named, carried, 'in a GGUF file');
  const lists = await moduleLists(checkout);
  for (const { modules } of lists) checkOrder(modules.map(({ kind }) => kind));
  const [{ modules }] = lists;
  for (const { kind, path } of modules) if (kind === 'Transformer') await checkCase(checkout, path);
  await warnOfDefaultPrompt(checkout, warn);
  const pooling = modules.find(({ kind }) => kind === 'Pooling');
  if (pooling === undefined) return undefined;
  return { pooling: await readPooling(checkout, `${pooling.path}/config.json`, warn), lists };
}

/** @param where completes "cannot be stored" @throws ConvertError that names the first module that is not `known` */
export function checkModules(modules: readonly Module[], known: readonly string[], where: string): void {
  for (const { kind, path } of modules) {
    if (known.includes(kind) || idleKinds.includes(kind)) continue;
    const what = `the module ${kind}${path === '' ? '' : ` (${path})`} cannot be stored ${where}`;
    throw new ConvertError(`${what}, and vectors would differ without it; supported are ${known.join(', ')}`, FILE);
  }
}

/** A file holds one order of modules. @throws ConvertError for another, or for layers after no pooling */
function checkOrder(kinds: readonly string[]): void {
  const [first, second, ...others] = kinds.filter((kind, i) => !(i === 1 && kind === 'WeightedLayerPooling'));
  if (kinds.length <= 1 || (second === 'Normalize' && others.length === 0)) return;
  if (first === 'Transformer' && second === 'Pooling' && others.every((kind) => layerKinds.includes(kind))) return;
  const problem = `the modules are ${kinds.join(', ')}; layers are converted after one Transformer and one Pooling only`;
  throw new ConvertError(problem, FILE);
}

/** Names of the files in which sentence-transformers, over its versions, has stored the settings of the transformer. */
const transformerConfigs = ['bert', 'roberta', 'distilbert', 'camembert', 'albert', 'xlm-roberta', 'xlnet'].map(
  (kind) => `sentence_${kind}_config.json`,
);

/** sentence-transformers may lowercase texts itself. A file can express this only if its tokenizer lowercases, too. */
export async function checkCase(checkout: Checkout, path: string): Promise<void> {
  const inModule = (name: string) => (path === '' ? name : `${path}/${name}`);
  for (const name of transformerConfigs.map(inModule)) {
    const config = await readJsonObject(checkout, name);
    if (config?.do_lower_case !== true) continue;
    const tokenizer = await readJsonObject(checkout, inModule('tokenizer.json'));
    const settings = await readJsonObject(checkout, inModule('tokenizer_config.json'));
    if (tokenizer === undefined ? settings?.do_lower_case !== false : lowersCase(tokenizer.normalizer)) continue;
    throw new ConvertError(
      'do_lower_case is true, but the tokenizer keeps capitals: vectors would differ, and a GGUF file cannot store this setting',
      name,
    );
  }
}

function lowersCase(normalizer: unknown): boolean {
  if (!isObject(normalizer)) return false;
  if (Array.isArray(normalizer.normalizers)) return normalizer.normalizers.some(lowersCase);
  return normalizer.type === 'Lowercase' || (normalizer.type === 'BertNormalizer' && normalizer.lowercase === true);
}

/** Prompts, and the settings of PyLate. */
export const PROMPTS_FILE = 'config_sentence_transformers.json';

export async function warnOfDefaultPrompt(checkout: Checkout, warn: (warning: string) => void): Promise<void> {
  const name = (await readJsonObject(checkout, PROMPTS_FILE))?.default_prompt_name;
  if (typeof name !== 'string') return;
  warn(
    `${PROMPTS_FILE}: sentence-transformers puts the prompt "${name}" before every text; the file holds no prompts: give this one to serve with --prompts`,
  );
}
