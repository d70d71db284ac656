/**
 * @file Runs attention: for each sequence of which this rank has rows, passes the addresses of all its keys and values to the kernel.
 *
 * Scratch: `[segments | how far queries see ahead | slopes, buckets or rows of distances | bias by distance | the kernel's own]`.
 */
import { pooledRows, seenEnd, spansOf } from '../../tensor/batch-rows.ts';
import type { AttentionOptions, Disentangled } from '../../tensor/ops.ts';
import { alibiSlopes, disentangledRow, relativeBucket } from '../../tensor/positions.ts';
import type { PooledRow, StepOf } from '../graph/step.ts';
import { evenPart } from './even-part.ts';
import { type Address, type Kernels, relativeBytes, segmentBytes } from './kernels.ts';
import { alignUp } from './memory.ts';
import type { Runtime } from './runtime.ts';
import { blockKeys, placeSharedKeys, usesInt16 } from './shared-keys.ts';
import type { WasmWeight } from './weights.ts';

const unlimited = 0x3fffffff;

/** Multiply-adds between two pauses: some 5 ms, and the whole of a text of 512 tokens in a small model. */
const pauseMacs = 3e8;
/** With fewer queries between two pauses, quantising the keys again would take too long. */
const fewestQueries = 64;

/** Length of the longest sequence. */
function longest(offsets: Int32Array): number {
  let n = 0;
  for (let s = 0; s + 1 < offsets.length; s++) n = Math.max(n, offsets[s + 1] - offsets[s]);
  return n;
}

function largest(values: Int32Array | undefined): number {
  return values === undefined ? 0 : values.reduce((most, value) => Math.max(most, value), 0);
}

function hasBias(options: AttentionOptions): boolean {
  return options.alibiMaxBias !== undefined || options.relativeBias !== undefined;
}

/** Room for how far each query of a sequence of at most `nKeys` tokens sees ahead. */
function aheadBytes(nKeys: number): number {
  return alignUp(nKeys * 4, 16);
}

/** ALiBi's slopes, the buckets of 128 distances, or the rows of all distances and where they are. */
function tableBytes({ nHead, disentangled }: AttentionOptions, nKeys: number): number {
  const rows = disentangled === undefined ? 0 : relativeBytes + 2 * nKeys * 4;
  return alignUp(Math.max(128 * 4, nHead * 4, rows), 64);
}

/** Rows of distances that sequences of `nKeys` tokens use: `[first, first + n)`. */
function distanceRows(disentangled: Disentangled, nKeys: number): { first: number; n: number } {
  const first = disentangledRow(1 - nKeys, disentangled);
  return { first, n: disentangledRow(nKeys - 1, disentangled) - first + 1 };
}

/** Scratch for sequences of at most `nKeys` tokens and a team of `nRanks`. */
function biasBytes(options: AttentionOptions, nKeys: number): number {
  if (!hasBias(options)) return 0;
  const weight = options.relativeBias as WasmWeight | undefined;
  const values = weight === undefined ? 0 : weight.n * (weight.k * 4 + weight.rowBytes) + 128;
  return values + options.nHead * (2 * nKeys - 1) * 4 + 128;
}

/** Bytes of scratch of one rank. The longest sequence determines it, even if shorter ones stay in float32. */
export function attentionScratchBytes(
  kernels: Kernels,
  options: AttentionOptions,
  headSize: number,
  headSizeV: number,
  offsets: Int32Array,
  nRanks: number,
  exact: boolean,
): number {
  const nKeys = longest(offsets);
  const { disentangled } = options;
  const nRows = disentangled === undefined ? 0 : distanceRows(disentangled, nKeys).n;
  const own = kernels.attentionBytes({ nKeys, headSize, headSizeV, int16: usesInt16(nKeys, exact), nRows });
  return nRanks * segmentBytes + aheadBytes(nKeys) + tableBytes(options, nKeys) + biasBytes(options, nKeys) + own + 128;
}

/** Fills the table of terms that are added to scores by distance; returns its address, or 0 if there is none. */
function fillBias(rt: Runtime, options: AttentionOptions, nKeys: number, tables: number, at: number): number {
  const { nHead, alibiMaxBias, scale } = options;
  const centre = nKeys - 1;
  if (alibiMaxBias !== undefined) {
    rt.memory.f32.set(alibiSlopes(nHead, alibiMaxBias), tables / 4);
    rt.kernels.fillAlibi({ table: at, nHead, centre, slopes: tables });
    return at;
  }
  if (options.relativeBias === undefined) return 0;
  const weight = options.relativeBias as WasmWeight;
  // Of each distance below 128, without the half for the direction.
  for (let distance = 0; distance < 128; distance++)
    rt.memory.i32[tables / 4 + distance] = relativeBucket(-distance, weight.n);
  const values = at;
  rt.kernels.unpackRows({
    ...weight.storage.row(weight),
    from: rt.blocks(weight, 0, weight.n, alignUp(values + weight.n * nHead * 4, 64)),
    rows: weight.n,
    k: nHead,
    x: values,
    ldx: nHead * 4,
    tables: weight.grid,
  });
  const table = alignUp(values + weight.n * (nHead * 4 + weight.rowBytes), 64);
  rt.kernels.fillRelative({ table, nHead, centre, values, nBuckets: weight.n, buckets: tables, scale });
  return table;
}

/** Says where the rows of the distances in a sequence of `length` tokens are, at `at`; returns 0 if attention has none. */
function setDistances(rt: Runtime, disentangled: Disentangled | undefined, length: number, at: Address): Address {
  if (disentangled === undefined) return 0;
  const { first, n } = distanceRows(disentangled, length);
  const rows = at + alignUp(relativeBytes, 4);
  for (let i = 0; i < 2 * length - 1; i++) {
    rt.memory.i32[rows / 4 + i] = (disentangledRow(i - length + 1, disentangled) - first) * 64;
  }
  const address = (weight: WasmWeight | undefined) => (weight === undefined ? 0 : rt.blocks(weight, first, n, 0));
  const keys = disentangled.keys as WasmWeight | undefined;
  const queries = disentangled.queries as WasmWeight | undefined;
  const ldRow = ((keys ?? queries)?.k ?? 0) * 4;
  rt.kernels.setRelative({ relative: at, keys: address(keys), queries: address(queries), ldRow, nRows: n, rows });
  return at;
}

/**
 * Query tokens [begin, end) of sequence (or span) `s` that belong to this rank; the first of them is the rank's row `row`.
 * @param pooled the only row of each sequence that is computed
 */
function ownQueries(
  rt: Runtime,
  offsets: Int32Array,
  s: number,
  pooled?: PooledRow,
): { begin: number; end: number; row: number } | undefined {
  const { tokens, tokensEnd, sequences, sequencesEnd } = rt.share;
  if (pooled !== undefined) {
    if (s < sequences || s >= sequencesEnd) return undefined;
    const [begin, end] = pooledRows(rt.batch, s, pooled);
    return { begin, end, row: s - sequences };
  }
  const begin = Math.max(offsets[s], tokens);
  const end = Math.min(offsets[s + 1], tokensEnd);
  return begin < end ? { begin, end, row: begin - tokens } : undefined;
}

/** Says where keys and values of sequence (or span) `s` are; returns the number of segments and of keys. */
function setSegments(rt: Runtime, step: StepOf<'attention'>, offsets: Int32Array, s: number) {
  const [, k, v] = step.inputs;
  const end = seenEnd(rt.batch, offsets, s);
  const values = rt.segments(v, offsets[s], end);
  let nSegments = 0;
  for (const { address, ld, rows } of rt.segments(k, offsets[s], end)) {
    const { address: value, ld: ldv } = values.next().value!;
    rt.kernels.setSegment({ segments: rt.scratch, i: nSegments++, k: address, ldk: ld, v: value, ldv, rows });
  }
  return { segments: rt.scratch, nSegments, nKeys: end - offsets[s] };
}

/** Quantises this rank's part of the keys that ranks share, and waits until all of them are there. */
function shareKeys(
  rt: Runtime,
  step: StepOf<'attention'>,
  offsets: Int32Array,
  scratch: Address,
): ReadonlyMap<number, Address> {
  const [q, , v] = step.inputs;
  const { nHead, nHeadKv } = step.options;
  const { kernels, shares, exact } = rt;
  const { places } = placeSharedKeys(step, { kernels, offsets, shares, exact }, rt.sharedKeys);
  for (const [s, quantized] of places) {
    const keys = setSegments(rt, step, offsets, s);
    const [begin, end] = evenPart(nHeadKv * Math.ceil(keys.nKeys / blockKeys), rt.rank, shares.length);
    const [headSize, headSizeV] = [q.cols / nHead, v.cols / nHeadKv];
    kernels.quantizeSequence({ ...keys, scratch, nHeadKv, headSize, headSizeV, quantized, begin, end });
  }
  if (places.size > 0) rt.division.barrier();
  return places;
}

/** How many queries over `nKeys` keys are computed without a pause. */
function queriesAtOnce({ inputs: [q, , v], options }: StepOf<'attention'>, nKeys: number): number {
  const macs = nKeys * (q.cols + (v.cols / options.nHeadKv) * options.nHead);
  return Math.max(fewestQueries, Math.floor(pauseMacs / macs / fewestQueries) * fewestQueries);
}

/**
 * `y` = attention of this rank's rows of `q` over `k` and `v` of their sequences. A query does not depend on the others, so pauses do not change
 * the bits.
 * @param pauses whether it stops where others may have the thread
 */
export function* attend(rt: Runtime, step: StepOf<'attention'>, pauses: boolean): Generator<void, void> {
  const { inputs, out: y, options } = step;
  const [q, , v] = inputs;
  const { nHead, nHeadKv, window } = options;
  const { ahead } = rt.batch;
  const offsets = spansOf(rt.batch, options);
  const longestKeys = longest(offsets);
  const seen = alignUp(rt.scratch + rt.shares.length * segmentBytes, 16);
  const tables = seen + aheadBytes(longestKeys);
  const biases = tables + tableBytes(options, longestKeys);
  const bias = fillBias(rt, options, longestKeys, tables, biases);
  const scratch = alignUp(biases + biasBytes(options, longestKeys), 64);
  const half = window?.kind === 'symmetric' ? Math.floor(window.size / 2) : unlimited;
  const back = window?.kind === 'standard' ? window.size - 1 : half;
  rt.quantized = undefined;
  const shared = shareKeys(rt, step, offsets, scratch);
  for (let s = 0; s + 1 < offsets.length; s++) {
    const queries = ownQueries(rt, offsets, s, step.row);
    if (queries === undefined) continue;
    const { begin, end, row } = queries;
    const { segments, nSegments, nKeys } = setSegments(rt, step, offsets, s);
    const length = offsets[s + 1] - offsets[s];
    // Taken from the whole sequence, so that a query is computed in the same way on any rank.
    const reach = options.causal ? largest(ahead?.subarray(offsets[s], offsets[s + 1])) : 0;
    if (reach > 0) rt.memory.i32.set(ahead!.subarray(begin, end), seen / 4);
    const relative = setDistances(rt, options.disentangled, length, tables);
    const atOnce = pauses ? queriesAtOnce(step, nKeys) : end - begin;
    for (let from = begin; from < end; from += atOnce) {
      const at = row + from - begin;
      rt.kernels.attendSequence({
        scratch,
        q: rt.address(q) + at * rt.stride(q),
        ldq: rt.stride(q),
        nQuery: Math.min(atOnce, end - from),
        firstQuery: from - offsets[s],
        segments,
        nSegments,
        nKeys,
        nHead,
        nHeadKv,
        headSize: q.cols / nHead,
        headSizeV: v.cols / nHeadKv,
        scale: options.scale,
        back,
        forward: options.causal ? reach : half,
        ahead: reach > 0 ? seen + (from - begin) * 4 : 0,
        softcap: options.softcap ?? 0,
        bias,
        centre: longestKeys - 1,
        y: rt.address(y) + at * rt.stride(y),
        ldy: rt.stride(y),
        wide: rt.wide,
        int16: usesInt16(length, rt.exact),
        relative,
        quantized: shared.get(s) ?? 0,
      });
      if (from + atOnce < end) yield;
    }
  }
}
