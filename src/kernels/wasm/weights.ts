/**
 * @file Weights in WebAssembly memory: the forms they take, and how they get there.
 *
 *  - `panels`: 16 output columns together, in the numbers that the products use: int16 (`high`), int8 (`fast`, where the engine has
 *    the products for it) or the 4 bits of Q4_K (`fast`, elsewhere) with scales for each column and block of k, or float32 (`exact`).
 *  - `blocks`: the blocks of the file; tables, and matrices of models too large to be unpacked.
 *  - `shelved`: the same outside of WebAssembly memory (`shelf.ts`), where 4 GiB are not enough.
 *  - `vector`: float32.
 */
import { type GgmlType, rowBytes } from '../../gguf/ggml-types.ts';
import { nElements } from '../../gguf/shape.ts';
import type { WeightRole, WeightSource } from '../../tensor/backend.ts';
import type { Weight } from '../../tensor/ops.ts';
import { gridAddress, writeGrid } from './grids.ts';
import type { Kernels } from './kernels.ts';
import { alignUp, type KernelMemory } from './memory.ts';
import type { Shelf } from './shelf.ts';

/** Columns of a panel. */
export const panelColumns = 16;

/** How products are computed: float32, int16 times int16, unsigned 8 bits (0 … `levels`) times int8, int8 times the 4 bits of Q4_K. */
export type Products =
  | { readonly kind: 'f32' }
  | { readonly kind: 'i16' }
  | { readonly kind: 'u8'; readonly levels: 255 | 127 }
  | { readonly kind: 'k4' };

/**
 * Longest block of k that shares one scale. int16: 16 columns of 384 fill half of a 32 KiB first-level cache. 8 bits: a scale
 * for every 64 values keeps the error below that of llama.cpp's Q8_0. Q4_K: weights stay as they are, only activations err.
 */
const maxBlock = { f32: 384, i16: 384, u8: 64, k4: 128 };

/** Values of a sub-block of Q4_K. */
const subBlock = 32;

/** Bytes read from the file at a time, at least 16 rows. */
const stagingBytes = 1 << 20;

/** How a matrix of `k` input values is cut: `kb` values share a scale, quantised activations stay within `limit`. */
export interface Blocking {
  readonly k: number;
  /** k rounded up to what the tile takes at a time. */
  readonly kPad: number;
  readonly kb: number;
  readonly nBlocks: number;
  /** Largest |activation|. int16: int32 sums of `kb` products are shared fairly between activations and weights. */
  readonly limit: number;
}

/** The blocking of a product over `k` values; the same for every matrix with that k, so that they share activations. */
export function blockingOf(k: number, products: Products = { kind: 'i16' }): Blocking {
  const kb = alignUp(Math.ceil(k / Math.ceil(k / maxBlock[products.kind])), 32);
  const fair = Math.min(32767, Math.floor(32767 * Math.sqrt(32 / Math.min(kb, alignUp(k, 2)))));
  return {
    k,
    kPad: alignUp(k, products.kind === 'u8' ? 4 : 2),
    kb,
    nBlocks: Math.ceil(k / kb),
    limit: products.kind === 'u8' ? products.levels : products.kind === 'k4' ? 254 : fair,
  };
}

/** The blocking of the minima of Q4_K with `k` input values, int16 with one for each sub-block. */
export function minBlocking(k: number): Blocking {
  return blockingOf(k / subBlock);
}

/** Where a matrix keeps its values. */
export type WeightForm = 'panels' | 'blocks' | 'shelved' | 'vector';

/** A weight of this backend. */
export class WasmWeight implements Weight {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly form: WeightForm;
  /** Input values (the fastest axis), output columns of one matrix, and how many matrices. */
  readonly k: number;
  readonly n: number;
  readonly nMatrices: number;
  readonly nPanels: number;
  readonly products: Products;
  readonly blocking: Blocking;
  /** Bytes of a row in the file. */
  readonly rowBytes: number;
  /** Values (panels, blocks or vector; on the shelf if `shelved`), and the scales of integer panels. */
  readonly address: number;
  readonly scales: number;
  /** Where the grid of an IQ type lies. */
  readonly grid: number;

  /** @throws Error for a byte length that does not fit the shape */
  constructor(
    source: WeightSource,
    role: WeightRole,
    products: Products,
    keepBlocks: boolean,
    memory: KernelMemory,
    shelf?: Shelf,
  ) {
    this.name = source.name;
    this.type = source.type;
    this.shape = source.shape;
    const [k = 1, n = 1, ...outer] = source.shape;
    this.k = k;
    this.n = n;
    this.nMatrices = nElements(outer);
    this.rowBytes = rowBytes(source.type, k);
    if (this.rowBytes * n * this.nMatrices !== source.byteLength) {
      throw new Error(`${source.name}: [${source.shape}] ${source.type.name} does not take ${source.byteLength} bytes`);
    }
    this.grid = gridAddress(source.type.name);
    this.nPanels = Math.ceil(n / panelColumns);
    this.products = products;
    this.blocking = blockingOf(k, products);
    this.form = role === 'vector' ? 'vector' : role === 'table' || keepBlocks ? 'blocks' : 'panels';
    const bytes = this.#bytes();
    if (this.form === 'blocks' && shelf !== undefined && memory.weightsEnd + bytes > shelf.insideBytes) {
      this.form = 'shelved';
      this.address = shelf.allocate(bytes, this.name);
    } else {
      this.address = memory.allocate(bytes, this.name);
    }
    const scaled = this.form === 'panels' && products.kind !== 'f32';
    this.scales = scaled ? memory.allocate(this.nMatrices * this.scaleBytes, this.name) : 0;
  }

  /** Bytes of one panel. */
  get onePanelBytes(): number {
    const { kind } = this.products;
    return panelColumns * (kind === 'f32' ? this.k * 4 : this.blocking.kPad * (kind === 'i16' ? 2 : 1));
  }

  /** Bytes of the scales of one panel: a scale a column, with 8 bits also a sum; for Q4_K see `packPanelK4`. */
  get onePanelScaleBytes(): number {
    const { kind } = this.products;
    if (kind === 'k4') return 4 * this.k + minBlocking(this.k).nBlocks * panelColumns * 4;
    return this.blocking.nBlocks * panelColumns * (kind === 'u8' ? 8 : 4);
  }

  /** Bytes of the panels of one matrix. */
  get panelBytes(): number {
    return this.nPanels * this.onePanelBytes;
  }

  /** Bytes of the scales of one matrix. */
  get scaleBytes(): number {
    return this.nPanels * this.onePanelScaleBytes;
  }

  #bytes(): number {
    const values = this.k * this.n * this.nMatrices;
    if (this.form === 'vector') return alignUp(values, panelColumns) * 4;
    return this.form === 'blocks' ? this.rowBytes * this.n * this.nMatrices : this.nMatrices * this.panelBytes;
  }
}

/** Reads the data of `weight` and brings it into its form. Uses memory past the weights; one call at a time. */
export async function fillWeight(
  weight: WasmWeight,
  source: WeightSource,
  memory: KernelMemory,
  shelf: Shelf | undefined,
  kernels: Kernels,
): Promise<void> {
  memory.ensure(memory.weightsEnd + 64);
  writeGrid(weight.type.name, memory);
  if (weight.form === 'shelved') return fillShelf(weight, source, shelf!);
  if (weight.form === 'blocks') {
    for (let at = 0; at < source.byteLength; at += stagingBytes) {
      await source.read(at, memory.bytes(weight.address + at, Math.min(stagingBytes, source.byteLength - at)));
    }
  } else if (weight.form === 'vector') {
    await fillVector(weight, source, memory, kernels);
  } else {
    await fillPanels(weight, source, memory, kernels);
  }
}

async function fillShelf(w: WasmWeight, source: WeightSource, shelf: Shelf): Promise<void> {
  const staging = new Uint8Array(stagingBytes);
  for (let at = 0; at < source.byteLength; at += stagingBytes) {
    const part = staging.subarray(0, source.byteLength - at);
    await source.read(at, part);
    shelf.write(w.address + at, part);
  }
}

async function fillVector(w: WasmWeight, source: WeightSource, memory: KernelMemory, kernels: Kernels): Promise<void> {
  const staging = memory.weightsEnd;
  memory.ensure(staging + source.byteLength);
  await source.read(0, memory.bytes(staging, source.byteLength));
  const values = w.k * w.n * w.nMatrices;
  memory.bytes(w.address, alignUp(values, panelColumns) * 4).fill(0);
  kernels.unpackRow({ type: w.type.id, from: staging, to: w.address, n: values, tables: w.grid });
}

async function fillPanels(w: WasmWeight, source: WeightSource, memory: KernelMemory, kernels: Kernels): Promise<void> {
  const rowsAtOnce = Math.max(1, Math.floor(stagingBytes / w.rowBytes / panelColumns)) * panelColumns;
  const staging = memory.weightsEnd;
  const scratch = alignUp(staging + rowsAtOnce * w.rowBytes, 64);
  memory.ensure(scratch + panelScratchBytes(w));
  for (let m = 0; m < w.nMatrices; m++) {
    for (let row = 0; row < w.n; row += rowsAtOnce) {
      const rows = Math.min(rowsAtOnce, w.n - row);
      await source.read((m * w.n + row) * w.rowBytes, memory.bytes(staging, rows * w.rowBytes));
      for (let r = 0; r < rows; r += panelColumns) {
        const panel = (row + r) / panelColumns;
        const to = w.address + m * w.panelBytes + panel * w.onePanelBytes;
        const scales = w.scales + m * w.scaleBytes + panel * w.onePanelScaleBytes;
        packPanel(w, staging + r * w.rowBytes, Math.min(panelColumns, rows - r), to, scales, scratch, kernels);
      }
    }
  }
}

/** Bytes of scratch that `packPanel` uses. */
export function panelScratchBytes(w: WasmWeight): number {
  return panelColumns * w.k * 4 + w.blocking.kb * 2 + 256;
}

/** Unpacks `rows` (at most 16) rows of file blocks at `from` into one panel. */
export function packPanel(
  w: WasmWeight,
  from: number,
  rows: number,
  to: number,
  scales: number,
  scratch: number,
  kernels: Kernels,
): void {
  const { k, kPad, kb, limit } = w.blocking;
  if (w.products.kind === 'k4') {
    const mins = minBlocking(k);
    kernels.packPanelK4({
      from,
      rowBytes: w.rowBytes,
      nValid: rows,
      k,
      kbMin: mins.kb,
      aLimit: mins.limit,
      w: to,
      scales,
      row: scratch,
    });
    return;
  }
  kernels.unpackRows({ type: w.type.id, from, rowBytes: w.rowBytes, rows, k, x: scratch, ldx: k * 4, tables: w.grid });
  const row = scratch + panelColumns * k * 4 + 64;
  if (w.products.kind === 'f32') kernels.packPanelF32({ x: scratch, ldx: k * 4, nValid: rows, k, w: to });
  else if (w.products.kind === 'u8')
    kernels.packPanelI8({ x: scratch, ldx: k * 4, nValid: rows, k, kb, w: to, scales, row });
  else kernels.packPanelI16({ x: scratch, ldx: k * 4, nValid: rows, k, kPad, kb, aLimit: limit, w: to, scales, row });
}
