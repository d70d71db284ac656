/**
 * @file What the tests of images share: the pairs of the fixtures, their pictures as a tower takes them, prompts as chunks.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cutTiles, decodeImage, dynamicSize, fitPicture } from '../../../src/image/index.ts';
import {
  type Chunk,
  type Input,
  type LoadedModel,
  loadModel,
  type PackRules,
  type Pooling,
  packInputs,
} from '../../../src/models/index.ts';
import { type LoadedTower, loadTower, type Pixels } from '../../../src/models/vision/index.ts';
import type { Backend } from '../../../src/tensor/backend.ts';
import { pooledRows } from '../../../src/tensor/batch-rows.ts';
import { createTokenizer, type Tokenizer } from '../../../src/tokenizer/index.ts';
import { openFixture } from '../support.ts';

/** The pairs of text model and tower. */
export const pairNames = ['qwen3vl', 'qwen25vl', 'qwen2vl', 'gemma3'] as const;

/** A pair on one backend. */
export interface Pair {
  readonly backend: Backend;
  readonly model: LoadedModel;
  readonly tower: LoadedTower;
  readonly tokenizer: Tokenizer;
  /** Rows of images that have been encoded, by their pixels. */
  readonly encoded: Map<string, Float32Array>;
}

/** Loads a pair of the fixtures. */
export async function loadPair(name: string, backend: Backend): Promise<Pair> {
  const file = await openFixture(`multimodal/models/${name}.gguf`);
  const model = await loadModel(file, backend);
  const tower = await loadTower(await openFixture(`multimodal/models/mmproj-${name}.gguf`), backend);
  return { backend, model, tower, tokenizer: createTokenizer(file.metadata), encoded: new Map() };
}

/** A picture of the fixtures in the size that the tower takes. */
export async function prepare(
  image: string,
  { preprocessing }: Pick<LoadedTower, 'preprocessing'>,
  limits: { minTokens?: number; maxTokens?: number } = {},
): Promise<Pixels> {
  const bytes = readFileSync(new URL(`../../fixtures/multimodal/images/${image}`, import.meta.url));
  const picture = await decodeImage(new Uint8Array(bytes));
  if (preprocessing.kind === 'tiles') return cutTiles(picture, preprocessing)[0];
  const size =
    preprocessing.kind === 'dynamic'
      ? dynamicSize(picture, preprocessing.unit, { ...preprocessing, ...limits })
      : { width: preprocessing.size, height: preprocessing.size };
  return fitPicture(picture, size, preprocessing.filter);
}

/** A prompt whose markers stand for images, as llama.cpp cuts it: texts and images in turn. */
export async function chunksOf(pair: Pair, text: string, images: readonly Pixels[]): Promise<Chunk[]> {
  const { tower, tokenizer } = pair;
  const { vocab } = tokenizer;
  const tokens = (part: string) => [...tokenizer.encode(part, { addSpecial: false, parseSpecial: true })];
  const chunks: Chunk[] = [];
  let ids = vocab.addBos ? [vocab.bos!] : [];
  for (const [i, piece] of text.split('<__media__>').entries()) {
    if (i > 0) {
      const image = images[i - 1];
      ids.push(...tokens(tower.begin));
      const rows = await rowsOf(pair, image);
      chunks.push(Int32Array.from(ids), { rows, ...tower.grid(image) });
      ids = tokens(tower.end);
    }
    ids.push(...tokens(piece));
  }
  if (vocab.addEos) ids.push(vocab.eos!);
  return [...chunks, Int32Array.from(ids)];
}

/** The rows of an image; each is encoded once. */
async function rowsOf({ backend, tower, encoded }: Pair, image: Pixels): Promise<Float32Array> {
  const key = createHash('sha256').update(`${image.width} `).update(image.rgb).digest('hex');
  let rows = encoded.get(key);
  if (rows === undefined) {
    [rows] = await tower.encode(backend.ops, [image]);
    encoded.set(key, rows);
  }
  return rows;
}

/** How the models of a pair go together. */
function rulesOf({ model, tower }: Pair, pools: PackRules['pools'] = 'text after images'): PackRules {
  return { images: model.images!, sees: tower.sees, pools };
}

/** The rows of each input: one, or one a pooled token for `none`. */
export async function runInputs(
  pair: Pair,
  inputs: readonly Input[],
  pooling: Pooling,
  pools?: PackRules['pools'],
): Promise<Float32Array[][]> {
  const { ops } = pair.backend;
  const batch = packInputs(inputs, [], rulesOf(pair, pools));
  ops.begin(batch);
  const pooled = pair.model.pool(ops, pair.model.forward(ops), pooling);
  const values = await ops.read(pooled);
  const row = (r: number) => values.slice(r * pooled.cols, (r + 1) * pooled.cols);
  return inputs.map((_, s) => {
    if (pooling !== 'none') return [row(s)];
    const [begin, end] = pooledRows(batch, s, 'none');
    return Array.from({ length: end - begin }, (_, i) => row(begin + i));
  });
}
