/**
 * @file Attention: work lists, masks as distances, and the tables of ALiBi and T5.
 */
import type { AttentionOptions, StepNames, Tensor, Weight } from '../../../tensor/ops.ts';
import { alibiSlopes, relativeBucket } from '../../../tensor/positions.ts';
import type { Context } from '../context.ts';
import { GpuError } from '../errors.ts';
import { grid } from '../kernel.ts';
import { attentionTile, attention as kernelFor } from '../shaders/attention.wgsl.ts';
import type { GpuTensor } from '../tensor.ts';
import { noVector } from '../vectors.ts';

/** A distance that no key exceeds. */
const everywhere = 0x3fffffff;

/** Softmax attention inside each sequence; see `Ops.attention`. */
export function attention(
  ctx: Context,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: AttentionOptions & StepNames<'scores' | 'probabilities'>,
): GpuTensor {
  const [q, k, v] = [ctx.own(query), ctx.own(key), ctx.own(value)];
  const { nHead, nHeadKv, scale, softcap = 0 } = options;
  const headSize = q.cols / nHead;
  const headSizeV = v.cols / nHeadKv;
  if (k.cols !== headSize * nHeadKv || !Number.isInteger(headSizeV) || nHead % nHeadKv !== 0) {
    throw new GpuError(`attention: q ${q.cols}, k ${k.cols} and v ${v.cols} wide with ${nHead} and ${nHeadKv} heads`);
  }
  const limit = ctx.device.limits.maxComputeWorkgroupStorageSize;
  const tile = attentionTile(headSize, headSizeV, limit, ctx.software ? 8 : 32);
  if (tile === undefined) {
    throw new GpuError(
      `attention: heads of ${headSize} values do not fit the ${limit} bytes that this adapter's workgroups share`,
    );
  }
  const tilesAt = ctx.run.list(`attention ${tile.bq}`, () => queryTiles(ctx.run.batch.offsets, tile.bq));
  const nTiles = countTiles(ctx.run.batch.offsets, tile.bq);
  const y = ctx.run.tensor(q.rows, nHead * headSizeV);
  const wide = [q, k, v].every(({ start, stride }) => start % 4 === 0 && stride % 4 === 0);
  const kernel = kernelFor(
    tile.bq,
    tile.bk,
    headSize,
    headSizeV,
    wide && headSize % 4 === 0 && headSizeV % 4 === 0,
    ctx.software,
  );
  const values = {
    tilesAt,
    nTiles,
    rows: q.rows,
    nHead,
    nGroup: nHead / nHeadKv,
    ...reach(options),
    scale,
    softcap,
    slopesAt: slopes(ctx, nHead, options.alibiMaxBias),
    biasAt: relativeBias(ctx, nHead, options.relativeBias),
  };
  return ctx.record({
    op: 'attention',
    options,
    reads: { q, k, v },
    writes: y,
    dispatches: () => [{ kernel, values, grid: grid(nTiles * nHead) }],
  });
}

/** (first row, begin and end of its sequence) for every `bq` queries. */
function queryTiles(offsets: Int32Array, bq: number): number[] {
  const tiles: number[] = [];
  for (let s = 0; s + 1 < offsets.length; s++) {
    for (let row = offsets[s]; row < offsets[s + 1]; row += bq) tiles.push(row, offsets[s], offsets[s + 1]);
  }
  return tiles;
}

/** How many of those there are. */
function countTiles(offsets: Int32Array, bq: number): number {
  let n = 0;
  for (let s = 0; s + 1 < offsets.length; s++) n += Math.ceil((offsets[s + 1] - offsets[s]) / bq);
  return n;
}

/** How far a query sees behind and ahead. */
function reach({ causal = false, window }: AttentionOptions): { maxBehind: number; maxAhead: number } {
  let maxBehind = everywhere;
  let maxAhead = everywhere;
  if (window?.kind === 'standard') maxBehind = window.size - 1;
  if (window?.kind === 'symmetric') maxBehind = maxAhead = Math.floor(window.size / 2);
  return { maxBehind, maxAhead: causal ? 0 : maxAhead };
}

/** Where ALiBi's slopes are. */
function slopes(ctx: Context, nHead: number, maxBias: number | undefined): number {
  if (maxBias === undefined) return noVector;
  return ctx.vectors.derive(`alibi ${nHead} ${maxBias}`, () => alibiSlopes(nHead, maxBias));
}

/** T5's bias of each head for the distances −128…128; beyond, the bucket stays the same. */
function relativeBias(ctx: Context, nHead: number, weight: Weight | undefined): number {
  if (weight === undefined) return noVector;
  const nBuckets = weight.shape[1] ?? 1;
  const at = ctx.vector(weight, nHead, nBuckets);
  return ctx.vectors.derive(`relative ${at}`, () => {
    const bias = ctx.vectors.get(at, nHead * nBuckets);
    return Float32Array.from({ length: nHead * 257 }, (_, i) => {
      const [head, ahead] = [Math.floor(i / 257), (i % 257) - 128];
      return bias[relativeBucket(ahead, nBuckets) * nHead + head];
    });
  });
}
