/**
 * @file What a file goes through: reader, tokenizer, model, one forward. At each stage it is either refused with the
 * error of that module, or it works.
 */
import { describeGguf, GgufError, type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { createWasmBackend } from '../../src/kernels/wasm/index.ts';
import { loadModel, ModelError, outlineModel, type Result } from '../../src/models/index.ts';
import { loadTower } from '../../src/models/vision/index.ts';
import { createTokenizer, TokenizerError } from '../../src/tokenizer/index.ts';

/** How far a file came: the stage that refused it, or `worked`. */
export type Outcome = 'gguf' | 'tokenizer' | 'model' | 'worked';

const texts = ['', 'Hello, world: 42 naïve cafés', ' [CLS] <s>▁<mask>\n東京 👍🏽\0 \u0301 aaaaaaaaaaaa'];

/** The backends that files are run on. */
const backends = { reference: () => createReferenceBackend(), wasm: () => createWasmBackend() };
export type BackendName = keyof typeof backends;

/**
 * Runs one file.
 * @throws whatever is not an error of one of the modules: a bug
 */
export async function runFile(bytes: Uint8Array, backend: BackendName): Promise<Outcome> {
  const file = await refusable(() => openGguf(memorySource(bytes, 'f')));
  if (file === undefined) return 'gguf';
  JSON.stringify(describeGguf(file));
  if (isTower(file)) return (await refusable(() => encodeImage(file, backend))) === undefined ? 'model' : 'worked';
  const ids = await refusable(() => tokenize(file));
  const model = await refusable(() => forward(file, backend, ids));
  return model === undefined ? 'model' : ids === undefined ? 'tokenizer' : 'worked';
}

function isTower({ metadata }: GgufFile): boolean {
  return metadata.get('general.architecture') === 'clip';
}

/** The rows of the smallest image that the tower takes. */
async function encodeImage(file: GgufFile, name: BackendName): Promise<Float32Array> {
  const backend = await backends[name]();
  try {
    const tower = await loadTower(file, backend);
    const { preprocessing } = tower;
    const side = preprocessing.kind === 'dynamic' ? preprocessing.unit : preprocessing.size;
    const image = { width: side, height: side, rgb: new Uint8Array(3 * side * side) };
    const [rows] = await tower.encode(backend.ops, [image]);
    const { nx, ny } = tower.grid(image);
    if (rows.length !== nx * ny * tower.width) throw new Error(`${rows.length} values were read`);
    return rows;
  } finally {
    backend.dispose();
  }
}

async function refusable<T>(step: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof GgufError || error instanceof TokenizerError || error instanceof ModelError) return undefined;
    throw error;
  }
}

function tokenize(file: GgufFile): number[] {
  const tokenizer = createTokenizer(file.metadata);
  let ids: number[] = [];
  for (const text of texts) {
    ids = tokenizer.encode(text);
    const { nTokens } = tokenizer.vocab;
    if (!ids.every((id) => Number.isInteger(id) && id >= 0 && id < nTokens))
      throw new Error(`ids ${ids} of ${nTokens}`);
    tokenizer.decode(ids);
    tokenizer.decode(tokenizer.encode(text, { addSpecial: false, parseSpecial: false }));
  }
  return ids;
}

/** The result of a head for other vectors than dense ones, if the file has one. */
function headOf(file: GgufFile): Result | undefined {
  if (!file.metadata.has('gguf_embed.multi.activations') && !file.metadata.has('gguf_embed.sparse.kind'))
    return undefined;
  const { sparse, multi } = outlineModel(file);
  if (sparse?.kind === 'max_logits') return 'vocabulary';
  if (multi === undefined) return sparse && 'weights';
  return sparse === undefined ? 'multi' : 'weights+multi';
}

/** Tokens that go through the model. */
const N_TOKENS = 2;

async function forward(file: GgufFile, name: BackendName, ids: readonly number[] = []): Promise<Float32Array> {
  const backend = await backends[name]();
  try {
    const result = headOf(file);
    const model = await loadModel(file, backend);
    const { ops } = backend;
    const last = model.hparams.nVocab - 1;
    const n = Math.min(N_TOKENS, model.hparams.nCtxTrain);
    const batch = {
      ids: Int32Array.from({ length: n }, (_, i) => Math.min(last, ids[i] ?? i)),
      positions: Int32Array.from({ length: n }, (_, i) => i),
      offsets: Int32Array.of(0, n),
    };
    ops.begin(batch);
    const pooled = model.pool(ops, model.forward(ops), result ?? model.hparams.pooling);
    const values = await ops.read(pooled);
    if (values.length !== pooled.rows * pooled.cols) throw new Error(`${values.length} values were read`);
    return values;
  } finally {
    backend.dispose();
  }
}
