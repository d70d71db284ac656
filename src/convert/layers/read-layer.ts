/**
 * @file One module over pooled vectors: its settings, and its tensors as a file names them.
 */
import { type Checkout, readJsonObject } from '../checkout/checkout.ts';
import type { Module } from '../checkout/module-lists.ts';
import { partOf } from '../checkout/part.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { type Checkpoint, type CheckpointTensor, tensorOf } from '../checkpoint/tensors.ts';
import { ConvertError } from '../conversion-error.ts';
import { activationName } from './activations.ts';

/** A layer. The names of its tensors come after that of the layer: `.weight`. */
export interface ReadLayer {
  readonly kind: 'dense' | 'dense_residual' | 'layer_norm' | 'length';
  readonly activation: string;
  readonly tensors: readonly CheckpointTensor[];
  /** Values in a row of its result. */
  readonly nOut: number;
}

/** What modules that say nothing have, and what they may have. */
export interface LayerSettings {
  /** `module_input_name` and `module_output_name`. */
  readonly rows: string;
  /** The activation of a module that names none. */
  readonly activation: string;
  /** Whether a layer may add its input to its result. */
  readonly residuals: boolean;
}

/**
 * @param nIn values in a row of its input
 * @param opened gets the checkpoint of the module, which the caller closes
 * @throws ConvertError for settings and tensors that are not known, or do not fit
 */
export async function readLayer(
  checkout: Checkout,
  { kind, path }: Module,
  nIn: number,
  settings: LayerSettings,
  opened: Checkpoint[],
): Promise<ReadLayer> {
  const part = await partOf(checkout, path);
  const config = await readJsonObject(part, 'config.json');
  const file = `${path}/config.json`;
  for (const key of ['module_input_name', 'module_output_name']) {
    const name = config?.[key] ?? settings.rows;
    if (name === settings.rows) continue;
    throw new ConvertError(`${key} is ${JSON.stringify(name)}; only ${settings.rows} is converted`, file);
  }
  // A norm whose weights are all 1/√n, because it divides by the root of the mean of the squares.
  if (kind === 'Normalize') {
    const weight = tensorOf('.weight', new Float32Array(nIn).fill(1 / Math.sqrt(nIn)));
    return { kind: 'length', activation: 'identity', tensors: [weight], nOut: nIn };
  }
  if (config === undefined) throw new ConvertError('modules.json names this file, but it does not exist', file);
  const checkpoint = await openCheckpoint(part);
  opened.push(checkpoint);
  if (kind === 'LayerNorm') {
    const sizes = { 'norm.weight': [nIn], 'norm.bias': [nIn] };
    return { kind: 'layer_norm', activation: 'identity', tensors: named(checkpoint, sizes, path), nOut: nIn };
  }
  const { activation_function: given = settings.activation, use_residual: hasResidual } = config;
  if (hasResidual === true && !settings.residuals) {
    throw new ConvertError('use_residual is true; a layer to whose result its input is added is not converted', file);
  }
  const activation = activationName(given, file);
  const { tensors } = checkpoint;
  const [nOut] = tensors.find(({ name }) => name === 'linear.weight')?.shape ?? [];
  if (nOut === undefined) throw new ConvertError('there is no linear.weight', path);
  const hasBias = tensors.some(({ name }) => name === 'linear.bias');
  const sizes = {
    'linear.weight': [nOut, nIn],
    ...(hasBias && { 'linear.bias': [nOut] }),
    ...(hasResidual === true && nOut !== nIn && { 'residual.weight': [nOut, nIn] }),
  };
  const isPlain = hasResidual !== true;
  return { kind: isPlain ? 'dense' : 'dense_residual', activation, tensors: named(checkpoint, sizes, path), nOut };
}

/** The tensors of a module under their names in the file. @throws ConvertError for others, and for other shapes */
function named(
  { tensors }: Checkpoint,
  sizes: Readonly<Record<string, readonly number[]>>,
  path: string,
): CheckpointTensor[] {
  const missing = Object.keys(sizes).find((name) => !tensors.some((tensor) => tensor.name === name));
  if (missing !== undefined) throw new ConvertError(`there is no ${missing}`, path);
  return tensors.map((tensor) => {
    const { name, shape } = tensor;
    if (!Object.hasOwn(sizes, name))
      throw new ConvertError(`tensor ${name}: the module does not have such a tensor`, path);
    if (shape.join() !== sizes[name].join()) {
      const needed = `its input has ${sizes[name].at(-1)} values`;
      throw new ConvertError(`its ${name.split('.')[1]} is [${shape.join(', ')}], but ${needed}`, path);
    }
    return { ...tensor, name: name.replace(/^(linear|norm)\./, '.').replace(/^residual\./, '_residual.') };
  });
}
