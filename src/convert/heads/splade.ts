/**
 * @file SPLADE and OpenSearch's neural sparse models: the language model head of a masked language model, and the weights of query tokens.
 *
 * Checkouts name them in several ways: the module `SpladePooling` of sentence-transformers, alone or as the route of documents beside
 * `SparseStaticEmbedding` for queries; OpenSearch's own files of token weights; or the tag `splade` of the model card.
 */
import type { GgufWriter } from '../../gguf/index.ts';
import { type Checkout, isObject, type Json, readJsonObject, readText } from '../checkout/checkout.ts';
import { readFrontMatter } from '../checkout/model-card.ts';
import { listModules, transformerPath } from '../checkout/module-lists.ts';
import { partOf } from '../checkout/part.ts';
import { openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import type { CheckpointTensor } from '../checkpoint/tensors.ts';
import { ConvertError } from '../conversion-error.ts';
import type { NameMap } from '../names.ts';
import { decode } from '../output-types.ts';
import { readHfTokenizer } from '../vocab/hf-tokenizer.ts';
import type { HeadSource, Heads } from './head-source.ts';

/** Where checkouts say how they make sparse vectors. */
interface Route {
  /** Folder of `SpladePooling`; `undefined` if no module says how to pool. */
  readonly pooling?: string;
  /** Folder of `SparseStaticEmbedding`. */
  readonly query?: string;
  /** Folder of the transformer. */
  readonly transformer: string;
}

const ROUTER_FILE = 'router_config.json';
/** OpenSearch's own files of the weights of query tokens. */
const WEIGHT_FILES = ['query_token_weights.txt', 'idf.json'];
/** Tags of model cards. */
const tags = ['splade', 'neural-sparse'];

/** Tensors of the heads by class, as far as they are not in the names of the class. */
const headRules: Readonly<Record<string, NameMap['rules']>> = {
  BertForMaskedLM: [
    ['cls.predictions.transform.dense', 'mlm_dense'],
    ['cls.predictions.transform.LayerNorm', 'mlm_norm'],
    ['cls.predictions.decoder', 'mlm_decoder'],
    ['cls.predictions', 'mlm_decoder'],
  ],
  DistilBertForMaskedLM: [
    ['vocab_transform', 'mlm_dense'],
    ['vocab_layer_norm', 'mlm_norm'],
    ['vocab_projector', 'mlm_decoder'],
  ],
  RobertaForMaskedLM: [
    ['lm_head.dense', 'mlm_dense'],
    ['lm_head.layer_norm', 'mlm_norm'],
    ['lm_head.decoder', 'mlm_decoder'],
    ['lm_head', 'mlm_decoder'],
  ],
};
const rulesOf: Readonly<Record<string, NameMap['rules']>> = {
  ...headRules,
  XLMRobertaForMaskedLM: headRules.RobertaForMaskedLM,
};

/** @returns `undefined` if the checkout makes no sparse vectors in this way @throws ConvertError if it cannot be converted */
export async function openSplade(source: HeadSource): Promise<Heads | undefined> {
  const { checkout, main, config, modelClass, tensors } = source;
  const route = await findRoute(checkout);
  const weightFile = await firstOf(checkout, WEIGHT_FILES);
  const isTagged = await hasTag(checkout);
  const rules = Object.hasOwn(rulesOf, config.modelClass) ? rulesOf[config.modelClass] : undefined;
  if (route?.pooling === undefined && !(rules !== undefined && (weightFile !== undefined || isTagged)))
    return undefined;
  if (rules === undefined) {
    const known = Object.keys(rulesOf).join(', ');
    throw new ConvertError(
      `sparse vectors of a ${config.modelClass} are not converted; known are ${known}`,
      'config.json',
    );
  }
  const activation = route?.pooling === undefined ? 'log1p' : await readActivation(checkout, route.pooling);
  const nRows = tensors.find(({ name }) => /word_embeddings\.weight$/.test(name))?.shape[0] ?? 0;
  let weights: Float32Array | undefined;
  if (route?.query !== undefined) weights = await readStaticWeights(checkout, main, route.query, nRows);
  else if (route === undefined && weightFile !== undefined)
    weights = await readWeightFile(checkout, main, weightFile, nRows);
  // Without a module, the model card's own code sets the weights of special tokens to 0.
  const dropsSpecial = route?.pooling === undefined && weightFile !== undefined;
  return {
    names: namesWithHead(modelClass.names, rules, tensors, config.get('tie_word_embeddings') !== false),
    tensors: [],
    keepsGelu: true,
    hasNoPooling: route?.pooling !== undefined,
    set: (writer) => setKeys(writer, activation, dropsSpecial, weights),
    async close() {},
  };
}

function setKeys(
  writer: GgufWriter,
  activation: string,
  dropsSpecial: boolean,
  weights: Float32Array | undefined,
): void {
  writer.set('gguf_embed.sparse.kind', { type: 'string', value: 'max_logits' });
  writer.set('gguf_embed.sparse.activation', { type: 'string', value: activation });
  if (dropsSpecial) writer.set('gguf_embed.sparse.drop_special_tokens', { type: 'bool', value: true });
  if (weights === undefined) return;
  const value = { elementType: 'float32', values: weights } as const;
  writer.set('gguf_embed.sparse.query_weights', { type: 'array', value });
}

/** The part of a checkout with the transformer, which may be in a folder of its own. @throws ConvertError for a router whose sides have different ones */
export async function transformerOf(checkout: Checkout): Promise<Checkout> {
  const route = await findRoute(checkout);
  const path = route === undefined ? await transformerPath(checkout) : route.transformer;
  if (path === '') return checkout;
  const part = await partOf(checkout, path);
  const config = await part.open('config.json');
  await config?.close();
  return config === undefined ? checkout : { ...part, name: checkout.name };
}

async function findRoute(checkout: Checkout): Promise<Route | undefined> {
  const modules = await listModules(checkout);
  const direct = modules.find(({ kind }) => kind === 'SpladePooling');
  if (direct !== undefined) {
    const transformer = modules.find(({ kind }) => transformers.includes(kind));
    checkKinds(modules.map(({ kind }) => kind));
    return { transformer: transformer?.path ?? '', pooling: direct.path };
  }
  const router = modules.length === 1 && modules[0].kind === 'Router' ? modules[0] : undefined;
  if (router === undefined) return undefined;
  const folder = router.path === '' ? '' : `${router.path}/`;
  const json = await readJsonObject(checkout, `${folder}${ROUTER_FILE}`);
  const { types, structure } = json ?? {};
  if (!isObject(types) || !isObject(structure)) return undefined;
  const kindOf = (path: string) =>
    String(types[path] ?? '')
      .split('.')
      .at(-1)!;
  const listed = (name: string) => (Array.isArray(structure[name]) ? structure[name].map(String) : []);
  const [documents, queries] = [listed('document'), listed('query')];
  const pooling = documents.find((path) => kindOf(path) === 'SpladePooling');
  if (pooling === undefined) return undefined;
  checkKinds(documents.map(kindOf));
  const query = queries.find((path) => kindOf(path) === 'SparseStaticEmbedding');
  if (queries.length !== (query === undefined ? 0 : 1)) {
    const found = queries.map(kindOf).join(', ');
    throw new ConvertError(`queries go through ${found}; only SparseStaticEmbedding is converted`, ROUTER_FILE);
  }
  const transformer = documents.find((path) => transformers.includes(kindOf(path))) ?? '';
  const at = (path: string) => `${folder}${path}`;
  return { transformer: at(transformer), pooling: at(pooling), query: query === undefined ? undefined : at(query) };
}

const transformers = ['MLMTransformer', 'Transformer'];

function checkKinds(kinds: readonly string[]): void {
  if (kinds.length === 2 && transformers.includes(kinds[0]) && kinds[1] === 'SpladePooling') return;
  throw new ConvertError(`the modules are ${kinds.join(', ')}; only a Transformer and SpladePooling are converted`);
}

async function readActivation(checkout: Checkout, folder: string): Promise<string> {
  const file = `${folder}/config.json`;
  const config: Json = (await readJsonObject(checkout, file)) ?? {};
  const { pooling_strategy: strategy = 'max', activation_function: name = 'relu' } = config;
  if (strategy !== 'max') {
    throw new ConvertError(`pooling_strategy is ${JSON.stringify(strategy)}; only max is converted`, file);
  }
  if (name === 'relu') return 'log1p';
  if (name === 'log1p_relu') return 'log1p_log1p';
  throw new ConvertError(`activation_function is ${JSON.stringify(name)}; known are relu and log1p_relu`, file);
}

async function hasTag(checkout: Checkout): Promise<boolean> {
  const found = (await readFrontMatter((await readText(checkout, 'README.md')) ?? '')).get('tags') ?? [];
  return tags.some((tag) => found.includes(tag));
}

async function firstOf(checkout: Checkout, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const source = await checkout.open(name);
    await source?.close();
    if (source !== undefined) return name;
  }
  return undefined;
}

/** `query_token_weights.txt` has a token and its weight in each line, `idf.json` is an object of them. */
async function readWeightFile(checkout: Checkout, main: Checkout, file: string, nRows: number): Promise<Float32Array> {
  if (file.endsWith('.json'))
    return weightsOf(main, Object.entries((await readJsonObject(checkout, file)) ?? {}), nRows, file);
  const lines = ((await readText(checkout, file)) ?? '').split(/\r?\n/).filter((line) => line !== '');
  const entries = lines.map((line): [string, unknown] => {
    const at = line.lastIndexOf('\t');
    return [line.slice(0, at), at < 0 ? undefined : Number(line.slice(at + 1))];
  });
  return weightsOf(main, entries, nRows, file);
}

async function weightsOf(
  main: Checkout,
  entries: readonly [token: string, weight: unknown][],
  nRows: number,
  file: string,
): Promise<Float32Array> {
  const { tokens } = await readHfTokenizer(main, 'WordPiece');
  const ids = new Map(Array.from(tokens, ([id, text]) => [text, id]));
  const weights = new Float32Array(nRows);
  for (const [token, weight] of entries) {
    const id = ids.get(token);
    if (id === undefined || id >= nRows || typeof weight !== 'number' || !Number.isFinite(Math.fround(weight))) {
      const problem = id === undefined ? 'is not in the vocabulary' : `has the weight ${JSON.stringify(weight)}`;
      throw new ConvertError(`the token ${JSON.stringify(token)} ${problem}`, file);
    }
    weights[id] = weight;
  }
  return weights;
}

/** The weights of `SparseStaticEmbedding`: a tensor, or the JSON file that its config names. */
async function readStaticWeights(
  checkout: Checkout,
  main: Checkout,
  folder: string,
  nRows: number,
): Promise<Float32Array> {
  const part = await partOf(checkout, folder);
  const path = (await readJsonObject(part, 'config.json'))?.path;
  if (typeof path === 'string') return readWeightFile(checkout, main, path, nRows);
  const checkpoint = await openCheckpoint(part);
  try {
    const [tensor, ...others] = checkpoint.tensors;
    const n = tensor?.shape[0] ?? 0;
    const isVector = tensor?.name === 'weight' && tensor.shape.length === 1 && others.length === 0;
    if (!isVector || n > nRows) throw new ConvertError(`expected weight [${nRows}] and nothing else`, folder);
    return await readVector(tensor, nRows);
  } finally {
    await checkpoint.close();
  }
}

async function readVector(tensor: CheckpointTensor, nRows: number): Promise<Float32Array> {
  const n = tensor.shape[0];
  if (!(tensor.dtype in widths)) throw new ConvertError(`tensor ${tensor.name}: ${tensor.dtype} holds no weights`);
  const bytes = new Uint8Array(n * widths[tensor.dtype as keyof typeof widths]);
  await tensor.read(0, bytes);
  const weights = new Float32Array(nRows);
  decode(tensor.dtype, bytes, weights.subarray(0, n));
  return weights;
}

const widths = { F64: 8, F32: 4, F16: 2, BF16: 2 };

/**
 * The names of the class with those of the head. A decoder that is the table of the embeddings is not written again, nor is a bias that
 * the checkpoint has twice.
 */
function namesWithHead(
  names: NameMap,
  rules: NameMap['rules'],
  tensors: readonly CheckpointTensor[],
  isTied: boolean,
): NameMap {
  const has = (name: string) => tensors.some((tensor) => tensor.name === name);
  const dropped = ['cls\\.seq_relationship\\..*', 'pooler\\.dense\\..*', '.*embeddings\\.position_ids'];
  if (isTied) dropped.push('(cls\\.predictions\\.decoder|vocab_projector|lm_head\\.decoder)\\.weight');
  for (const head of ['cls.predictions', 'lm_head']) {
    if (has(`${head}.bias`)) dropped.push(`${head.replace('.', '\\.')}\\.decoder\\.bias`);
  }
  return { prefix: names.prefix, dropped: new RegExp(`^(${dropped.join('|')})$`), rules: [...names.rules, ...rules] };
}
