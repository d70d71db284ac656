/**
 * @file The files that the fuzzer starts from: real fixtures, cut down to a small vocabulary and one layer so that
 * thousands of them load in a second, with one of every tokenizer and most architectures.
 */
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { convertFolder } from '../../src/convert/file.node.ts';
import type { GgufArray, StringArray } from '../../src/gguf/index.ts';
import { unpackCheckout } from '../convert/support.ts';
import { type Pair, type Plan, type PlannedTensor, takeApart } from './plan.ts';

/** Fixtures below `test/fixtures/models`. */
export const seedNames = [
  'bert-mean',
  'bert-rank-xlmr',
  'jina-bert-v2-code',
  'modern-bert',
  'gemma-embedding',
  'bge-reranker-v2-gemma',
  'llama-nemotron-rerank-1b-v2',
  'jina-reranker-v3',
  'nomic-bert-moe',
  't5encoder',
  'eurobert',
  'qwen3-rank',
  'neo-bert',
  'mpnet-mean',
  'gte-mean',
  'lfm2-cls',
  'deberta-mean',
  'static-wordpiece',
  'quant/bert-q-Q4_K',
  '../multimodal/models/qwen3vl',
  '../multimodal/models/mmproj-qwen3vl',
  '../multimodal/models/mmproj-qwen25vl',
  '../idefics3/mmproj',
  'checkout:colbert-bert',
  'checkout:bge-m3',
  'checkout:bert-modules',
  'checkout:bert-router',
  'checkout:bert-layers',
  'checkout:splade-bert',
  'checkout:deberta-conv',
] as const;

/** The bytes of a fixture: a file, or what a checkout is converted to. */
async function bytesOf(name: string): Promise<Uint8Array> {
  const checkout = /^checkout:(.+)$/.exec(name)?.[1];
  if (checkout === undefined) return readFile(new URL(`../fixtures/models/${name}.gguf`, import.meta.url));
  const folder = unpackCheckout(checkout);
  const output = join(dirname(folder), 'model.gguf');
  await convertFolder(folder, output, 'F16');
  const bytes = await readFile(output);
  await rm(dirname(folder), { recursive: true });
  return bytes;
}

/** Tokens kept: enough for the special ones of every fixture. */
const N_TOKENS = 128;
/** SentencePiece vocabularies begin with all bytes, and a reranker compares a token. */
const moreTokens: Readonly<Record<string, number>> = {
  'gemma-embedding': 300,
  'bge-reranker-v2-gemma': 640,
  'jina-reranker-v3': 600,
};
/** Layers kept. */
const N_LAYERS = 1;
/** Where one is not enough: experts or attention are not in each layer, and as many layers take a part of an image's row. */
const moreLayers: Readonly<Record<string, number>> = {
  'checkout:bert-layers': 3,
  'nomic-bert-moe': 2,
  'lfm2-cls': 3,
  '../multimodal/models/qwen3vl': 2,
};
/** Positions kept where there is a table of them. */
const N_CONTEXT = 16;
const N_MERGES = 64;

/** What is kept of a fixture. */
interface Cut {
  readonly nLayers: number;
  readonly nTokens: number;
}

/** Reads a fixture and cuts it down. */
export async function readSeed(name: string): Promise<Plan> {
  const bytes = await bytesOf(name);
  const { pairs, tensors, alignment } = await takeApart(new Uint8Array(bytes));
  const cut = {
    nLayers: moreLayers[name] ?? N_LAYERS,
    nTokens: moreTokens[name] ?? N_TOKENS,
  };
  return {
    alignment,
    pairs: pairs.filter((pair) => !isLargeCharsmap(pair)).map((pair) => cutPair(pair, cut)),
    tensors: tensors.filter((tensor) => layerOf(tensor) < cut.nLayers).map((tensor) => cutTensor(tensor, cut)),
  };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** The charsmap of 237 KB would be most of the file; mutated ones are made from scratch. */
function isLargeCharsmap({ key }: Pair): boolean {
  return text(key) === 'tokenizer.ggml.precompiled_charsmap';
}

function layerOf({ name }: PlannedTensor): number {
  return Number(/blk\.(\d+)\./.exec(text(name))?.[1] ?? 0);
}

/** Largest values of the keys that a cut changes. */
const limits = ({ nLayers, nTokens }: Cut) =>
  [
    ['.block_count', nLayers],
    ['.context_length', N_CONTEXT],
    ['.query_length', N_CONTEXT],
    ['.document_length', N_CONTEXT],
    ['.vocab_size', nTokens],
    ['_token_id', nTokens - 1],
  ] as const;

function cutPair(pair: Pair, cut: Cut): Pair {
  const key = text(pair.key);
  const { value } = pair;
  if (value.type === 'uint32') {
    const limit = limits(cut).find(([suffix]) => key.endsWith(suffix))?.[1] ?? Number.POSITIVE_INFINITY;
    return { ...pair, value: { type: 'uint32', value: Math.min(limit, Number(value.value)) } };
  }
  if (value.type !== 'array') return pair;
  if (key === 'gguf_embed.multi.skipped_tokens') {
    const ids = Int32Array.from(value.value.values as Int32Array).filter((id) => id < cut.nTokens);
    return { ...pair, value: { type: 'array', value: { elementType: 'int32', values: ids } } };
  }
  const n =
    key === 'tokenizer.ggml.merges' ? N_MERGES : key.startsWith('tokenizer.') ? cut.nTokens : Number.POSITIVE_INFINITY;
  return { ...pair, value: { type: 'array', value: firstItems(value.value, n) } };
}

/** The first `n` items of an array. */
export function firstItems(array: GgufArray, n: number): GgufArray {
  if (array.values.length <= n) return array;
  if (array.elementType === 'string') return { elementType: 'string', values: stringsOf(array.values, n) };
  return { ...array, values: array.values.slice(0, n) } as GgufArray;
}

/** The first `n` strings as an array of their own. */
function stringsOf(strings: StringArray, n: number): StringArray {
  return stringArray(Array.from({ length: n }, (_, i) => strings.bytes(i)));
}

/** A `StringArray` over given bytes. */
export function stringArray(list: readonly Uint8Array[]): StringArray {
  const at = (i: number) => text(list[i]);
  return { length: list.length, at, bytes: (i) => list[i], [Symbol.iterator]: () => list.map(text)[Symbol.iterator]() };
}

/** Cuts the rows of the vocabulary and of the positions. */
function cutTensor(tensor: PlannedTensor, { nTokens }: Cut): PlannedTensor {
  const { name, shape, data } = tensor;
  if (text(name) === 'mlm_decoder.bias') {
    const size = (data.length / Number(shape[0])) * nTokens;
    return { ...tensor, shape: [BigInt(nTokens)], data: data.slice(0, size) };
  }
  const nRows = { 'token_embd.weight': nTokens, 'output.weight': nTokens, 'position_embd.weight': N_CONTEXT }[
    text(name)
  ];
  if (nRows === undefined || shape[1] <= nRows) return tensor;
  const row = data.length / Number(shape[1]);
  return { ...tensor, shape: [shape[0], BigInt(nRows)], data: data.slice(0, row * nRows) };
}
