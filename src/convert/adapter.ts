/**
 * @file Converts a LoRA adapter as PEFT saves it to a GGUF adapter, with the names that llama.cpp's `convert_lora_to_gguf.py` gives its tensors. The checkout
 * of the model that it belongs to says what those are; only its config is read.
 */
import type { ByteSink } from '../gguf/index.ts';
import { isTable, planChange, turned, writeAdapter } from './adapter-file.ts';
import { type Checkout, type Json, readJsonObject } from './checkout/checkout.ts';
import { type Config, readConfig } from './checkout/config.ts';
import { openSafetensors } from './checkpoint/safetensors.ts';
import { type CheckpointTensor, holdsWeights } from './checkpoint/tensors.ts';
import { findClass } from './classes.ts';
import { ConvertError } from './conversion-error.ts';
import { type ConvertOptions, nameOf, type Planned, type PlannedTensor, planned } from './convert.ts';
import type { ModelClass } from './model-class.ts';
import type { OutputType } from './output-types.ts';

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';

/** Settings that change what an adapter computes, and the values that an adapter file can express. */
const expressible: Readonly<Record<string, readonly unknown[]>> = {
  peft_type: ['LORA'],
  bias: ['none'],
  use_dora: [false],
  use_qalora: [false],
  lora_bias: [false],
  fan_in_fan_out: [false],
  init_lora_weights: [true, false, 'gaussian', 'eva', 'orthogonal'],
};

/** Settings that must be absent or empty. */
const empty = [
  'alpha_pattern',
  'modules_to_save',
  'layer_replication',
  'target_parameters',
  'trainable_token_indices',
  'alora_invocation_tokens',
  'invocation_string',
  'use_bdlora',
  'arrow_config',
  'kasa_config',
  'monteclora_config',
];

/** Whether the folder holds an adapter, and no model. */
export function isAdapter(checkout: Checkout): boolean {
  return checkout.files.includes(CONFIG) && !checkout.files.includes('config.json');
}

/**
 * Writes the adapter in `checkout` to `sink`.
 * @param base the checkout of its model
 * @returns the tensors in the order of the file
 * @throws ConvertError for an adapter of another kind, and tensors that are unknown, alone or do not belong to the model
 */
export async function convertAdapter(
  checkout: Checkout,
  base: Checkout,
  sink: ByteSink,
  type: OutputType,
  options: ConvertOptions,
): Promise<readonly PlannedTensor[]> {
  const settings = await readSettings(checkout);
  const whole = await readConfig(base);
  const modelClass = findClass(whole);
  const config = modelClass.part?.(whole) ?? whole;
  modelClass.check(config, base.name);
  const weights = await checkout.open(WEIGHTS);
  if (weights === undefined) throw new ConvertError(`${checkout.name}: there is no ${WEIGHTS}`);
  const { tensors, close } = await openSafetensors(weights);
  try {
    const nTokens = await modelClass.tokenRows?.(base, config);
    const plan: Planned[] = [];
    for (const [name, pair] of pairsOf(tensors))
      plan.push(...(await planPair(name, pair, config, modelClass, nTokens, type)));
    if (plan.length === 0) throw new ConvertError('it has no tensors', WEIGHTS);
    const name = options.modelName ?? checkout.name;
    await writeAdapter(sink, plan, { architecture: modelClass.architecture, name, alpha: alphaOf(settings) }, options);
    return plan.map(planned);
  } finally {
    await close();
  }
}

async function readSettings(checkout: Checkout): Promise<Json> {
  const settings = await readJsonObject(checkout, CONFIG);
  if (settings === undefined) throw new ConvertError('the file does not exist', CONFIG);
  for (const [key, values] of Object.entries(expressible)) {
    const value = settings[key] ?? values[0];
    if (values.includes(value)) continue;
    throw new ConvertError(
      `${key} is ${JSON.stringify(value)}; an adapter file can hold ${JSON.stringify(values)}`,
      CONFIG,
    );
  }
  for (const key of empty) {
    const value = settings[key] ?? false;
    if (value === false || (typeof value === 'object' && Object.keys(value as object).length === 0)) continue;
    throw new ConvertError(`${key} is set, which an adapter file cannot express`, CONFIG);
  }
  return settings;
}

/** `adapter.lora.alpha`, which is divided by the rank of each matrix; rsLoRA divides by its root. */
function alphaOf({ lora_alpha: alpha, r: rank, use_rslora: hasRoot, rank_pattern: ranks }: Json): number {
  if (typeof alpha !== 'number' || !Number.isFinite(alpha) || alpha === 0) {
    throw new ConvertError(`lora_alpha is ${JSON.stringify(alpha)}; expected a number other than 0`, CONFIG);
  }
  if (hasRoot !== true) return alpha;
  if (typeof ranks === 'object' && ranks !== null && Object.keys(ranks).length > 0) {
    throw new ConvertError('use_rslora with rank_pattern: an adapter file has one alpha for all ranks', CONFIG);
  }
  if (!Number.isSafeInteger(rank) || (rank as number) < 1)
    throw new ConvertError(`r is ${JSON.stringify(rank)}`, CONFIG);
  return alpha * Math.sqrt(rank as number);
}

/** A `[rank, nIn]` and B `[nOut, rank]`, as PyTorch has them. */
interface Pair {
  readonly a?: CheckpointTensor;
  readonly b?: CheckpointTensor;
}

/** A and B by the name of the weight that they adapt. */
function pairsOf(tensors: readonly CheckpointTensor[]): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const tensor of tensors) {
    const match = /^(?:base_model\.model\.)?(.+)\.lora_(?:embedding_)?([AB])(?:\.weight)?$/s.exec(tensor.name);
    if (match === null) throw new ConvertError(`tensor ${tensor.name}: it is neither lora_A nor lora_B`, WEIGHTS);
    const [, module, part] = match;
    const name = `${module}.weight`;
    pairs.set(name, { ...pairs.get(name), [part === 'A' ? 'a' : 'b']: tensor });
  }
  return pairs;
}

async function planPair(
  from: string,
  { a, b }: Pair,
  config: Config,
  modelClass: ModelClass,
  nTokens: number | undefined,
  wanted: OutputType,
): Promise<Planned[]> {
  const fail = (problem: string) => new ConvertError(`tensor ${from}: ${problem}`, WEIGHTS);
  if (a === undefined || b === undefined) throw fail(`its lora_${a === undefined ? 'A' : 'B'} is missing`);
  if (a.shape.length !== 2 || b.shape.length !== 2 || a.shape[0] !== b.shape[1]) {
    throw fail(`lora_A is [${a.shape.join(', ')}] and lora_B is [${b.shape.join(', ')}], which do not fit together`);
  }
  for (const { dtype } of [a, b]) if (!holdsWeights(dtype)) throw fail(`${dtype} holds no weights`);
  const name = nameOf({ ...a, name: from }, config, modelClass);
  if (name === undefined || name === null) throw fail(`a ${config.modelClass} has no such matrix in its file`);
  if (/\bposition_embd\b|\battn_rel_b\b/.test(name)) throw fail('adapters of positions are not converted');
  // The change of a table is (B A)ᵀ.
  const change = isTable(name) ? { down: await turned(b), up: await turned(a) } : { down: a, up: b };
  // The rows of B are those of the weight, so they are stored in the same order.
  const up = modelClass.stored?.({ ...change.up, name: from }, name, config) ?? change.up;
  return planChange(name, { down: change.down, up }, nTokens, wanted);
}
