/**
 * @file Chooses the kernel of a product: by a rule, or by a short search on the device at first use.
 *
 * All tiles of a strategy and its kernel for few rows add in the same order (see `strategies.ts`), so the choice affects speed and no bit.
 * A shader compiler could still reorder sums, so a check on the device compares them once for each weight type. If they differ, the kernel
 * for few rows is not used, and the tile does not depend on the number of rows. Subgroup matrices are used only after they pass the same
 * check.
 */
import type { Loader } from './loaders/index.ts';
import { fitsMatrixAttention } from './shaders/attention-matrix.wgsl.ts';
import { skinnyRows } from './shaders/matmul-skinny.wgsl.ts';
import type { Tile } from './shaders/matmul-tile.wgsl.ts';
import type { MatrixShape } from './shaders/matrix-shape.ts';
import { isUsable, normsInput, type Strategy, type Style, tilesOf } from './strategies.ts';
import type { GpuWeight } from './weights.ts';

/** Increased when the kernels change in such a way that old results are invalid. */
export const tuningVersion = 4;

/** The tiles among which the rule chooses, by rows. Tall tiles pay where matrices make arithmetic cheap. */
const ruled: Readonly<Record<Strategy, readonly number[]>> = {
  float: [1, 2, 3],
  int8: [1, 2, 3],
  matrix: [1, 2, 3, 4, 5],
};

/** The results of a search as plain data. Keep them for the next backend on the same adapter. */
export interface Tuning {
  readonly version: number;
  /** By class of products (`Q8_0 int8 512x384x1536`: type, operands, rows, nIn, nOut), an index into the strategy's tiles. */
  readonly tiles: Readonly<Record<string, number>>;
}

/** The name under which to keep a `Tuning`: adapter and version of the kernels, in characters that any file system accepts. */
export function tuningKey({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  const adapter = [vendor, architecture, device, description].filter((part) => part !== '').join(' ');
  return `webgpu-v${tuningVersion}-${adapter
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .slice(0, 120)}`;
}

/** Runs experiments on the device. */
export interface Experiments {
  /** Milliseconds for a product of `rows` rows with `weight`, for each tile of its strategy. */
  measure(weight: GpuWeight, rows: number, candidates: readonly Tile[]): Promise<readonly number[]>;
  /** Whether the kernel for few rows and two tiles give the same bits for this weight. */
  sameBits(weight: GpuWeight): Promise<boolean>;
  /** Whether a product that norms its input gives the bits that a norm and a product give. */
  normsAgree(weight: GpuWeight): Promise<boolean>;
  /** Whether two tiles of subgroup matrices give the same bits in every row, and the same values as the float tile up to rounding. */
  matricesWork(weight: GpuWeight): Promise<boolean>;
  /** Whether attention on subgroup matrices gives the same bits in every row, and the values of the plain kernel up to rounding. */
  attentionWorks(headSize: number, headSizeV: number): Promise<boolean>;
}

/** Initial settings of the tuner. */
export interface TunerOptions {
  readonly limits: GPUSupportedLimits;
  /** Whether the adapter computes on the CPU: kernels are then small and keep their loops. */
  readonly software: boolean;
  /** Store operands as f16. */
  readonly halves: boolean;
  /** Compute products in eight bits if the weight's type allows it. */
  readonly int8?: boolean;
  /** The adapter's subgroup matrices, if they may be used. */
  readonly matrix?: MatrixShape;
  /** Search for tiles. */
  readonly search: boolean;
  /** Results of an earlier search. */
  readonly known?: Tuning;
  /** Use this tile for everything. */
  readonly forced?: Tile;
  /** Use this strategy wherever possible, checked or not. */
  readonly strategy?: Strategy;
}

/** Stores the choices for one device. */
export class Tuner {
  readonly style: Style;
  readonly #limits: GPUSupportedLimits;
  readonly #software: boolean;
  readonly #int8: boolean;
  readonly #wanted: Strategy | undefined;
  readonly #forced: Tile | undefined;
  readonly #search: boolean;
  readonly #found: Record<string, number>;
  readonly #same = new Map<Loader['type'], boolean>();
  /** Results of the check of products that norm their input, by type. */
  readonly #norms = new Map<Loader['type'], boolean>();
  /** Results of the check of subgroup matrices, by type. */
  readonly #matrices = new Map<Loader['type'], boolean>();
  /** Results of the check of attention on subgroup matrices, by sizes of heads. */
  readonly #attentions = new Map<string, boolean>();
  #experiments: Experiments | undefined;

  constructor(options: TunerOptions) {
    const { limits, software, halves, int8 = false, matrix, search, known, forced, strategy } = options;
    this.style = { rolled: software, halves, sharedMemory: limits.maxComputeWorkgroupStorageSize, matrix };
    this.#limits = limits;
    this.#software = software;
    this.#int8 = int8;
    this.#wanted = strategy;
    this.#forced = forced;
    this.#search = search && forced === undefined && !software;
    this.#found = known?.version === tuningVersion ? { ...known.tiles } : {};
  }

  /** All results so far. */
  get tuning(): Tuning {
    return { version: tuningVersion, tiles: { ...this.#found } };
  }

  /** Lets the tuner run experiments. */
  use(experiments: Experiments): void {
    this.#experiments = experiments;
  }

  /** Whether products with this weight take operands in f16, whatever a check on the device finds. */
  takesHalves(weight: GpuWeight): boolean {
    return this.style.halves && this.strategy(weight) !== 'int8';
  }

  /** The strategy for products with this weight. */
  strategy(weight: GpuWeight): Strategy {
    const { type, int8 } = weight.loader!;
    const { matrix } = this.style;
    const small = isUsable('matrix', tilesOf('matrix')[0], this.style, this.#limits);
    if (this.#wanted === 'matrix' && matrix !== undefined) return 'matrix';
    if (this.#wanted === undefined && small && this.#matrices.get(type) === true) return 'matrix';
    // On an adapter with subgroup matrices, a weight stays with int8 or f16 after the check has ended.
    if (this.#wanted === undefined && small) return 'float';
    return this.#int8 && this.#wanted !== 'float' && int8 !== undefined ? 'int8' : 'float';
  }

  /** Checks the type and searches the class of this product, unless that has been done. */
  prepare(weight: GpuWeight, rows: number): Promise<void> | undefined {
    const known = !this.#search || this.#classOf(weight, rows) in this.#found;
    if (this.#experiments === undefined || (known && this.#same.has(weight.loader!.type))) return undefined;
    return this.#prepare(weight, rows, this.#experiments);
  }

  /** Whether the kernel for few rows may be used. */
  mayBeSkinny(weight: GpuWeight): boolean {
    return this.strategy(weight) !== 'matrix' && (this.#same.get(weight.loader!.type) ?? true);
  }

  /** Whether a product may norm its input, with the kernel that it takes for `rows` rows. */
  mayNorm(weight: GpuWeight, rows: number, isGated: boolean): boolean {
    if (this.strategy(weight) !== 'float' || this.#norms.get(weight.loader!.type) === false) return false;
    if (rows <= skinnyRows && this.mayBeSkinny(weight)) return true;
    return normsInput(this.tile(weight, rows), isGated, this.style, this.#limits);
  }

  /** Whether attention over heads of these sizes may use subgroup matrices, once they have passed the check. */
  mayUseMatrices(headSize: number, headSizeV: number): boolean {
    const { matrix } = this.style;
    if (matrix === undefined || (this.#wanted !== undefined && this.#wanted !== 'matrix')) return false;
    return fitsMatrixAttention(headSize, headSizeV, matrix, this.#limits);
  }

  /** Checks attention on matrices, unless that has been done. */
  async prepareAttention(headSize: number, headSizeV: number): Promise<void> {
    const key = `${headSize}/${headSizeV}`;
    if (this.#wanted === 'matrix' || this.#attentions.has(key)) return;
    this.#attentions.set(key, (await this.#experiments?.attentionWorks(headSize, headSizeV)) ?? false);
  }

  /** Whether attention over heads of these sizes uses subgroup matrices. */
  usesMatrices(headSize: number, headSizeV: number): boolean {
    const works = this.#wanted === 'matrix' || this.#attentions.get(`${headSize}/${headSizeV}`) === true;
    return works && this.mayUseMatrices(headSize, headSizeV);
  }

  /** The tile for a product with `rows` rows. */
  tile(weight: GpuWeight, rows: number): Tile {
    if (this.#forced !== undefined) return this.#forced;
    const strategy = this.strategy(weight);
    const tiles = tilesOf(strategy);
    if (this.#software) return tiles[0];
    const usable = this.#usable(weight);
    const same = this.#same.get(weight.loader!.type) ?? true;
    const found = this.#found[this.#classOf(weight, rows)];
    if (same && usable.includes(found)) return tiles[found];
    const choice = ruled[strategy].filter((i) => usable.includes(i));
    return tiles[(same ? choice.find((i) => rows <= tiles[i].bm) : undefined) ?? choice.at(-1) ?? 0];
  }

  /** The tiles of the weight's strategy that fit the device. */
  #usable(weight: GpuWeight): number[] {
    const strategy = this.strategy(weight);
    const tiles = tilesOf(strategy);
    return Array.from(tiles.keys()).filter((i) => isUsable(strategy, tiles[i], this.style, this.#limits));
  }

  async #prepare(weight: GpuWeight, rows: number, experiments: Experiments): Promise<void> {
    const { type } = weight.loader!;
    if (this.style.matrix !== undefined && this.#wanted === undefined && !this.#matrices.has(type)) {
      this.#matrices.set(type, await experiments.matricesWork(weight));
    }
    if (!this.#same.has(type)) {
      const strategy = this.strategy(weight);
      if (strategy === 'float') this.#norms.set(type, await experiments.normsAgree(weight));
      this.#same.set(type, strategy === 'matrix' || (await experiments.sameBits(weight)));
    }
    if (!this.#search || !this.#same.get(type)) return;
    // A tile much taller than the product only computes unneeded rows.
    const tiles = tilesOf(this.strategy(weight));
    const candidates = this.#usable(weight).filter((i) => i > 0 && (tiles[i].bm < 2 * rows || i === 1));
    const times = await experiments.measure(
      weight,
      rows,
      candidates.map((i) => tiles[i]),
    );
    this.#found[this.#classOf(weight, rows)] = candidates[times.indexOf(Math.min(...times))];
  }

  /** Products of one class share a result: type, operands, and each extent up to the next power of two. */
  #classOf(weight: GpuWeight, rows: number): string {
    const strategy = this.strategy(weight);
    const operands = strategy === 'float' ? (this.style.halves ? 'f16' : 'f32') : strategy;
    const extents = [Math.min(rows, 4096), weight.rowLength, weight.shape[1] ?? 1];
    return `${weight.loader!.type} ${operands} ${extents.map((n) => 2 ** Math.ceil(Math.log2(n))).join('x')}`;
  }
}
