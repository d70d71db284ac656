/**
 * @file Small graphs over made-up weights, for tests of any backend.
 */
import { type GgmlTypeName, ggmlTypes } from '../../src/gguf/ggml-types.ts';
import type { Backend, WeightRole, WeightSource } from '../../src/tensor/backend.ts';
import type { Batch } from '../../src/tensor/batch.ts';
import { codecs } from '../../src/tensor/codecs/index.ts';
import type { Ops, Tensor, Weight } from '../../src/tensor/ops.ts';
import { random } from '../random.ts';

/** A tensor of a file whose data is `bytes`. */
export function bytesSource(name: string, type: GgmlTypeName, shape: number[], bytes: Uint8Array): WeightSource {
  return {
    name,
    type: ggmlTypes[type],
    shape,
    byteLength: bytes.length,
    async read(offset, into) {
      into.set(bytes.subarray(offset, offset + into.length));
    },
  };
}

/** A tensor of a file that holds `values` in `type`, which must have a quantiser. */
export function source(name: string, shape: number[], values: Float32Array, type: GgmlTypeName = 'F32'): WeightSource {
  const { blockSize, blockBytes } = ggmlTypes[type];
  const bytes = new Uint8Array((values.length / blockSize) * blockBytes);
  codecs[type].quantize!(values, bytes, values.length);
  return bytesSource(name, type, shape, bytes);
}

/** Packs sequences of token ids into one batch. */
export function pack(sequences: readonly (readonly number[])[]): Batch {
  const offsets = [0];
  for (const ids of sequences) offsets.push((offsets.at(-1) ?? 0) + ids.length);
  return {
    ids: Int32Array.from(sequences.flat()),
    positions: Int32Array.from(sequences.flatMap((ids) => ids.map((_, i) => i))),
    offsets: Int32Array.from(offsets),
  };
}

/** A batch of sequences of these lengths with random ids below `nVocab`. */
export function batchOf(lengths: readonly number[], nVocab = 50, seed = 7): Batch {
  const next = random(seed);
  return pack(lengths.map((length) => Array.from({ length }, () => Math.floor(next() * nVocab))));
}

/** `batch` with token types: 1 in the second half of each sequence. */
export function withTypes(batch: Batch): Batch {
  const { ids, offsets } = batch;
  const types = new Int32Array(ids.length);
  for (let s = 0; s + 1 < offsets.length; s++) types.fill(1, (offsets[s] + offsets[s + 1]) >> 1, offsets[s + 1]);
  return { ...batch, types };
}

/** A batch whose ids count from 0, so that the row of a table for token `t` is row `t`. */
export function countingBatch(lengths: readonly number[]): Batch {
  let id = 0;
  return pack(lengths.map((length) => Array.from({ length }, () => id++)));
}

/** Weights by name, with what they are for. */
export type Sources = Record<string, readonly [WeightSource, WeightRole]>;
/** A graph over weights. */
export type Graph = (ops: Ops, weights: Record<string, Weight>) => Tensor;

/** Loads `sources` into `backend`. */
export async function load(backend: Backend, sources: Sources): Promise<Record<string, Weight>> {
  const weights: Record<string, Weight> = {};
  for (const [name, [from, role]] of Object.entries(sources)) weights[name] = backend.allocate(from, role);
  for (const [name, [from]] of Object.entries(sources)) await backend.fill(weights[name], from);
  return weights;
}

/** A graph's result on one backend. */
export async function evaluate(backend: Backend, sources: Sources, batch: Batch, graph: Graph): Promise<Float32Array> {
  const weights = await load(backend, sources);
  backend.ops.begin(batch);
  return backend.ops.read(graph(backend.ops, weights));
}
