/**
 * @file Chooses the kernel of a product: by a rule, or by a short search on the device at first use.
 *
 * Every tile adds in the same order (see `shaders/matmul-tile.wgsl.ts`), and so does the kernel for few rows: the choice
 * changes speed, never a bit. A shader compiler could still reorder sums, so that is checked on the device, once for each
 * weight type; where it does, the kernel for few rows is not used, and the tile is chosen without regard to the rows.
 */
import type { Loader } from './loaders/index.ts';
import { type Tile, tileShared, tileThreads } from './shaders/matmul-tile.wgsl.ts';
import type { GpuWeight } from './weights.ts';

/** Rises when the kernels change so that old results mean nothing. */
export const tuningVersion = 1;

/** From small to large. The first is for software adapters. */
export const tiles: readonly Tile[] = [
  { bm: 16, bn: 16, tm: 1, tn: 4 },
  { bm: 16, bn: 64, tm: 2, tn: 4 },
  { bm: 32, bn: 64, tm: 4, tn: 4 },
  { bm: 64, bn: 64, tm: 4, tn: 4 },
  { bm: 64, bn: 64, tm: 8, tn: 4 },
  { bm: 128, bn: 64, tm: 8, tn: 4 },
  { bm: 64, bn: 128, tm: 4, tn: 8 },
];
/** What the rule chooses among, by rows. */
const ruled = [1, 2, 3];

/** What a search found, as plain data: to be kept, and given to the next backend on the same adapter. */
export interface Tuning {
  readonly version: number;
  /** By class of products (`Q8_0 512x384x1536`: type, rows, nIn, nOut), an index into `tiles`. */
  readonly tiles: Readonly<Record<string, number>>;
}

/** Runs experiments on the device. */
export interface Experiments {
  /** Milliseconds that a product of `rows` rows with `weight` takes with each tile. */
  measure(weight: GpuWeight, rows: number, candidates: readonly Tile[]): Promise<readonly number[]>;
  /** Whether the kernel for few rows and two tiles give the same bits for this weight. */
  sameBits(weight: GpuWeight): Promise<boolean>;
}

/** Where the tuner begins. */
export interface TunerOptions {
  readonly limits: GPUSupportedLimits;
  /** The adapter computes on the CPU: small kernels, loops kept. */
  readonly software: boolean;
  /** Keep operands as f16. */
  readonly halves: boolean;
  /** Search for tiles. */
  readonly search: boolean;
  /** Results of an earlier search. */
  readonly known?: Tuning;
  /** Use this tile for everything. */
  readonly forced?: Tile;
}

/** Keeps the choices of one device. */
export class Tuner {
  /** Whether kernels keep their loops (see `kernel`). */
  readonly rolled: boolean;
  /** Whether operands are kept as f16. */
  readonly halves: boolean;
  readonly #usable: readonly number[];
  readonly #forced: Tile | undefined;
  readonly #search: boolean;
  readonly #found: Record<string, number>;
  readonly #same = new Map<Loader['type'], boolean>();
  #experiments: Experiments | undefined;

  constructor({ limits, software, halves, search, known, forced }: TunerOptions) {
    this.rolled = software;
    this.halves = halves;
    const threads = Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX);
    this.#usable = Array.from(tiles.keys()).filter((i) => {
      const shared = tileShared(tiles[i], halves ? 2 : 4);
      return shared <= limits.maxComputeWorkgroupStorageSize && tileThreads(tiles[i]) <= threads;
    });
    this.#forced = forced ?? (software ? tiles[0] : undefined);
    this.#search = search && this.#forced === undefined;
    this.#found = known?.version === tuningVersion ? { ...known.tiles } : {};
  }

  /** All results so far. */
  get tuning(): Tuning {
    return { version: tuningVersion, tiles: { ...this.#found } };
  }

  /** Lets the tuner try things out. */
  use(experiments: Experiments): void {
    this.#experiments = experiments;
  }

  /** Checks the type and searches the class of this product, if that has not been done. */
  prepare(weight: GpuWeight, rows: number): Promise<void> | undefined {
    const type = weight.loader!.type;
    const known = !this.#search || classOf(weight, rows) in this.#found;
    if (this.#experiments === undefined || (known && this.#same.has(type))) return undefined;
    return this.#prepare(weight, rows, this.#experiments);
  }

  /** Whether few rows may be multiplied by the kernel for few rows. */
  mayBeSkinny(type: Loader['type']): boolean {
    return this.#same.get(type) ?? true;
  }

  /** The tile for a product with `rows` rows. */
  tile(weight: GpuWeight, rows: number): Tile {
    if (this.#forced !== undefined) return this.#forced;
    const same = this.mayBeSkinny(weight.loader!.type);
    const found = this.#found[classOf(weight, rows)];
    if (same && this.#usable.includes(found)) return tiles[found];
    const choice = ruled.filter((i) => this.#usable.includes(i));
    return tiles[(same ? choice.find((i) => rows <= tiles[i].bm) : undefined) ?? choice.at(-1)!];
  }

  async #prepare(weight: GpuWeight, rows: number, experiments: Experiments): Promise<void> {
    const type = weight.loader!.type;
    if (!this.#same.has(type)) this.#same.set(type, await experiments.sameBits(weight));
    if (!this.#search || !this.#same.get(type)) return;
    // A tile much taller than the product only computes rows that nobody wants.
    const candidates = this.#usable.filter((i) => i > 0 && (tiles[i].bm < 2 * rows || i === 1));
    const times = await experiments.measure(
      weight,
      rows,
      candidates.map((i) => tiles[i]),
    );
    this.#found[classOf(weight, rows)] = candidates[times.indexOf(Math.min(...times))];
  }
}

/** Products of one class share a result: type, and each extent up to the next power of two. */
function classOf(weight: GpuWeight, rows: number): string {
  const extents = [Math.min(rows, 4096), weight.rowLength, weight.shape[1] ?? 1];
  return `${weight.loader!.type} ${extents.map((n) => 2 ** Math.ceil(Math.log2(n))).join('x')}`;
}
