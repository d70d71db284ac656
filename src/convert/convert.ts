/**
 * @file Converts a Hugging Face checkout to GGUF, piece by piece: the same bytes as llama.cpp's `convert_hf_to_gguf.py`, except for
 * BERT cross-encoders, which keep their pooler and token types, and text models of vision-language models, which keep their pooling.
 */
import { abortSignal, callback, type OptionTable, readOptions, text } from '../check-options.ts';
import { type ByteSink, fileTypes, type GgmlType, GgufWriter, ggmlTypes, nElements, rowBytes } from '../gguf/index.ts';
import { findUnwritable } from '../tensor/codecs/check-values.ts';
import { Turn } from '../turn.ts';
import type { Checkout } from './checkout/checkout.ts';
import { type Config, readConfig } from './checkout/config.ts';
import { readModules } from './checkout/modules.ts';
import { openCheckpoint } from './checkpoint/open-checkpoint.ts';
import { type CheckpointTensor, dtypeBytes, holdsWeights, tensorOf } from './checkpoint/tensors.ts';
import { findClass } from './classes.ts';
import { ConvertError, optionError } from './conversion-error.ts';
import { setGeneral } from './general.ts';
import { openHeads } from './heads/heads.ts';
import { transformerOf } from './heads/splade.ts';
import { blockCount, setHparams } from './hparams.ts';
import { readLayerWeights } from './layers/layer-pooling.ts';
import { openSentenceLayers } from './layers/sentence-layers.ts';
import type { ModelClass } from './model-class.ts';
import { ggufName } from './names.ts';
import { chooseType, decode, encode, type OutputType } from './output-types.ts';
import { setRanker } from './ranker.ts';
import { setTokenizer } from './vocab/tokenizer-keys.ts';

/** A tensor to write. */
export interface PlannedTensor {
  readonly name: string;
  readonly type: GgmlType;
  /** Fastest axis first. */
  readonly shape: readonly number[];
}

/** Progress of `convert`. */
export interface ConvertProgress {
  /** The current tensor, its index, and the number of tensors. */
  readonly tensor: PlannedTensor;
  readonly index: number;
  readonly nTensors: number;
  /** Values written so far, and in total. */
  readonly values: number;
  readonly totalValues: number;
}

/** Options of `convert`. */
export interface ConvertOptions {
  /** `general.name`; default: from the model card, the config or the name of the folder. */
  readonly modelName?: string;
  /** Called after each piece. */
  readonly onProgress?: (progress: ConvertProgress) => void;
  /** Called with a sentence for each step of the model that the file omits, as llama.cpp's converter does. */
  readonly onWarning?: (warning: string) => void;
  readonly signal?: AbortSignal;
}

export const convertOptions: OptionTable<ConvertOptions> = {
  modelName: text,
  onProgress: callback,
  onWarning: callback,
  signal: abortSignal,
};

/** Most values in memory at a time. */
const PIECE = 1 << 16;
/** Milliseconds after which the thread yields to other tasks. */
const TURN_MS = 50;

function ignore(): void {}

/** A tensor to write, and the source of its values. */
export interface Planned extends PlannedTensor {
  readonly source: CheckpointTensor;
  /** Values at the beginning of `source` to skip. */
  readonly skipped: number;
}

/**
 * Writes the model of `checkout` to `sink`. Memory use does not depend on the size of the model.
 * @returns the tensors in the order of the file
 * @throws ConvertError for a checkout that is damaged, incomplete or not supported (the sink then holds
 *   part of a file); the reason of `signal` if it is aborted
 */
export async function convert(
  checkout: Checkout,
  sink: ByteSink,
  type: OutputType,
  given: ConvertOptions = {},
): Promise<readonly PlannedTensor[]> {
  const options = readOptions('convert', given, convertOptions, optionError);
  const main = await transformerOf(checkout);
  const whole = await readConfig(main);
  const modelClass = findClass(whole);
  const config = modelClass.part?.(whole) ?? whole;
  modelClass.check(config, checkout.name);
  const open: { close(): Promise<void> }[] = [];
  try {
    const checkpoint = await openCheckpoint(main);
    open.push(checkpoint);
    const warn = options.onWarning ?? ignore;
    const heads = await openHeads({ checkout, main, config, modelClass, tensors: checkpoint.tensors, warn });
    open.push(heads);
    const { keepsGelu = modelClass.keepsGelu, hasNoPooling = modelClass.hasNoPooling } = heads;
    const modules = hasNoPooling ? undefined : await readModules(checkout, warn);
    const { lists = [], pooling } = modules ?? {};
    const layerWeights = await readLayerWeights(
      checkout,
      { config, architecture: modelClass.architecture },
      lists,
      warn,
    );
    const width = config.needU32('hidden_size', 'n_embd', 'dim') * (pooling?.modes.length ?? 1);
    const layers = await openSentenceLayers(checkout, lists, width);
    open.push(layers);
    const nTokens = await modelClass.tokenRows?.(main, config);
    const named = { ...modelClass, names: heads.names ?? modelClass.names };
    const tensors = modelClass.tensors?.(checkpoint.tensors, config) ?? checkpoint.tensors;
    const plan = planTensors(tensors, config, named, type, nTokens);
    checkVocabSize(config, plan);
    plan.push(...[...layers.tensors, ...heads.tensors].map((tensor) => planLayer(tensor, type)));
    const total = plan.reduce((sum, { shape }) => sum + nElements(shape), 0);
    const writer = new GgufWriter(sink);
    await setGeneral(writer, checkout, whole.raw, modelClass.architecture, total);
    if (options.modelName) writer.set('general.name', { type: 'string', value: options.modelName });
    const written = { ...modelClass, keepsGelu };
    await setHparams(writer, main, config, written, { fileType: fileTypes[type].id, pooling, layerWeights });
    layers.set(writer);
    heads.set(writer);
    await setTokenizer(writer, main, config, modelClass.tokenizer);
    setRanker(writer, config, modelClass, [options.modelName ?? '', checkout.name]);
    for (const tensor of plan) writer.addTensor(tensor.name, tensor.type, tensor.shape);
    options.signal?.throwIfAborted();
    await writer.writeHeader();
    await writeTensors(writer, plan, total, options);
    writer.finish();
    return plan.map(planned);
  } finally {
    await Promise.all(open.map((one) => one.close()));
  }
}

/** A tensor that is stored as it is, with its own name. */
export function planLayer(source: CheckpointTensor, wanted: OutputType): Planned {
  const shape = source.shape.toReversed();
  return { name: source.name, shape, type: chooseType(source.name, shape, wanted), source, skipped: 0 };
}

/** A tensor without the source of its values. */
export function planned({ name, type, shape }: Planned): PlannedTensor {
  return { name, type, shape };
}

function planTensors(
  tensors: readonly CheckpointTensor[],
  config: Config,
  modelClass: ModelClass,
  wanted: OutputType,
  nTokens = Infinity,
): Planned[] {
  const nLayers = blockCount(config);
  const plan: Planned[] = [];
  const factors = modelClass.ropeFactors?.(config);
  if (factors !== undefined) {
    const source = tensorOf('rope_freqs.weight', factors);
    plan.push({ name: source.name, shape: source.shape, type: ggmlTypes.F32, source, skipped: 0 });
  }
  const seen = new Set<string>();
  for (const source of tensors) {
    const name = nameOf(source, config, modelClass);
    if (name === null) continue;
    const fail = (problem: string) => new ConvertError(`tensor ${source.name}: ${problem}`);
    if (name === undefined) throw fail(`a ${config.modelClass} does not have such a tensor`);
    if (seen.has(name)) throw fail(`another tensor already has the name ${name}`);
    if (Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0) >= nLayers) throw fail(`the model has only ${nLayers} layers`);
    if (!holdsWeights(source.dtype)) throw fail(`${source.dtype} holds no weights`);
    seen.add(name);
    const cut = name === 'position_embd.weight' ? (modelClass.positionOffset?.(config) ?? 0) : 0;
    const stored = modelClass.stored?.(source, name, config) ?? source;
    const [rows, ...rest] = stored.shape;
    if (cut > 0 && !(cut < rows)) throw fail(`it has ${rows} rows, but ${cut} of them are for padding`);
    const kept = name === 'token_embd.weight' ? Math.min(rows, nTokens) : rows - cut;
    const shape = [...rest.toReversed(), ...(rows === undefined ? [] : [kept])];
    plan.push({ name, shape, type: chooseType(name, shape, wanted), source: stored, skipped: cut * nElements(rest) });
  }
  if (nLayers > 0 && !plan.some(({ name }) => name.startsWith(`blk.${nLayers - 1}.`))) {
    throw new ConvertError(`the model has ${nLayers} layers, but the checkpoint has no tensor of the last one`);
  }
  if (!seen.has('token_embd.weight')) throw new ConvertError('the checkpoint has no word embeddings');
  return plan;
}

/** The vocabulary is filled up to `vocab_size`, so the table must have as many rows before anything is filled. */
function checkVocabSize(config: Config, plan: readonly PlannedTensor[]): void {
  const size = config.u32('vocab_size');
  const rows = plan.find(({ name }) => name === 'token_embd.weight')!.shape[1];
  if (size !== undefined && size !== rows) {
    const problem = `vocab_size is ${size}, but the word embeddings have ${rows} rows: they must be of the same checkpoint`;
    throw new ConvertError(problem, 'config.json');
  }
}

/** If the class has no rule for `classifier`, it is the output layer if the file keeps its labels, else the layer before it. */
export function nameOf(
  { name }: Pick<CheckpointTensor, 'name'>,
  config: Config,
  { names }: ModelClass,
): string | null | undefined {
  const known = ggufName(names, name);
  if (known !== undefined) return known;
  const kind = /^classifier\.(weight|bias)$/.exec(name)?.[1];
  return kind && `${config.labels().length > 0 ? 'cls.output' : 'cls'}.${kind}`;
}

/** Writes the data of all tensors in order. */
export async function writeTensors(
  writer: GgufWriter,
  plan: readonly Planned[],
  totalValues: number,
  { onProgress, signal }: ConvertOptions,
): Promise<void> {
  let values = 0;
  const turn = new Turn(TURN_MS);
  for (const [index, tensor] of plan.entries()) {
    const done = async (n: number) => {
      values += n;
      onProgress?.({ tensor, index, nTensors: plan.length, values, totalValues });
      if (turn.isOver) await turn.pass();
      signal?.throwIfAborted();
    };
    await writer.writeTensor(tensor.name, pieces(tensor, done));
  }
}

/** The data of a tensor in its type. Each piece overwrites the previous one. */
async function* pieces(
  { type, shape, source, skipped }: Planned,
  done: (n: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const total = nElements(shape);
  const size = Math.min(PIECE, total);
  const width = dtypeBytes[source.dtype];
  const before = new Uint8Array(size * width);
  const values = new Float32Array(size);
  const after = new Uint8Array(rowBytes(type, size));
  for (let first = 0; first < total; first += size) {
    const n = Math.min(size, total - first);
    const piece = before.subarray(0, n * width);
    await source.read(skipped + first, piece);
    decode(source.dtype, piece, values.subarray(0, n));
    const problem = findUnwritable(values.subarray(0, n), type, first);
    if (problem !== undefined) throw new ConvertError(`tensor ${source.name}: ${problem}`);
    const encoded = after.subarray(0, rowBytes(type, n));
    encode(type, values.subarray(0, n), encoded);
    yield encoded;
    await done(n);
  }
}
