/**
 * @file The modules of a sentence-transformers model over its pooled vectors: linear layers with an activation (LaBSE,
 * distiluse-base-multilingual), norms, and a router that has such layers for each side of a search.
 */
import type { GgufWriter } from '../../gguf/index.ts';
import type { Checkout } from '../checkout/checkout.ts';
import { layerKinds } from '../checkout/module-kinds.ts';
import type { Module, ModuleList } from '../checkout/module-lists.ts';
import type { Checkpoint, CheckpointTensor } from '../checkpoint/tensors.ts';
import { ConvertError } from '../conversion-error.ts';
import { type LayerSettings, type ReadLayer, readLayer } from './read-layer.ts';

/** What the layers are applied to. */
export interface LayerTarget extends LayerSettings {
  /** Where the keys of the layers begin, and their tensors. */
  readonly keys: string;
  readonly prefix: string;
}

const pooled: LayerTarget = {
  keys: 'gguf_embed.dense',
  prefix: 'sentence_dense',
  rows: 'sentence_embedding',
  activation: 'torch.nn.modules.activation.Tanh',
  residuals: true,
};

/** The layers of PyLate, which are over tokens. */
export const ofTokens: LayerTarget = {
  keys: 'gguf_embed.multi',
  prefix: 'token_dense',
  rows: 'token_embeddings',
  activation: 'torch.nn.modules.linear.Identity',
  residuals: false,
};

/** The layers of a checkout, in the order of its modules. */
export interface SentenceLayers {
  /** Weights and biases, under their names in the file. */
  readonly tensors: readonly CheckpointTensor[];
  /** Sets their keys. */
  set(writer: GgufWriter): void;
  close(): Promise<void>;
}

/** A list of layers: that of the model, or of a side of a search. */
interface LayerList {
  readonly route?: string;
  readonly layers: readonly ReadLayer[];
}

/**
 * @param given the modules of each side of a search, the default side first, or one list for all texts
 * @param width of pooled vectors
 * @throws ConvertError for a module, an activation or a tensor that is not known, and for layers that do not fit one to the next
 */
export async function openSentenceLayers(
  checkout: Checkout,
  given: readonly ModuleList[],
  width: number,
  target = pooled,
): Promise<SentenceLayers> {
  const opened: Checkpoint[] = [];
  const close = async () => {
    await Promise.all(opened.map((checkpoint) => checkpoint.close()));
  };
  try {
    const lists: LayerList[] = [];
    for (const { route, modules } of given) {
      const over = modules.filter(({ kind }) => layerKinds.includes(kind));
      lists.push({ route, layers: await readLayers(checkout, over, width, target, opened) });
    }
    checkWidths(lists, width);
    return {
      tensors: lists.flatMap(({ route, layers }) =>
        layers.flatMap(({ tensors }, i) =>
          tensors.map((tensor) => ({ ...tensor, name: `${prefixOf(target.prefix, route)}.${i}${tensor.name}` })),
        ),
      ),
      set: (writer) => setKeys(writer, lists, target.keys),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Scaling to length 1 at the end is not stored: the runtime does it by default. */
async function readLayers(
  checkout: Checkout,
  modules: readonly Module[],
  width: number,
  settings: LayerSettings,
  opened: Checkpoint[],
): Promise<ReadLayer[]> {
  const last = modules.findLastIndex(({ kind }) => kind !== 'Normalize');
  const layers: ReadLayer[] = [];
  let nIn = width;
  for (const module of modules.slice(0, last + 1)) {
    const layer = await readLayer(checkout, module, nIn, settings, opened);
    layers.push(layer);
    nIn = layer.nOut;
  }
  return layers;
}

function checkWidths(lists: readonly LayerList[], width: number): void {
  const widths = lists.map(({ layers }) => layers.at(-1)?.nOut ?? width);
  if (widths.every((one) => one === widths[0])) return;
  const found = lists.map(({ route }, i) => `${route} ${widths[i]}`).join(' and ');
  throw new ConvertError(`the routes make vectors of different widths, which cannot be compared: ${found}`);
}

function prefixOf(prefix: string, route: string | undefined): string {
  return route === undefined ? prefix : `${prefix}.${route}`;
}

function setKeys(writer: GgufWriter, lists: readonly LayerList[], keys: string): void {
  const set = (key: string, values: readonly string[]) =>
    writer.set(key, { type: 'array', value: { elementType: 'string', values } });
  const routes = lists.flatMap(({ route }) => route ?? []);
  if (routes.length > 0) set(`${keys}.routes`, routes);
  for (const { route, layers } of lists) {
    if (layers.length === 0) continue;
    set(
      `${prefixOf(keys, route)}.activations`,
      layers.map(({ activation }) => activation),
    );
    if (layers.every(({ kind }) => kind === 'dense')) continue;
    set(
      `${prefixOf(keys, route)}.kinds`,
      layers.map(({ kind }) => kind),
    );
  }
}
