/**
 * @file What the model tests share: opening fixtures, running token ids, comparing vectors and traces.
 */
import { readFileSync } from 'node:fs';
import { type GgufFile, memorySource, openGguf } from '../../src/gguf/index.ts';
import { createReferenceBackend } from '../../src/kernels/reference/index.ts';
import { type LoadedModel, loadModel, type Pooling } from '../../src/models/index.ts';
import type { Backend } from '../../src/tensor/backend.ts';
import { pack } from '../kernels/graphs.ts';

const fixtures = new URL('../fixtures/', import.meta.url);

/** A JSON fixture by its path below `test/fixtures`. */
export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, fixtures), 'utf8'));
}

/** A GGUF by its path below `test/fixtures`. */
export function openFixture(path: string): Promise<GgufFile> {
  return openGguf(memorySource(new Uint8Array(readFileSync(new URL(path, fixtures))), path));
}

/** A model on some backend. */
export interface Loaded {
  readonly file: GgufFile;
  readonly backend: Backend;
  readonly model: LoadedModel;
}

/** Loads `models/<name>.gguf` of the fixtures, or the given file; on the reference backend unless another one is made. */
export async function load(
  name: string,
  file?: GgufFile,
  makeBackend: () => Promise<Backend> = createReferenceBackend,
): Promise<Loaded> {
  const opened = file ?? (await openFixture(`models/${name}.gguf`));
  const backend = await makeBackend();
  return { file: opened, backend, model: await loadModel(opened, backend) };
}

/** Rows of the pooled result: one a sequence, or one a token for `none`. */
export async function run(
  { backend, model }: Loaded,
  sequences: readonly (readonly number[])[],
  pooling: Pooling = model.hparams.pooling,
): Promise<Float32Array[]> {
  const { ops } = backend;
  const batch = pack(sequences);
  ops.begin(batch);
  const pooled = model.pool(ops, model.forward(ops), pooling);
  const values = await ops.read(pooled);
  return Array.from({ length: pooled.rows }, (_, r) => values.slice(r * pooled.cols, (r + 1) * pooled.cols));
}

/** Largest difference of two values at the same place. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} values`);
  return a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i])), 0);
}
