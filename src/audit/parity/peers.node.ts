/**
 * @file Other embedding programs, if the user has installed them: native llama.cpp (`node-llama-cpp`), ONNX Runtime (`onnxruntime-node`)
 * and transformers.js (`@huggingface/transformers`). They are not dependencies of this package. Each is looked up from the working
 * directory; the types here describe only the functions that are called.
 */
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Pooling } from '../../models/index.ts';
import type { Answers } from './rows.ts';

const transformersName = '@huggingface/transformers';

/** The input of a peer. */
export interface PeerTask {
  /** The GGUF file. */
  readonly model: string;
  /** An ONNX file of the same model, or a folder in the form that transformers.js reads. */
  readonly onnx: string | undefined;
  readonly pooling: Pooling;
  readonly texts: readonly string[];
  /** Our ids of the texts, with special tokens. */
  readonly ids: readonly (readonly number[])[];
}

/** Another program. */
export interface Peer {
  readonly program: string;
  readonly precision: string;
  /** Computes the answers. Resolves to the reason as text if the program cannot be used. */
  answers(task: PeerTask): Promise<Answers | string>;
}

/** The module of a package, as a module in `folder` would find it. */
async function installed<Module>(name: string, folder = process.cwd()): Promise<Module | undefined> {
  const path = await locate(name, folder);
  return path === undefined ? undefined : import(pathToFileURL(path).href);
}

async function locate(name: string, folder: string): Promise<string | undefined> {
  try {
    return createRequire(join(folder, 'parity.js')).resolve(name);
  } catch {
    return importEntry(join(folder, 'node_modules', name));
  }
}

/** The entry of a package that `require` does not find because it can only be imported. */
async function importEntry(folder: string): Promise<string | undefined> {
  const manifest = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
  if (manifest === undefined) return undefined;
  const { exports, main } = JSON.parse(manifest);
  const entry = entryOf(exports?.['.'] ?? exports) ?? main;
  return typeof entry === 'string' ? join(folder, entry) : undefined;
}

/** The path for `import` in Node, from the field `exports` of a package. */
function entryOf(conditions: unknown): string | undefined {
  if (typeof conditions === 'string') return conditions;
  if (typeof conditions !== 'object' || conditions === null) return undefined;
  for (const [name, value] of Object.entries(conditions)) {
    if (!['node', 'import', 'node-addons', 'default'].includes(name)) continue;
    const found = entryOf(value);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface LlamaModule {
  getLlama(options: object): Promise<{
    loadModel(options: { modelPath: string }): Promise<{
      tokenize(text: string): readonly number[];
      createEmbeddingContext(options: object): Promise<{
        getEmbeddingFor(text: string): Promise<{ readonly vector: readonly number[] }>;
      }>;
    }>;
    dispose(): Promise<void>;
  }>;
}

const llama: Peer = {
  program: 'llama.cpp (node-llama-cpp, CPU)',
  precision: '',
  async answers({ model: modelPath, texts, ids }) {
    const module = await installed<LlamaModule>('node-llama-cpp');
    if (module === undefined) return 'node-llama-cpp is not installed';
    const llama = await module.getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'error' });
    try {
      const model = await llama.loadModel({ modelPath: resolve(modelPath) });
      // Room for the tokens that the program adds. It refuses a text that fills the context.
      const contextSize = Math.max(...ids.map(({ length }) => length)) + 8;
      const context = await model.createEmbeddingContext({ contextSize, batchSize: contextSize });
      const vectors: Float32Array[] = [];
      for (const text of texts) vectors.push(Float32Array.from((await context.getEmbeddingFor(text)).vector));
      return { vectors, tokens: texts.map((text) => Array.from(model.tokenize(text), Number)) };
    } finally {
      await llama.dispose();
    }
  },
};

interface OrtTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

interface OrtModule {
  readonly Tensor: new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(path: string): Promise<{
      readonly inputNames: readonly string[];
      readonly outputNames: readonly string[];
      run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
      release(): Promise<void>;
    }>;
  };
}

const onnxRuntime: Peer = {
  program: 'ONNX Runtime (onnxruntime-node)',
  precision: '',
  async answers({ onnx, pooling, ids }) {
    if (onnx === undefined) return 'ONNX Runtime needs an ONNX file of the model: --onnx';
    // Prefer the copy that transformers.js uses: a process cannot load two versions of the library.
    const transformers = await locate(transformersName, process.cwd());
    const folder = transformers && dirname(transformers);
    const module = await installed<OrtModule & { readonly default?: OrtModule }>('onnxruntime-node', folder);
    if (module === undefined) return 'onnxruntime-node is not installed';
    const { Tensor, InferenceSession } = module.default ?? module;
    const isFolder = (await stat(onnx)).isDirectory();
    const session = await InferenceSession.create(isFolder ? join(onnx, 'onnx/model.onnx') : onnx);
    const vectors: Float32Array[] = [];
    for (const row of ids) {
      const constant = (value: bigint) => BigInt64Array.from(row, () => value);
      const values: Record<string, BigInt64Array> = {
        input_ids: BigInt64Array.from(row, BigInt),
        attention_mask: constant(1n),
      };
      const inputs = session.inputNames.map((name) => [name, values[name] ?? constant(0n)] as const);
      const feeds = inputs.map(([name, data]) => [name, new Tensor('int64', data, [1, row.length])] as const);
      const { [session.outputNames[0]]: hidden } = await session.run(Object.fromEntries(feeds));
      vectors.push(pool(hidden, pooling));
    }
    await session.release();
    return { vectors };
  },
};

/** `[1, T, n]` hidden states → one vector. */
function pool({ data, dims }: OrtTensor, pooling: Pooling): Float32Array {
  const [, nTokens, n] = dims;
  if (pooling === 'cls') return data.slice(0, n);
  if (pooling === 'last') return data.slice((nTokens - 1) * n);
  return Float32Array.from({ length: n }, (_, column) => {
    let sum = 0;
    for (let row = 0; row < nTokens; row++) sum += data[row * n + column];
    return sum / nTokens;
  });
}

interface TransformersModule {
  readonly env: { allowRemoteModels: boolean; allowLocalModels: boolean; localModelPath: string };
  pipeline(
    task: 'feature-extraction',
    model: string,
    options: object,
  ): Promise<
    ((text: string, options: object) => Promise<{ readonly data: Float32Array }>) & {
      readonly tokenizer: { encode(text: string, options: object): readonly number[] };
      dispose(): Promise<unknown>;
    }
  >;
}

const transformersPooling: Readonly<Partial<Record<Pooling, string>>> = {
  mean: 'mean',
  cls: 'cls',
  last: 'last_token',
};

const transformers: Peer = {
  program: `transformers.js (${transformersName})`,
  precision: '',
  async answers({ onnx, pooling, texts }) {
    if (onnx === undefined || !(await stat(onnx)).isDirectory()) {
      return 'transformers.js needs a folder with the tokenizer and onnx/model.onnx: --onnx';
    }
    const module = await installed<TransformersModule>(transformersName);
    if (module === undefined) return `${transformersName} is not installed`;
    const folder = resolve(onnx);
    Object.assign(module.env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: dirname(folder) });
    const extract = await module.pipeline('feature-extraction', basename(folder), { dtype: 'fp32' });
    const vectors: Float32Array[] = [];
    for (const text of texts) {
      const { data } = await extract(text, { pooling: transformersPooling[pooling] ?? 'mean', normalize: false });
      vectors.push(Float32Array.from(data));
    }
    const tokens = texts.map((text) =>
      Array.from(extract.tokenizer.encode(text, { add_special_tokens: false }), Number),
    );
    await extract.dispose();
    return { vectors, tokens };
  },
};

/** The programs that are compared. */
export const peers: readonly Peer[] = [llama, onnxRuntime, transformers];
