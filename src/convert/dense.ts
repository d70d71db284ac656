/**
 * @file The `Dense` modules of a sentence-transformers model: linear layers with an activation over the pooled vector (LaBSE,
 * distiluse-base-multilingual).
 */
import type { GgufWriter } from '../gguf/index.ts';
import { type Checkout, readJsonObject } from './checkout/checkout.ts';
import { listModules } from './checkout/modules.ts';
import { partOf } from './checkout/part.ts';
import { openCheckpoint } from './checkpoint/open-checkpoint.ts';
import type { Checkpoint, CheckpointTensor } from './checkpoint/tensors.ts';
import { ConvertError } from './conversion-error.ts';

/** Key of the activations in a file. */
const ACTIVATIONS_KEY = 'gguf_embed.dense.activations';

/** Names of activations in files, by their classes in PyTorch. */
const activations: Readonly<Record<string, string>> = {
  Identity: 'identity',
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu_erf',
  SiLU: 'silu',
};

/** The layers of a checkout, in the order of its modules. */
export interface DenseModules {
  /** Weights and biases, under their names in the file. */
  readonly tensors: readonly CheckpointTensor[];
  /** Sets their keys. */
  set(writer: GgufWriter): void;
  close(): Promise<void>;
}

/** @throws ConvertError for an activation or a tensor that is not known, and for layers that do not fit one to the next */
export async function openDense(checkout: Checkout, width: number): Promise<DenseModules> {
  const folders = (await listModules(checkout)).filter(({ kind }) => kind === 'Dense').map(({ path }) => path);
  const opened: Checkpoint[] = [];
  const close = async () => {
    await Promise.all(opened.map((checkpoint) => checkpoint.close()));
  };
  const tensors: CheckpointTensor[] = [];
  const names: string[] = [];
  try {
    let nIn = width;
    for (const [i, folder] of folders.entries()) {
      const part = await partOf(checkout, folder);
      names.push(await readActivation(part, folder));
      const checkpoint = await openCheckpoint(part);
      opened.push(checkpoint);
      nIn = addLayer(tensors, checkpoint.tensors, i, nIn, folder);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    tensors,
    set(writer) {
      if (names.length === 0) return;
      writer.set(ACTIVATIONS_KEY, { type: 'array', value: { elementType: 'string', values: names } });
    },
    close,
  };
}

async function readActivation(part: Checkout, folder: string): Promise<string> {
  const file = `${folder}/config.json`;
  const config = await readJsonObject(part, 'config.json');
  if (config === undefined) throw new ConvertError('modules.json names this file, but it does not exist', file);
  const { activation_function: given = 'torch.nn.modules.activation.Tanh', module_input_name: input } = config;
  if (input !== undefined && input !== 'sentence_embedding') {
    throw new ConvertError(`module_input_name is ${JSON.stringify(input)}; only sentence_embedding is converted`, file);
  }
  const name = String(given).split('.').at(-1) ?? '';
  if (Object.hasOwn(activations, name)) return activations[name];
  const known = Object.keys(activations).join(', ');
  throw new ConvertError(`activation_function is ${JSON.stringify(given)}; supported are ${known}`, file);
}

/** @returns the width of the layer's result */
function addLayer(
  to: CheckpointTensor[],
  tensors: readonly CheckpointTensor[],
  i: number,
  nIn: number,
  folder: string,
): number {
  let nOut: number | undefined;
  for (const tensor of tensors) {
    const kind = /^linear\.(weight|bias)$/.exec(tensor.name)?.[1];
    if (kind === undefined)
      throw new ConvertError(`tensor ${tensor.name}: a Dense module does not have such a tensor`, folder);
    if (kind === 'weight') {
      if (tensor.shape.length !== 2 || tensor.shape[1] !== nIn) {
        throw new ConvertError(`its weight is [${tensor.shape.join(', ')}], but its input has ${nIn} values`, folder);
      }
      nOut = tensor.shape[0];
    }
    to.push({ ...tensor, name: `sentence_dense.${i}.${kind}` });
  }
  if (nOut === undefined) throw new ConvertError('there is no linear.weight', folder);
  return nOut;
}
