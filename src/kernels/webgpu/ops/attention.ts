/**
 * @file Attention: work lists, masks as distances, and the tables of ALiBi and T5.
 */

import type { Batch } from '../../../tensor/batch.ts';
import { seenEnd, spansOf } from '../../../tensor/batch-rows.ts';
import type { AttentionOptions, Disentangled, Weight } from '../../../tensor/ops.ts';
import { alibiSlopes, disentangledRow, relativeBucket } from '../../../tensor/positions.ts';
import type { AttentionStep, PooledRow } from '../../graph/step.ts';
import type { Context } from '../context.ts';
import { GpuError } from '../errors.ts';
import { type Forward, pooledTokens } from '../forward.ts';
import { grid, type Kernel } from '../kernel.ts';
import { attentionTile, attention as kernelFor } from '../shaders/attention.wgsl.ts';
import { matrixAttention, matrixAttentionQueries } from '../shaders/attention-matrix.wgsl.ts';
import { halfForm } from '../strategies.ts';
import { type Dispatch, labelOf } from '../tensor.ts';
import type { Tuner } from '../tuner.ts';
import { noVector } from '../vectors.ts';

/** A distance larger than that of any key. */
const everywhere = 0x3fffffff;

/** Softmax attention inside each sequence. */
export function attention(fw: Forward, tuner: Tuner, step: AttentionStep): void {
  const { ctx } = fw;
  const { options, row } = step;
  const [q, k, v] = step.inputs.map((x) => fw.of(x));
  const { nHead, nHeadKv, scale, softcap = 0 } = options;
  const headSize = q.cols / nHead;
  const headSizeV = v.cols / nHeadKv;
  const limit = ctx.device.limits.maxComputeWorkgroupStorageSize;
  const tile = attentionTile(headSize, headSizeV, limit, ctx.software ? 8 : 32);
  if (tile === undefined) {
    throw new GpuError(
      `attention: heads of ${headSize} values do not fit into the ${limit} bytes of shared memory of this adapter's workgroups`,
    );
  }
  const { batch } = fw.run;
  const offsets = spansOf(batch, options);
  const aligned = [q, k, v].every(({ start, stride }) => start % 4 === 0 && stride % 4 === 0);
  const wide = aligned && headSize % 4 === 0 && headSizeV % 4 === 0;
  const values = {
    rows: q.rows,
    nHead,
    nGroup: nHead / nHeadKv,
    ...reach(fw, options),
    scale,
    softcap,
    slopesAt: slopes(ctx, nHead, options.alibiMaxBias),
    biasAt: relativeBias(ctx, nHead, options.relativeBias),
    ...(options.disentangled && distances(fw, options.disentangled, offsets)),
  };
  /** The launch of a kernel whose tiles have `bq` queries. */
  const launchOf = (kernel: Kernel, bq: number): Dispatch => {
    // With one row of each sequence, a tile has one query. Its size stays, because the order of sums depends on it.
    const nQueries = row === undefined ? bq : 1;
    const nTiles = row === undefined ? countTiles(offsets, bq) : q.rows;
    const tilesAt = fw.run.list(`attention ${bq} ${row ?? 'all'} ${options.within}`, () =>
      row === undefined ? queryTiles(batch, offsets, bq) : pooledTiles(batch, row),
    );
    return { kernel, values: { ...values, tilesAt, nTiles, nQueries }, grid: grid(nTiles * nHead) };
  };
  const { bq, bk } = tile;
  const hasDistances = options.disentangled !== undefined;
  const y = fw.of(step.out);
  const { halves, matrix } = tuner.style;
  const stored = y.isHalf ? halfForm(tuner.style) : 'f32';
  const from = Object.entries({ q, k, v }).reduce((names, [name, { isHalf }]) => names + (isHalf ? name : ''), '');
  const plain = launchOf(
    kernelFor(bq, bk, headSize, headSizeV, wide, ctx.software, hasDistances, halves, from, stored),
    bq,
  );
  const common = { label: labelOf('attention', step), reads: { q, k, v }, writes: y };
  if (hasDistances || !tuner.mayUseMatrices(headSize, headSizeV)) {
    fw.add({ ...common, dispatches: () => [plain] });
    return;
  }
  const { m, n, k: depth, subgroup } = matrix!;
  const onMatrices = launchOf(
    matrixAttention(headSize, headSizeV, wide, m, n, depth, subgroup, from, stored),
    matrixAttentionQueries,
  );
  fw.add({
    ...common,
    prepare: () => tuner.prepareAttention(headSize, headSizeV),
    dispatches: () => [tuner.usesMatrices(headSize, headSizeV) ? onMatrices : plain],
  });
}

/** (first row, its index in its sequence, begin and end of the sequence, end of its keys) for every `bq` queries. */
function queryTiles(batch: Batch, offsets: Int32Array, bq: number): number[] {
  const tiles: number[] = [];
  for (let s = 0; s + 1 < offsets.length; s++) {
    const [begin, end] = [offsets[s], offsets[s + 1]];
    for (let row = begin; row < end; row += bq) tiles.push(row, row - begin, begin, end, seenEnd(batch, offsets, s));
  }
  return tiles;
}

/** The same for one query of each sequence: query `s` is in row `s`. */
function pooledTiles(batch: Batch, row: PooledRow): number[] {
  const { offsets } = batch;
  return pooledTokens(batch, row).flatMap((token, s) => {
    return [s, token - offsets[s], offsets[s], offsets[s + 1], seenEnd(batch, offsets, s)];
  });
}

/** The number of tiles of `bq` queries. */
function countTiles(offsets: Int32Array, bq: number): number {
  let n = 0;
  for (let s = 0; s + 1 < offsets.length; s++) n += Math.ceil((offsets[s + 1] - offsets[s]) / bq);
  return n;
}

/** How far queries see behind and ahead, and the offset in `batch` of each query's limit. */
function reach(
  fw: Forward,
  { causal = false, window }: AttentionOptions,
): Record<'maxBehind' | 'maxAhead' | 'aheadAt', number> {
  const { ahead } = fw.run.batch;
  let maxBehind = everywhere;
  let maxAhead = everywhere;
  if (window?.kind === 'standard') maxBehind = window.size - 1;
  if (window?.kind === 'symmetric') maxBehind = maxAhead = Math.floor(window.size / 2);
  if (!causal) return { maxBehind, maxAhead, aheadAt: noVector };
  if (ahead === undefined) return { maxBehind, maxAhead: 0, aheadAt: noVector };
  return {
    maxBehind,
    maxAhead: ahead.reduce((a, b) => Math.max(a, b)),
    aheadAt: fw.run.list('ahead', () => [...ahead]),
  };
}

/** Offset of ALiBi's slopes. */
function slopes(ctx: Context, nHead: number, maxBias: number | undefined): number {
  if (maxBias === undefined) return noVector;
  return ctx.vectors.derive(`alibi ${nHead} ${maxBias}`, () => alibiSlopes(nHead, maxBias));
}

/** The rows of all distances in the batch, and the offsets of the tables that they are in. */
function distances(fw: Forward, disentangled: Disentangled, offsets: Int32Array): Record<string, number> {
  const { keys, queries, nRows, maxDistance } = disentangled;
  let span = 0;
  for (let s = 0; s + 1 < offsets.length; s++) span = Math.max(span, offsets[s + 1] - offsets[s]);
  return {
    distancesAt: fw.run.list(`distances ${nRows} ${maxDistance}`, () =>
      Array.from({ length: 2 * span + 1 }, (_, i) => disentangledRow(i - span, disentangled)),
    ),
    span,
    keyRowsAt: fw.ctx.vector(keys),
    queryRowsAt: fw.ctx.vector(queries),
  };
}

/** T5's bias of each head for the distances −128…128; larger distances are in the same bucket. */
function relativeBias(ctx: Context, nHead: number, weight: Weight | undefined): number {
  if (weight === undefined) return noVector;
  const nBuckets = weight.shape[1] ?? 1;
  const at = ctx.vector(weight);
  return ctx.vectors.derive(`relative ${at}`, () => {
    const bias = ctx.vectors.get(at, nHead * nBuckets);
    return Float32Array.from({ length: nHead * 257 }, (_, i) => {
      const [head, ahead] = [Math.floor(i / 257), (i % 257) - 128];
      return bias[relativeBucket(ahead, nBuckets) * nHead + head];
    });
  });
}
