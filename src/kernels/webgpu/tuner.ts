/**
 * @file Chooses the tile of a product.
 */
import type { Device } from './device.ts';
import { type Tile, tileShared, tileThreads } from './shaders/matmul-tile.wgsl.ts';
import type { GpuWeight } from './weights.ts';

/** Tiles from small to large; a thread computes 4 × 4 or 8 × 4 outputs. */
const candidates: readonly Tile[] = [
  { bm: 16, bn: 64, tm: 4, tn: 4 },
  { bm: 32, bn: 64, tm: 4, tn: 4 },
  { bm: 64, bn: 64, tm: 4, tn: 4 },
];

export class Tuner {
  readonly skinny = true;
  readonly #tiles: readonly Tile[];

  constructor(device: Device) {
    const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } = device.limits;
    this.#tiles = candidates.filter(
      (tile) =>
        tileShared(tile) <= maxComputeWorkgroupStorageSize && tileThreads(tile) <= maxComputeInvocationsPerWorkgroup,
    );
  }

  prepare(_weight: GpuWeight, _rows: number): Promise<void> | undefined {
    return undefined;
  }

  tile(_weight: GpuWeight, rows: number): Tile {
    return this.#tiles.find(({ bm }) => rows <= bm) ?? this.#tiles.at(-1)!;
  }
}
