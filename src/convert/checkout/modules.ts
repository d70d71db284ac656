/**
 * @file The modules of a sentence-transformers model after the transformer. Refuses a module that a GGUF file cannot store by name,
 * because vectors would differ without it.
 */
import { ConvertError } from '../conversion-error.ts';
import { type Checkout, isObject, type Json, readJson, readJsonObject } from './checkout.ts';

const FILE = 'modules.json';

/** Supported modules: the model itself, pooling, which the file stores, and what the runtime does by default. */
const carried = ['Transformer', 'Pooling', 'Dense', 'Normalize'] as const;

/** Modules that only a training changes anything by. */
const idle = ['Dropout', 'Identity'];

/** Numbers of `pooling_type`. */
const poolingTypes = { mean: 1, cls: 2, lasttoken: 3 } as const;

/** Switches of `1_Pooling/config.json`, with their modes. */
const switches = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  pooling_mode_lasttoken: 'lasttoken',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
} as const;

/**
 * The number of the pooling; `undefined` if the checkout is not a sentence-transformers model, or does not pool.
 * @param warn called with each step of the model that the file omits
 * @throws ConvertError for a module or a pooling that a GGUF file cannot store
 */
export async function readPooling(checkout: Checkout, warn: (warning: string) => void): Promise<number | undefined> {
  const named = await listModules(checkout);
  if (named.length === 0) return undefined;
  for (const { kind, path } of named) {
    if (!carried.some((known) => known === kind) && !idle.includes(kind)) {
      const what = `the module ${kind}${path === '' ? '' : ` (${path})`} cannot be stored in a GGUF file`;
      throw new ConvertError(`${what}, and vectors would differ without it; supported are ${carried.join(', ')}`, FILE);
    }
  }
  checkOrder(named.map(({ kind }) => kind).filter((kind) => !idle.includes(kind)));
  for (const { kind, path } of named) if (kind === 'Transformer') await checkCase(checkout, path);
  await warnOfDefaultPrompt(checkout, warn);
  const pooling = named.filter(({ kind }) => kind === 'Pooling');
  if (pooling.length === 0) return undefined;
  if (pooling.length > 1) throw new ConvertError('there is more than one Pooling module; only one is supported', FILE);
  return readPoolingConfig(checkout, `${pooling[0].path}/config.json`, warn);
}

/** A file holds one order of modules. @throws ConvertError for another, or for layers after no pooling */
function checkOrder(kinds: readonly string[]): void {
  const order = kinds.join(', ');
  if (!kinds.includes('Dense') || /^Transformer, Pooling(, Dense)+(, Normalize)?$/.test(order)) return;
  throw new ConvertError(`the modules are ${order}; Dense is converted directly after Pooling only`, FILE);
}

/** A module: its type, the last part of it, and its folder. */
interface Module {
  readonly type: string;
  readonly kind: string;
  readonly path: string;
}

/** The modules that `modules.json` lists; none without the file. @throws ConvertError when it is not a list of modules */
export async function listModules(checkout: Checkout): Promise<Module[]> {
  const modules = (await readJson(checkout, FILE)) ?? [];
  if (!Array.isArray(modules)) throw new ConvertError('expected a list of modules', FILE);
  return modules.map(nameModule);
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

function nameModule(module: unknown): Module {
  if (!isObject(module) || typeof module.type !== 'string') throw new ConvertError('a module has no type', FILE);
  const { type, path } = module;
  return { type, kind: type.slice(type.lastIndexOf('.') + 1), path: typeof path === 'string' ? path : '' };
}

async function readPoolingConfig(checkout: Checkout, path: string, warn: (warning: string) => void): Promise<number> {
  const config = await readJsonObject(checkout, path);
  if (config === undefined) throw new ConvertError('modules.json names this file, but it does not exist', path);
  const asked = new Set<string>(modesOf(config));
  for (const [key, mode] of Object.entries(switches)) if (config[key] === true) asked.add(mode);
  if (config.include_prompt === false) {
    throw new ConvertError('include_prompt is false: the file cannot say that pooling leaves the prompt out', path);
  }
  if (config.pooling_mode_mean_tokens === true && asked.size === 2 && asked.delete('mean_sqrt_len_tokens')) {
    warn(
      `${path}: it pools by mean and by mean_sqrt_len_tokens, whose vectors sentence-transformers joins; the file has mean alone, as llama.cpp's converter writes it`,
    );
  }
  const modes = [...asked];
  if (modes.length === 0) throw new ConvertError('expected pooling by mean, cls or lasttoken', path);
  if (modes.length > 1)
    throw new ConvertError(`it pools in several ways (${modes.join(', ')}); only one is supported`, path);
  const [mode] = modes;
  if (Object.hasOwn(poolingTypes, mode)) return poolingTypes[mode as keyof typeof poolingTypes];
  throw new ConvertError(`it pools by ${mode}; supported are ${Object.keys(poolingTypes).join(', ')}`, path);
}

/** The newer form: `pooling_mode` with one or several names. */
function modesOf({ pooling_mode: mode }: Json): string[] {
  if (mode === undefined || mode === null) return [];
  return (Array.isArray(mode) ? mode : [mode]).map(String);
}
