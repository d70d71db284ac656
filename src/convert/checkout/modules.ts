/**
 * @file The modules of a sentence-transformers model: what comes after the transformer. What a GGUF file does not carry is refused by
 * name, since the vectors would be others without it.
 */
import { ConvertError } from '../conversion-error.ts';
import { type Checkout, isObject, type Json, readJson, readJsonObject } from './checkout.ts';

const FILE = 'modules.json';

/** Modules that are carried: the model itself, pooling by a number in the file, and what the runtime does by default. */
const carried = ['Transformer', 'Pooling', 'Normalize'] as const;

/** Numbers of `pooling_type`. */
const poolingTypes = { mean: 1, cls: 2, lasttoken: 3 } as const;

/**
 * Switches of `1_Pooling/config.json`, with the mode that each stands for. `mean_sqrt_len_tokens` beside another one is left aside, as
 * llama.cpp does.
 */
const switches = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'cls',
  pooling_mode_lasttoken: 'lasttoken',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
} as const;

/**
 * The number of the pooling; `undefined` when the checkout is no sentence-transformers model, or pools nothing.
 * @throws ConvertError for a module or a pooling that a GGUF file does not carry
 */
export async function readPooling(checkout: Checkout): Promise<number | undefined> {
  const modules = await readJson(checkout, FILE);
  if (modules === undefined) return undefined;
  if (!Array.isArray(modules)) throw new ConvertError('a list of modules was expected', FILE);
  const named = modules.map(nameModule);
  for (const { kind, path } of named) {
    if (!carried.some((known) => known === kind)) {
      const what = `the module ${kind}${path === '' ? '' : ` (${path})`} cannot be carried in the file`;
      throw new ConvertError(`${what}, and vectors would be others without it; known are ${carried.join(', ')}`, FILE);
    }
  }
  const pooling = named.filter(({ kind }) => kind === 'Pooling');
  if (pooling.length === 0) return undefined;
  if (pooling.length > 1) throw new ConvertError('there are several modules Pooling; one is known', FILE);
  return readPoolingConfig(checkout, `${pooling[0].path}/config.json`);
}

function nameModule(module: unknown): { kind: string; path: string } {
  if (!isObject(module) || typeof module.type !== 'string') throw new ConvertError('a module has no type', FILE);
  const { type, path } = module;
  return { kind: type.slice(type.lastIndexOf('.') + 1), path: typeof path === 'string' ? path : '' };
}

async function readPoolingConfig(checkout: Checkout, path: string): Promise<number> {
  const config = await readJsonObject(checkout, path);
  if (config === undefined) throw new ConvertError('modules.json names this file, but it is not there', path);
  const asked = new Set<string>(modesOf(config));
  for (const [key, mode] of Object.entries(switches)) if (config[key] === true) asked.add(mode);
  if (asked.size > 1) asked.delete(switches.pooling_mode_mean_sqrt_len_tokens);
  const modes = [...asked];
  if (modes.length === 0) throw new ConvertError('pooling by mean, cls or lasttoken was expected', path);
  if (modes.length > 1) throw new ConvertError(`it pools in several ways (${modes.join(', ')}); one is known`, path);
  const [mode] = modes;
  if (Object.hasOwn(poolingTypes, mode)) return poolingTypes[mode as keyof typeof poolingTypes];
  throw new ConvertError(`it pools by ${mode}; known are ${Object.keys(poolingTypes).join(', ')}`, path);
}

/** The newer way: `pooling_mode` has a name, or several. */
function modesOf({ pooling_mode: mode }: Json): string[] {
  if (mode === undefined || mode === null) return [];
  return (Array.isArray(mode) ? mode : [mode]).map(String);
}
