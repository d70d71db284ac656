/**
 * @file Makes a GGUF of a checkout with static embeddings: Model2Vec's own layout, or a sentence-transformers model whose first module is
 * `StaticEmbedding`. The file has one vector for each token, with the weights and the mapping of newer checkouts already applied.
 */
import { readOptions } from '../../check-options.ts';
import { type ByteSink, fileTypes, GgufWriter, nElements, QUANTIZATION_VERSION } from '../../gguf/index.ts';
import { type Checkout, type Json, readJsonObject } from '../checkout/checkout.ts';
import { Config } from '../checkout/config.ts';
import { layerKinds, routerKinds } from '../checkout/module-kinds.ts';
import { listModules, moduleLists } from '../checkout/module-lists.ts';
import { checkModules } from '../checkout/modules.ts';
import { partOf } from '../checkout/part.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { optionError } from '../conversion-error.ts';
import {
  type ConvertOptions,
  convertOptions,
  type PlannedTensor,
  planLayer,
  planned,
  writeTensors,
} from '../convert.ts';
import { setGeneral } from '../general.ts';
import { openSentenceLayers } from '../layers/sentence-layers.ts';
import { ArchitectureKeys } from '../model-class.ts';
import { chooseType, type OutputType } from '../output-types.ts';
import { readTable } from './table.ts';
import { readStaticTokenizer, setStaticTokenizer } from './tokenizer.ts';

const ARCHITECTURE = 'gguf-embed-static';
/** Tokens of a text. The model has no limit of its own; this one keeps the memory of a batch small. */
const CONTEXT = 32768;
/** Number of the pooling by mean. */
const MEAN = 1;
/** Modules that a static model may have. */
const carried = ['StaticEmbedding', ...layerKinds, ...routerKinds];

/** Whether a checkout has static embeddings. */
export async function isStatic(checkout: Checkout): Promise<boolean> {
  const config = await readJsonObject(checkout, 'config.json');
  return isModel2Vec(config) || (await listModules(checkout)).some(({ kind }) => kind === 'StaticEmbedding');
}

function isModel2Vec(config: Json | undefined): boolean {
  const { model_type: type, architectures } = config ?? {};
  return type === 'model2vec' || (Array.isArray(architectures) && architectures[0] === 'StaticModel');
}

/**
 * Writes the static embeddings of `checkout` to `sink`.
 * @returns the tensors in the order of the file
 * @throws as `convert` does
 */
export async function convertStatic(
  checkout: Checkout,
  sink: ByteSink,
  type: OutputType,
  given: ConvertOptions = {},
): Promise<readonly PlannedTensor[]> {
  const options = readOptions('convertStatic', given, convertOptions, optionError);
  const raw = (await readJsonObject(checkout, 'config.json')) ?? {};
  checkModules(await listModules(checkout), carried, 'beside static embeddings');
  const lists = await moduleLists(checkout);
  const [{ modules }] = lists;
  const part = await partOf(checkout, modules.find(({ kind }) => kind === 'StaticEmbedding')?.path ?? '');
  const tokenizer = await readStaticTokenizer(part);
  // Model2Vec leaves unknown tokens out; sentence-transformers takes their vector.
  const dropped = isModel2Vec(raw) ? tokenizer.unknown : undefined;
  const open: { close(): Promise<void> }[] = [];
  try {
    const checkpoint = await openCheckpoint(part);
    open.push(checkpoint);
    const source = await readTable(checkpoint.tensors, tokenizer.nTokens, dropped);
    const shape = source.shape.toReversed();
    const tensor = { name: 'token_embd.weight', type: chooseType('token_embd.weight', shape, type), shape };
    const layers = await openSentenceLayers(checkout, lists, shape[0]);
    open.push(layers);
    const plan = [{ ...tensor, source, skipped: 0 }, ...layers.tensors.map((one) => planLayer(one, type))];
    const total = plan.reduce((sum, one) => sum + nElements(one.shape), 0);
    const writer = new GgufWriter(sink);
    await setGeneral(writer, checkout, raw, ARCHITECTURE, total);
    if (options.modelName) writer.set('general.name', { type: 'string', value: options.modelName });
    const keys = new ArchitectureKeys(writer, ARCHITECTURE);
    keys.u32('block_count', 0);
    keys.u32('context_length', CONTEXT);
    keys.u32('embedding_length', shape[0]);
    keys.u32('pooling_type', MEAN);
    layers.set(writer);
    writer.set('general.file_type', { type: 'uint32', value: fileTypes[type].id });
    writer.set('general.quantization_version', { type: 'uint32', value: QUANTIZATION_VERSION });
    const config = new Config({ ...raw, model_type: ARCHITECTURE, architectures: [ARCHITECTURE] });
    await setStaticTokenizer(writer, part, config, tokenizer, dropped !== undefined);
    for (const one of plan) writer.addTensor(one.name, one.type, one.shape);
    options.signal?.throwIfAborted();
    await writer.writeHeader();
    await writeTensors(writer, plan, total, options);
    writer.finish();
    return plan.map(planned);
  } finally {
    await Promise.all(open.map((one) => one.close()));
  }
}
