/**
 * @file The settings of a `Pooling` module, in their older and their newer form.
 */
import { ConvertError } from '../conversion-error.ts';
import { type Checkout, type Json, readJsonObject } from './checkout.ts';

/** The switches of the older form with their modes, in the order in which sentence-transformers joins vectors. */
const switches = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
} as const;

/** Names of the modes in files. */
const names = {
  cls: 'cls',
  max: 'max',
  mean: 'mean',
  mean_sqrt_len_tokens: 'mean-sqrt-len',
  weightedmean: 'weighted-mean',
  lasttoken: 'last',
} as const;

/** A way to pool, by its name in files. */
export type RowPooling = (typeof names)[keyof typeof names];

/** Numbers of `pooling_type`. */
const numbers: Partial<Record<RowPooling, number>> = { mean: 1, cls: 2, last: 3 };
/** That of pooling by none. */
const NONE = 0;

/** How a model pools. */
export interface PoolingSettings {
  /** The ways to pool, in the order in which their vectors are joined. */
  readonly modes: readonly RowPooling[];
  /** Whether the tokens of a prompt are pooled. */
  readonly includesPrompt: boolean;
}

/** What a file says: the number that llama.cpp knows, and the ways to pool if it has no number for them. */
export interface PoolingKeys {
  readonly number: number;
  readonly modes?: readonly RowPooling[];
}

/**
 * @param warn called with what the file omits
 * @throws ConvertError for modes that are not known, and for one that occurs twice
 */
export async function readPooling(
  checkout: Checkout,
  path: string,
  warn: (warning: string) => void,
): Promise<PoolingSettings> {
  const config = await readJsonObject(checkout, path);
  if (config === undefined) throw new ConvertError('modules.json names this file, but it does not exist', path);
  const includesPrompt = config.include_prompt !== false;
  const modes = modesOf(config);
  if (config.pooling_mode == null && modes.join() === 'mean,mean_sqrt_len_tokens') {
    warn(
      `${path}: it pools by mean and by mean_sqrt_len_tokens, whose vectors sentence-transformers joins; the file has mean alone, as llama.cpp's converter writes it: both have the same direction`,
    );
    return { modes: ['mean'], includesPrompt };
  }
  const unknown = modes.find((mode) => !Object.hasOwn(names, mode));
  if (unknown !== undefined) {
    throw new ConvertError(`it pools by ${unknown}; supported are ${Object.keys(names).join(', ')}`, path);
  }
  if (new Set(modes).size < modes.length)
    throw new ConvertError(`it pools by ${modes.join(', ')}, one of them twice`, path);
  return { modes: modes.map((mode) => names[mode as keyof typeof names]), includesPrompt };
}

/** The newer form takes precedence; without any mode, sentence-transformers takes the mean. */
function modesOf(config: Json): string[] {
  const { pooling_mode: mode } = config;
  const given = mode === undefined || mode === null ? [] : (Array.isArray(mode) ? mode : [mode]).map(String);
  if (given.length > 0) return given;
  const switched = Object.entries(switches).flatMap(([key, one]) => (config[key] === true ? one : []));
  return switched.length > 0 ? switched : ['mean'];
}

/**
 * What a file says of ways to pool. For other programs, vectors of tokens are better than those of another pooling; a mean divided by
 * something else has the same direction.
 */
export function poolingKeys(modes: readonly RowPooling[]): PoolingKeys {
  const [only] = modes;
  const number = modes.length === 1 ? numbers[only] : undefined;
  if (number !== undefined) return { number };
  const isMean = modes.every((mode) => mode === 'mean' || mode === 'mean-sqrt-len');
  return { number: isMean ? numbers.mean! : NONE, modes };
}
