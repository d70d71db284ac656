/**
 * @file The strategies for computing a product, and how each is launched.
 *
 * - `float`  operands as float32 or, with precision `fast`, as f16: any adapter, any weight type.
 * - `int8`   operands in eight bits, for weights that are whole numbers times a scale. Precision `fast` only.
 * - `matrix` subgroup matrices of f16, where the adapter has them. Precision `fast` only.
 *
 * A weight has the same strategy for any number of rows. Within `float` and within `int8`, tiles and the kernel for few rows give the same
 * bits; within `matrix`, all tiles do.
 */
import { grid } from './kernel.ts';
import type { Stored } from './shaders/halves.wgsl.ts';
import { int8Shared, matmulInt8, matmulInt8Skinny } from './shaders/matmul-int8.wgsl.ts';
import { matmulMatrix, matrixShared, pairedMatrixTile } from './shaders/matmul-matrix.wgsl.ts';
import { matmulSkinny } from './shaders/matmul-skinny.wgsl.ts';
import { matmulTile, type Tile, tileShared, tileThreads, type Walk } from './shaders/matmul-tile.wgsl.ts';
import { type MatrixShape, matrixThreads } from './shaders/matrix-shape.ts';
import { normedShared } from './shaders/normed-input.wgsl.ts';
import { isPaired, type LinearForm } from './shaders/product-form.wgsl.ts';
import { rowThreads } from './shaders/row-norm.wgsl.ts';
import { skinnyOutputs } from './shaders/skinny-results.wgsl.ts';
import type { Dispatch } from './tensor.ts';
import { noVector } from './vectors.ts';
import type { GpuWeight, Part } from './weights.ts';

/** How a product is computed. */
export type Strategy = 'float' | 'int8' | 'matrix';

/** Settings that all products of a backend share. */
export interface Style {
  /** Kernels keep their loops (see `kernel`). */
  readonly rolled: boolean;
  /** Store `float` operands as f16. */
  readonly halves: boolean;
  /** Bytes of shared memory of a workgroup. */
  readonly sharedMemory: number;
  /** The adapter's subgroup matrices. */
  readonly matrix: MatrixShape | undefined;
}

/** How the operands of products are stored as f16 (see `Stored`): as the strategy rounds them that a forward with this style has. */
export function halfForm({ matrix }: Style): Exclude<Stored, 'f32'> {
  return matrix === undefined ? 'quantised' : 'f16';
}

/** From small to large. The first is for software adapters. Those with two buffers are taken where the search finds them faster. */
export const tiles: readonly Tile[] = [
  { bm: 16, bn: 16, tm: 1, tn: 4 },
  { bm: 16, bn: 64, tm: 2, tn: 4 },
  { bm: 32, bn: 64, tm: 4, tn: 4 },
  { bm: 64, bn: 64, tm: 4, tn: 4 },
  { bm: 64, bn: 64, tm: 8, tn: 4 },
  { bm: 128, bn: 64, tm: 8, tn: 4 },
  { bm: 64, bn: 128, tm: 4, tn: 8 },
  { bm: 32, bn: 64, tm: 4, tn: 4, buffers: 2 },
  { bm: 64, bn: 64, tm: 4, tn: 4, buffers: 2 },
  { bm: 64, bn: 64, tm: 8, tn: 4, buffers: 2 },
  { bm: 128, bn: 64, tm: 8, tn: 4, buffers: 2 },
];

/** The same for `matrix`: `tm` and `tn` are the part of a subgroup. */
export const matrixTiles: readonly Tile[] = [
  { bm: 16, bn: 16, tm: 16, tn: 16 },
  { bm: 16, bn: 64, tm: 16, tn: 16 },
  { bm: 32, bn: 64, tm: 16, tn: 32 },
  { bm: 64, bn: 64, tm: 32, tn: 32 },
  { bm: 128, bn: 64, tm: 64, tn: 32 },
  { bm: 128, bn: 128, tm: 64, tn: 32 },
  { bm: 128, bn: 256, tm: 64, tn: 64 },
  { bm: 64, bn: 64, tm: 32, tn: 32, buffers: 2 },
  { bm: 128, bn: 64, tm: 64, tn: 32, buffers: 2 },
  { bm: 128, bn: 128, tm: 64, tn: 32, buffers: 2 },
];

/** The tiles of a strategy. */
export function tilesOf(strategy: Strategy): readonly Tile[] {
  return strategy === 'matrix' ? matrixTiles : tiles;
}

/** Whether a tile fits a device. */
export function isUsable(strategy: Strategy, tile: Tile, style: Style, limits: GPUSupportedLimits): boolean {
  const { matrix } = style;
  if (strategy === 'matrix' && matrix === undefined) return false;
  if (strategy === 'int8' && tile.buffers === 2) return false;
  const [shared, threads] =
    strategy === 'matrix'
      ? [matrixShared(tile, matrix!), matrixThreads(tile, matrix!)]
      : [strategy === 'int8' ? int8Shared(tile) : tileShared(tile, style.halves ? 2 : 4), tileThreads(tile)];
  const most = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
  return shared <= limits.maxComputeWorkgroupStorageSize && threads <= most;
}

/** What the epilogue of a product needs. */
export interface Epilogue {
  readonly scaleAt: number;
  readonly biasAt: number;
  readonly activation: number;
  readonly hasResidual: number;
}

/** An epilogue that does nothing. */
export const plainEpilogue: Epilogue = { scaleAt: noVector, biasAt: noVector, activation: 0, hasResidual: 0 };

/** A product to launch: `rows` rows times a part of a weight. For `int8`, `x` is quantised (see `ops/quantize.ts`). */
export interface Product {
  readonly strategy: Strategy;
  /** The first of several adjacent weights, if there are several. */
  readonly weight: GpuWeight;
  readonly part: Part;
  readonly rows: number;
  readonly epilogue: Epilogue;
  /**
   * `gated`: the first half of the part's rows gates the second; the activation is the gate's. `rotated`: the first `rotatedCols` outputs are
   * heads to rotate; not for the kernel for few rows.
   */
  readonly form: LinearForm;
  readonly rotatedCols?: number;
  /** How x lies in the arena; f16 only for strategies that take it as operand. */
  readonly from: 'f32' | 'f16';
  /** How the result is stored: its columns from `halvesFrom` on, those in front of it are float32. */
  readonly stored: Stored;
  readonly halvesFrom?: number;
  /** The norm of the input, with the values of `normedParams`. Only for `float`. */
  readonly norm?: Readonly<Record<string, number>>;
}

function values({
  weight,
  part,
  rows,
  epilogue,
  form,
  rotatedCols = 0,
  norm,
  halvesFrom = 0,
}: Product): Dispatch['values'] {
  const { rowLength: nIn, blocksPerRow } = weight;
  const { firstRow: firstOut, bufferRow: wRow } = part;
  const nOut = form === 'gated' ? part.nRows / 2 : part.nRows;
  return { rows, nIn, nOut, firstOut, blocksPerRow, wRow, halvesFrom, rotatedCols, ...epilogue, ...norm };
}

/** The tile of a product of pairs: as many threads and sums, with eight columns a thread. */
function pairedTile(tile: Tile): Tile {
  const { bn, tm, tn } = tile;
  if (tn === 8) return tile;
  return tm > 1 ? { ...tile, tm: tm / 2, tn: 8 } : { ...tile, bn: bn * 2, tn: 8 };
}

/** How a tile of the strategy `float` walks along K. */
export function walkOf(tile: Tile, { halves, sharedMemory }: Style, isNormed: boolean): Walk {
  if (tile.buffers !== 2) return 'in turn';
  const norms = isNormed ? normedShared(tile.bm, tileThreads(tile)) : 0;
  return 2 * tileShared(tile, halves ? 2 : 4) + norms <= sharedMemory ? 'ahead, two places' : 'ahead';
}

/** Whether a tile can norm the input of a product on a device with these limits. */
export function normsInput(tile: Tile, isGated: boolean, { halves }: Style, limits: GPUSupportedLimits): boolean {
  const shape = isGated ? pairedTile(tile) : tile;
  const threads = tileThreads(shape);
  const shared = tileShared(shape, halves ? 2 : 4) + normedShared(shape.bm, threads);
  return threads % rowThreads === 0 && shared <= limits.maxComputeWorkgroupStorageSize;
}

/** The launch with a tile. `wide`: everything that is read or written in float32 is aligned to four values. */
export function tiled(product: Product, tile: Tile, style: Style, wide: boolean): Dispatch {
  const { strategy, weight, part, rows, form, norm, from, stored } = product;
  const { type } = weight.loader!;
  const { rolled, halves, matrix } = style;
  const paired = strategy === 'matrix' ? pairedMatrixTile(tile, matrix!) : pairedTile(tile);
  const shape = isPaired(form) ? paired : tile;
  const { bm, bn, tm, tn, buffers = 1 } = shape;
  const walk = walkOf(shape, style, norm !== undefined);
  const vec4 = wide && part.nRows % (isPaired(form) ? 8 : 4) === 0;
  const { m = 0, n = 0, k = 0, subgroup = 0 } = matrix ?? {};
  const kernel =
    strategy === 'matrix'
      ? matmulMatrix(type, bm, bn, tm, tn, m, n, k, subgroup, vec4, form, buffers, from, stored)
      : strategy === 'int8'
        ? matmulInt8(type, bm, bn, tm, tn, vec4, form, rolled, stored)
        : matmulTile(type, bm, bn, tm, tn, vec4, form, rolled, halves, norm !== undefined, from, stored, walk);
  const groups = Math.ceil(part.nRows / bn) * Math.ceil(rows / bm);
  return { kernel, values: values(product), bound: part, grid: grid(groups) };
}

/** The launch of the kernel for few rows, for `float` and `int8`. */
export function skinny(product: Product, { rolled, halves }: Style): Dispatch {
  const { strategy, weight, part, rows, form, norm, from, stored } = product;
  const { type } = weight.loader!;
  const isGated = form === 'gated';
  const m = 2 ** Math.ceil(Math.log2(rows));
  const kernel =
    strategy === 'int8'
      ? matmulInt8Skinny(type, m, isGated, rolled, stored)
      : matmulSkinny(type, m, isGated, rolled, halves, norm !== undefined, from, stored);
  return { kernel, values: values(product), bound: part, grid: grid(Math.ceil(part.nRows / skinnyOutputs)) };
}
