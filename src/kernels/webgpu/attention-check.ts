/**
 * @file The check of attention on subgroup matrices: computed values, bits in every row, run on the device in separate memory.
 */
import type { Device } from './device.ts';
import { GpuShaderError } from './errors.ts';
import { Executor } from './executor.ts';
import { grid, type Kernel } from './kernel.ts';
import type { Pipelines } from './pipelines.ts';
import { Run } from './run.ts';
import { attention, attentionTile } from './shaders/attention.wgsl.ts';
import { matrixAttention, matrixAttentionQueries } from './shaders/attention-matrix.wgsl.ts';
import type { MatrixShape } from './shaders/matrix-shape.ts';
import { noVector, type Vectors } from './vectors.ts';

/** Tokens of the check: more than a block has. */
const nTokens = 40;
/** The largest difference, relative to the largest value: operands have eleven significant bits. */
const tolerance = 4e-3;

/**
 * Whether attention on matrices gives equal queries equal bits, wherever they are in a block, and the values of the plain kernel up to
 * rounding.
 * @param d size of heads of queries and keys
 * @param dv size of heads of values
 */
export async function matrixAttentionWorks(
  device: Device,
  pipelines: Pipelines,
  vectors: Vectors,
  { m, n, k, subgroup }: MatrixShape,
  d: number,
  dv: number,
): Promise<boolean> {
  const tile = attentionTile(d, dv, device.limits.maxComputeWorkgroupStorageSize);
  if (tile === undefined) return false;
  const wide = d % 4 === 0 && dv % 4 === 0;
  const run = async (kernel: Kernel, bq: number) => {
    const executor = new Executor(device, pipelines, vectors);
    try {
      const ids = new Int32Array(nTokens);
      const record = new Run({ ids, positions: ids, offsets: Int32Array.of(0, nTokens) }, false);
      const rows = (name: string, width: number, value: (row: number, column: number) => number) =>
        record.upload(
          name,
          Float32Array.from({ length: nTokens * width }, (_, i) => value(Math.floor(i / width), i % width)),
          width,
        );
      const nTiles = Math.ceil(nTokens / bq);
      const tiles = Array.from({ length: nTiles }, (_, i) => [i * bq, i * bq, 0, nTokens, nTokens]);
      const values = {
        tilesAt: record.list('tiles', () => tiles.flat()),
        nTiles,
        nQueries: bq,
        rows: nTokens,
        nHead: 1,
        nGroup: 1,
        maxBehind: nTokens,
        maxAhead: nTokens,
        aheadAt: noVector,
        scale: 1 / Math.sqrt(d),
        softcap: 0,
        slopesAt: noVector,
        biasAt: noVector,
      };
      const reads = {
        q: rows('q', d, (_, c) => Math.sin(1 + c)),
        k: rows('k', d, (r, c) => 2 * Math.sin(3 * r + 0.7 * c)),
        v: rows('v', dv, (r, c) => Math.cos(r + 0.3 * c)),
      };
      const dispatches = () => [{ kernel, values, grid: grid(nTiles) }];
      const y = record.record({ label: 'experiment', reads, writes: record.tensor(nTokens, dv), dispatches });
      return await executor.read(record, y);
    } finally {
      executor.dispose();
    }
  };
  try {
    const wanted = await run(attention(tile.bq, tile.bk, d, dv, wide, false, false, false, '', 'f32'), tile.bq);
    const found = await run(matrixAttention(d, dv, wide, m, n, k, subgroup, '', 'f32'), matrixAttentionQueries);
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return found.every((value, i) => value === found[i % dv] && Math.abs(value - wanted[i]) <= tolerance * largest);
  } catch (error) {
    // Dawn's feature is experimental: a driver that cannot compile it is not a failure.
    if (error instanceof GpuShaderError) return false;
    throw error;
  }
}
