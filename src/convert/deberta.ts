/**
 * @file DeBERTa-v2 and v3. The tables that attention reads by distance are the same for every text: they are projected here, once for each layer.
 */
import type { Config } from './checkout/config.ts';
import { kernelAsMatrix } from './checkpoint/kernel-matrix.ts';
import { type Normalisation, type Projection, projected } from './checkpoint/projected.ts';
import type { CheckpointTensor } from './checkpoint/tensors.ts';
import { ConvertError } from './conversion-error.ts';
import { debertaClassifierNames, debertaNames } from './encoder-names.ts';
import { erfForms } from './hparams.ts';
import type { ModelClass } from './model-class.ts';

const FILE = 'config.json';

/** The longest distance that is told apart. */
function longestDistance(config: Config): number {
  const given = config.get('max_relative_positions');
  return typeof given === 'number' && given >= 1 ? given : config.needU32('max_position_embeddings');
}

/** Rows for each direction, and whether distances share them. */
function rowsOf(config: Config): { perSide: number; isShared: boolean } {
  const buckets = config.get('position_buckets');
  const isShared = typeof buckets === 'number' && buckets > 0;
  return { perSide: isShared ? buckets : longestDistance(config), isShared };
}

/** The kinds of products with rows of distances: of queries (`c2p`) and of keys (`p2c`). */
function kindsOf(config: Config): string[] {
  const given = config.get('pos_att_type') ?? [];
  const kinds = typeof given === 'string' ? given.toLowerCase().split('|') : given;
  if (Array.isArray(kinds) && kinds.every((kind) => kind === 'c2p' || kind === 'p2c')) return kinds;
  throw new ConvertError(`pos_att_type is ${JSON.stringify(given)}; known are c2p and p2c`, FILE);
}

/** Puts projected rows of distances in the place of what they are made of. */
function withProjectedRows(tensors: readonly CheckpointTensor[], config: Config): CheckpointTensor[] {
  const named = new Map(tensors.map((tensor) => [tensor.name.replace(/^deberta\./, ''), tensor]));
  const need = (name: string) => {
    const tensor = named.get(name);
    if (tensor === undefined) throw new ConvertError(`the checkpoint has no tensor ${name}`);
    return tensor;
  };
  const kept = tensors.filter(
    ({ name }) => !/encoder\.(rel_embeddings|LayerNorm)\.|\.pos_(key|query)_proj\./.test(name),
  );
  const kinds = kindsOf(config);
  if (config.get('relative_attention') !== true || kinds.length === 0) return kept;
  const rows = need('encoder.rel_embeddings.weight');
  const nRows = 2 * rowsOf(config).perSide;
  const width = config.needU32('hidden_size');
  if (rows.shape.length !== 2 || rows.shape[0] < nRows || rows.shape[1] !== width) {
    throw new ConvertError(`encoder.rel_embeddings has the shape [${rows.shape}]; [${nRows}, ${width}] is needed`);
  }
  const isNormed = String(config.get('norm_rel_ebd') ?? 'none').includes('layer_norm');
  const norm: Normalisation | undefined = isNormed
    ? {
        weight: need('encoder.LayerNorm.weight'),
        bias: need('encoder.LayerNorm.bias'),
        eps: config.float('layer_norm_eps') ?? 1e-7,
      }
    : undefined;
  const shares = config.get('share_att_key') === true;
  for (let il = 0; il < config.needU32('num_hidden_layers'); il++) {
    const self = `encoder.layer.${il}.attention.self`;
    for (const kind of kinds) {
      const part = kind === 'c2p' ? 'key' : 'query';
      const from = `${self}.${shares ? '' : 'pos_'}${part}_proj`;
      const projection: Projection = { weight: need(`${from}.weight`), bias: named.get(`${from}.bias`) };
      if (projection.weight.shape.join() !== `${width},${width}`) {
        throw new ConvertError(`${from} has the shape [${projection.weight.shape}]; [${width}, ${width}] is needed`);
      }
      kept.push(projected(`${self}.rel_${part}.weight`, rows, nRows, projection, norm));
    }
  }
  return kept;
}

/** Activations of the convolution, by their names in transformers. */
const convActivations: Readonly<Record<string, string>> = {
  ...Object.fromEntries(erfForms.map((name) => [name, 'gelu_erf'])),
  gelu_new: 'gelu',
  gelu_fast: 'gelu',
  gelu_pytorch_tanh: 'gelu',
  quick_gelu: 'gelu_quick',
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
  tanh: 'tanh',
};

/** The convolution beside the first layer; `undefined` if there is none. @throws ConvertError for one that is not known */
function convolutionOf(config: Config): { size: number; activation: string } | undefined {
  const size = config.u32('conv_kernel_size') ?? 0;
  if (size === 0) return undefined;
  if (size % 2 === 0 || size > 63) {
    throw new ConvertError(`conv_kernel_size is ${size}; an odd number up to 63 is converted`, FILE);
  }
  config.require('conv_groups', [1], 'a convolution in groups is not converted');
  const name = config.string('conv_act') ?? 'tanh';
  if (Object.hasOwn(convActivations, name)) return { size, activation: convActivations[name] };
  const known = Object.keys(convActivations).join(', ');
  throw new ConvertError(`conv_act is ${JSON.stringify(name)}; known are ${known}`, FILE);
}

/** The kernel of the convolution as a matrix, all others unchanged. */
function storedOf(tensor: CheckpointTensor, name: string, config: Config): CheckpointTensor {
  if (name !== 'conv.weight') return tensor;
  const width = config.needU32('hidden_size');
  const shape = [width, width, convolutionOf(config)?.size];
  if (tensor.shape.join() === shape.join()) return kernelAsMatrix(tensor);
  throw new ConvertError(`encoder.conv.conv has the shape [${tensor.shape}]; [${shape}] is needed`);
}

/** An embedder. */
export const deberta: ModelClass = {
  architecture: 'gguf-embed-deberta',
  names: debertaNames,
  tokenizer: 'deberta',
  keepsGelu: true,
  tensors: withProjectedRows,
  stored: storedOf,
  check(config) {
    const why = 'the architecture gguf-embed-deberta has another';
    config.require('hidden_act', erfForms, why);
    config.require('embedding_size', [config.needU32('hidden_size')], why);
    config.require('attention_head_size', [headSize(config)], why);
    convolutionOf(config);
  },
  after(keys, config) {
    const { perSide, isShared } = rowsOf(config);
    keys.u32('attention.relative_buckets_count', 2 * perSide);
    if (isShared) keys.u32('attention.relative_max_distance', longestDistance(config));
    const convolution = convolutionOf(config);
    if (convolution === undefined) return;
    keys.u32('conv.kernel_size', convolution.size);
    keys.string('conv.activation', convolution.activation);
  },
};

export const debertaClassifier: ModelClass = {
  ...deberta,
  names: debertaClassifierNames,
  isCrossEncoder: true,
  labels: (config) => config.allLabels(),
  check(config, checkout) {
    deberta.check(config, checkout);
    const why = 'the classifier of the architecture gguf-embed-deberta has another';
    config.require('pooler_hidden_act', erfForms, why);
    config.require('pooler_hidden_size', [config.needU32('hidden_size')], why);
  },
};

function headSize(config: Config): number {
  return Math.floor(config.needU32('hidden_size') / config.needU32('num_attention_heads'));
}
