/**
 * @file Runs attention: for each sequence of which this rank has rows, tells the kernel where all its keys and values lie.
 *
 * Scratch: `[parameters | segments | slopes or buckets | bias by distance | the kernel's own]`.
 */
import type { AttentionOptions } from '../../tensor/ops.ts';
import { alibiSlopes, relativeBucket } from '../../tensor/positions.ts';
import type { WasmTensor } from './graph.ts';
import { stripBytes } from './kernels.ts';
import { alignUp } from './memory.ts';
import { pooledToken } from './run-pool.ts';
import type { Runtime } from './runtime.ts';
import type { WasmWeight } from './weights.ts';

const parameterBytes = 128;
const segmentWords = 5;
/** Queries of a panel. */
const queries = 16;
/** Keys that share scales of V and of the exponentials in int16. */
const keyBlock = 128;
/** Sequences from this many tokens on are attended in int16, except at `exact`: with fewer, quantising costs what it gains. */
const int16Keys = 128;
/** What the kernel needs whatever the lengths: `Work`, the sums of tiles, eight partial sums and six more values of 16 columns. */
const workBytes = 128 + stripBytes + (8 + 6) * queries * 4;
const unlimited = 0x3fffffff;

/** Length of the longest sequence. */
function longest(offsets: Int32Array): number {
  let n = 0;
  for (let s = 0; s + 1 < offsets.length; s++) n = Math.max(n, offsets[s + 1] - offsets[s]);
  return n;
}

function hasBias(options: AttentionOptions): boolean {
  return options.alibiMaxBias !== undefined || options.relativeBias !== undefined;
}

/** ALiBi's slopes or the buckets of 128 distances. */
function tableBytes({ nHead }: AttentionOptions): number {
  return alignUp(Math.max(128, nHead) * 4, 64);
}

/** Scratch for sequences of at most `nKeys` tokens and a team of `nRanks`. */
function biasBytes(options: AttentionOptions, nKeys: number): number {
  if (!hasBias(options)) return 0;
  const weight = options.relativeBias as WasmWeight | undefined;
  const values = weight === undefined ? 0 : weight.n * (weight.k * 4 + weight.rowBytes) + 128;
  return values + options.nHead * (2 * nKeys - 1) * 4 + 128;
}

/** Bytes that keys and values of one head take: `layOut` in `assembly/attention.ts`. */
function keyBytes(headSize: number, headSizeV: number, nKeys: number, int16: boolean): number {
  const keys = alignUp(nKeys, 16);
  const floats = (n: number) => n * headSize * 4 + headSizeV * (n * 4 + 64);
  if (!int16) return floats(keys);
  const blocks = Math.ceil(keys / keyBlock) * (alignUp(headSizeV, 4) * keyBlock * 2 + headSizeV * 4);
  return keys * (alignUp(headSize, 8) * 2 + 4) + blocks + floats(keyBlock);
}

/** Bytes of scratch of one rank. The longest sequence needs most, also where shorter ones stay in float32. */
export function attentionScratchBytes(
  options: AttentionOptions,
  headSize: number,
  headSizeV: number,
  offsets: Int32Array,
  nRanks: number,
  exact: boolean,
): number {
  const nKeys = longest(offsets);
  const strip = alignUp(nKeys, 16) * queries * 4;
  const blockLargest = Math.ceil(nKeys / keyBlock) * queries * 4;
  const panels = (headSize + 8 + 2 * headSizeV) * queries * 4;
  const own =
    workBytes + blockLargest + panels + strip + keyBytes(headSize, headSizeV, nKeys, !exact && nKeys >= int16Keys);
  return parameterBytes + nRanks * segmentWords * 4 + tableBytes(options) + biasBytes(options, nKeys) + own + 256;
}

/** Fills the table of what is added to a score by distance; returns its address, 0 without one. */
function fillBias(rt: Runtime, options: AttentionOptions, nKeys: number, tables: number, at: number): number {
  const { nHead, alibiMaxBias, scale } = options;
  const centre = nKeys - 1;
  if (alibiMaxBias !== undefined) {
    rt.memory.f32.set(alibiSlopes(nHead, alibiMaxBias), tables / 4);
    rt.kernels.fillAlibi(at, nHead, centre, tables);
    return at;
  }
  if (options.relativeBias === undefined) return 0;
  const weight = options.relativeBias as WasmWeight;
  // Of each distance below 128, without the half for the direction.
  for (let distance = 0; distance < 128; distance++)
    rt.memory.i32[tables / 4 + distance] = relativeBucket(-distance, weight.n);
  const values = at;
  rt.kernels.unpackRows(
    weight.form === 'vector' ? 0 : weight.type.id,
    rt.blocks(weight, 0, weight.n, alignUp(values + weight.n * nHead * 4, 64)),
    weight.form === 'vector' ? nHead * 4 : weight.rowBytes,
    weight.n,
    nHead,
    values,
    nHead * 4,
    weight.grid,
  );
  const table = alignUp(values + weight.n * (nHead * 4 + weight.rowBytes), 64);
  rt.kernels.fillRelative(table, nHead, centre, values, weight.n, tables, scale);
  return table;
}

/** Query tokens [begin, end) of sequence `s` that this rank has, the first of them in its row `row`. */
function ownQueries(rt: Runtime, s: number): { begin: number; end: number; row: number } | undefined {
  const { offsets } = rt.batch;
  const { tokens, tokensEnd, sequences, sequencesEnd } = rt.share;
  if (rt.narrowed !== undefined) {
    if (s < sequences || s >= sequencesEnd) return undefined;
    const begin = pooledToken(offsets, s, rt.narrowed.row);
    return { begin, end: begin + 1, row: s - sequences };
  }
  const begin = Math.max(offsets[s], tokens);
  const end = Math.min(offsets[s + 1], tokensEnd);
  return begin < end ? { begin, end, row: begin - tokens } : undefined;
}

/** `y` = attention of this rank's rows of `q` over `k` and `v` of their sequences. */
export function attend(
  rt: Runtime,
  q: WasmTensor,
  k: WasmTensor,
  v: WasmTensor,
  y: WasmTensor,
  options: AttentionOptions,
  exact: boolean,
): void {
  const { nHead, nHeadKv, window } = options;
  const { offsets } = rt.batch;
  const nRanks = rt.shares.length;
  const segments = rt.scratch + parameterBytes;
  const tables = alignUp(segments + nRanks * segmentWords * 4, 16);
  const nKeys = longest(offsets);
  const biases = tables + tableBytes(options);
  const bias = fillBias(rt, options, nKeys, tables, biases);
  const own = alignUp(biases + biasBytes(options, nKeys), 64);
  const half = window?.kind === 'symmetric' ? Math.floor(window.size / 2) : unlimited;
  const back = window?.kind === 'standard' ? window.size - 1 : half;
  const forward = options.causal ? 0 : half;
  const i32 = rt.memory.i32;
  const f32 = rt.memory.f32;
  rt.quantized = undefined;
  for (let s = 0; s + 1 < offsets.length; s++) {
    const queries = ownQueries(rt, s);
    if (queries === undefined) continue;
    const { begin, end, row } = queries;
    let n = 0;
    const values = rt.segments(v, offsets[s], offsets[s + 1]);
    for (const { address, ld, rows } of rt.segments(k, offsets[s], offsets[s + 1])) {
      const { address: value, ld: ldv } = values.next().value!;
      i32.set([address, ld, value, ldv, rows], segments / 4 + segmentWords * n++);
    }
    const length = offsets[s + 1] - offsets[s];
    const at = rt.scratch / 4;
    i32.set([rt.address(q) + row * rt.stride(q), rt.stride(q), end - begin, begin - offsets[s]], at);
    i32.set([segments, n, length, nHead, nHeadKv, q.cols / nHead, v.cols / nHeadKv], at + 4);
    f32[at + 11] = options.scale;
    i32.set([back, forward], at + 12);
    f32[at + 14] = options.softcap ?? 0;
    i32.set([bias, nKeys - 1, rt.address(y) + row * rt.stride(y), rt.stride(y), own, rt.wide], at + 15);
    i32[at + 21] = !exact && length >= int16Keys ? 1 : 0;
    rt.kernels.attendSequence(rt.scratch);
  }
}
