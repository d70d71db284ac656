/**
 * @file The module `WeightedLayerPooling`: weights of the hidden states of the last layers.
 */
import type { Checkout } from '../checkout/checkout.ts';
import type { Config } from '../checkout/config.ts';
import type { ModuleList } from '../checkout/module-lists.ts';
import { partOf } from '../checkout/part.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { readAll } from '../checkpoint/read-all.ts';
import { holdsWeights } from '../checkpoint/tensors.ts';
import { ConvertError } from '../conversion-error.ts';
import { blockCount } from '../hparams.ts';

const KIND = 'WeightedLayerPooling';
/** Architectures that give the rows of their layers. */
const giving = ['bert', 'nomic-bert', 'jina-bert-v3', 'gguf-embed-mpnet', 'gguf-embed-gte', 'gguf-embed-deberta'];

/**
 * The weights of the last hidden states; `undefined` if the model has no such module, or never shows it its layers.
 * @param warn called if the module has no effect
 * @throws ConvertError for weights that do not fit to the layers, and for another architecture
 */
export async function readLayerWeights(
  checkout: Checkout,
  { config, architecture }: { config: Config; architecture: string },
  [list]: readonly ModuleList[],
  warn: (warning: string) => void,
): Promise<Float32Array | undefined> {
  const module = list?.modules.find(({ kind }) => kind === KIND);
  if (module === undefined) return undefined;
  const { path } = module;
  if (config.get('output_hidden_states') !== true) {
    warn(`${path}: ${KIND} has no effect in sentence-transformers, because config.json lacks output_hidden_states`);
    return undefined;
  }
  if (!giving.includes(architecture)) {
    throw new ConvertError(`${KIND} is converted for ${giving.join(', ')} only, not for ${architecture}`, path);
  }
  const checkpoint = await openCheckpoint(await partOf(checkout, path));
  try {
    const [tensor, ...others] = checkpoint.tensors;
    const most = blockCount(config) + 1;
    const isList = tensor?.name === 'layer_weights' && tensor.shape.length === 1 && others.length === 0;
    if (!isList || !holdsWeights(tensor.dtype) || !(tensor.shape[0] >= 1 && tensor.shape[0] <= most)) {
      const found = checkpoint.tensors.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
      throw new ConvertError(`it has ${found}; expected layer_weights of at most ${most} values`, path);
    }
    return await readAll(tensor);
  } finally {
    await checkpoint.close();
  }
}
