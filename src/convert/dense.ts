/**
 * @file The `Dense` modules of a sentence-transformers model: linear layers with an activation over the pooled vector (LaBSE,
 * distiluse-base-multilingual), or over the vector of each token (ColBERT models of PyLate).
 */
import type { GgufWriter } from '../gguf/index.ts';
import { type Checkout, readJsonObject } from './checkout/checkout.ts';
import { listModules } from './checkout/modules.ts';
import { partOf } from './checkout/part.ts';
import { openCheckpoint } from './checkpoint/open-checkpoint.ts';
import type { Checkpoint, CheckpointTensor } from './checkpoint/tensors.ts';
import { ConvertError } from './conversion-error.ts';

/** What the layers are applied to. */
interface DenseTarget {
  /** Key of the activations in a file, and the prefix of tensors there. */
  readonly key: string;
  readonly prefix: string;
  /** `module_input_name`, and the activation of a module that names none. */
  readonly input: string;
  readonly activation: string;
}

const pooled: DenseTarget = {
  key: 'gguf_embed.dense.activations',
  prefix: 'sentence_dense',
  input: 'sentence_embedding',
  activation: 'torch.nn.modules.activation.Tanh',
};

/** The layers of PyLate, which are over tokens. */
export const ofTokens: DenseTarget = {
  key: 'gguf_embed.multi.activations',
  prefix: 'token_dense',
  input: 'token_embeddings',
  activation: 'torch.nn.modules.linear.Identity',
};

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

export const noDense: DenseModules = { tensors: [], set() {}, async close() {} };

/**
 * @param width values in the input of the first layer
 * @throws ConvertError for an activation or a tensor that is not known, and for layers that do not fit one to the next
 */
export async function openDense(checkout: Checkout, width: number, target = pooled): Promise<DenseModules> {
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
      names.push(await readActivation(part, folder, target));
      const checkpoint = await openCheckpoint(part);
      opened.push(checkpoint);
      nIn = addLayer(tensors, checkpoint.tensors, `${target.prefix}.${i}`, nIn, folder);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    tensors,
    set(writer) {
      if (names.length === 0) return;
      writer.set(target.key, { type: 'array', value: { elementType: 'string', values: names } });
    },
    close,
  };
}

async function readActivation(part: Checkout, folder: string, target: DenseTarget): Promise<string> {
  const file = `${folder}/config.json`;
  const config = await readJsonObject(part, 'config.json');
  if (config === undefined) throw new ConvertError('modules.json names this file, but it does not exist', file);
  const { activation_function: given = target.activation, module_input_name: input = target.input } = config;
  if (input !== target.input) {
    throw new ConvertError(`module_input_name is ${JSON.stringify(input)}; only ${target.input} is converted`, file);
  }
  if (config.use_residual === true) {
    throw new ConvertError('use_residual is true; a layer to whose result its input is added is not converted', file);
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
  name: string,
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
    to.push({ ...tensor, name: `${name}.${kind}` });
  }
  if (nOut === undefined) throw new ConvertError('there is no linear.weight', folder);
  return nOut;
}
