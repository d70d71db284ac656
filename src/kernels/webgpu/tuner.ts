/**
 * @file Chooses the tile of a product: by a rule, or by a short search on the device at first use.
 *
 * Every tile adds in the same order (see `shaders/matmul-tile.wgsl.ts`), so the choice changes speed, never a bit. Whether
 * that holds on this device is checked once for each weight type, against the kernel for few rows: a shader compiler that
 * reorders sums loses that kernel.
 */
import type { Loader } from './loaders/index.ts';
import { type Tile, tileShared, tileThreads } from './shaders/matmul-tile.wgsl.ts';
import type { GpuWeight } from './weights.ts';

/** Rises when the kernels change so that old results mean nothing. */
export const tuningVersion = 1;

/** From small to large. */
export const tiles: readonly Tile[] = [
  { bm: 16, bn: 16, tm: 1, tn: 4 },
  { bm: 16, bn: 64, tm: 2, tn: 4 },
  { bm: 32, bn: 64, tm: 4, tn: 4 },
  { bm: 64, bn: 64, tm: 4, tn: 4 },
  { bm: 64, bn: 64, tm: 8, tn: 4 },
  { bm: 128, bn: 64, tm: 8, tn: 4 },
  { bm: 64, bn: 128, tm: 4, tn: 8 },
];

/** Found tiles: by shape class, an index into `tiles`. Plain data, to be kept and given to the next backend on the same adapter. */
export interface Tuning {
  readonly version: number;
  readonly tiles: Readonly<Record<string, number>>;
}

/** What the tuner needs to know of a product. */
export interface ProductShape {
  readonly type: Loader['type'];
  readonly nIn: number;
  readonly nOut: number;
  readonly rows: number;
}

/** Runs a product with each of `candidates` and returns the time of each. */
export type Measure = (shape: ProductShape, candidates: readonly Tile[]) => Promise<readonly number[]>;

/** Keeps the choices of one device. */
export class Tuner {
  /** Whether kernels keep their loops (see `kernel`). */
  readonly rolled: boolean;
  readonly #usable: readonly Tile[];
  readonly #found: Record<string, number>;
  readonly #measure: Measure | undefined;
  readonly #forced: Tile | undefined;

  /**
   * @param limits of the device
   * @param software the adapter computes on the CPU
   * @param measure search with this; `undefined`: go by the rule
   * @param known results of an earlier search
   * @param forced use this tile for everything
   */
  constructor(limits: GPUSupportedLimits, software: boolean, measure?: Measure, known?: Tuning, forced?: Tile) {
    this.#usable = tiles.filter(
      (tile) =>
        tileShared(tile) <= limits.maxComputeWorkgroupStorageSize &&
        tileThreads(tile) <= Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
    );
    this.#measure = measure;
    this.#found = known?.version === tuningVersion ? { ...known.tiles } : {};
    this.#forced = forced ?? (software ? tiles[0] : undefined);
    this.rolled = software;
  }

  /** All results so far. */
  get tuning(): Tuning {
    return { version: tuningVersion, tiles: { ...this.#found } };
  }

  /** Searches if this class of products has no result yet. */
  prepare(weight: GpuWeight, rows: number): Promise<void> | undefined {
    const shape = shapeOf(weight, rows);
    if (this.#measure === undefined || this.#forced !== undefined || classOf(shape) in this.#found) return undefined;
    return this.#search(shape, this.#measure);
  }

  /** The tile for a product with `rows` rows. */
  tile(weight: GpuWeight, rows: number): Tile {
    const found = this.#found[classOf(shapeOf(weight, rows))];
    return this.#forced ?? tiles[found] ?? this.#byRule(rows);
  }

  async #search(shape: ProductShape, measure: Measure): Promise<void> {
    // A tile much taller than the product only computes rows that nobody wants.
    const candidates = this.#usable.filter(({ bm }) => bm < 2 * shape.rows || bm === 16);
    const times = await measure(shape, candidates);
    const best = times.indexOf(Math.min(...times));
    this.#found[classOf(shape)] = tiles.indexOf(candidates[best]);
  }

  #byRule(rows: number): Tile {
    const square = this.#usable.filter(({ bn, tm }) => bn === 64 && tm <= 4);
    return square.find(({ bm }) => rows <= bm) ?? square.at(-1)!;
  }
}

function shapeOf(weight: GpuWeight, rows: number): ProductShape {
  return { type: weight.loader!.type, nIn: weight.rowLength, nOut: weight.shape[1] ?? 1, rows };
}

/** Products of one class share a result: type, and each extent to the next power of two. */
function classOf({ type, nIn, nOut, rows }: ProductShape): string {
  const extents = [rows, nIn, nOut].map((n) => 2 ** Math.ceil(Math.log2(Math.min(n, 4096))));
  return `${type} ${extents.join('x')}`;
}
