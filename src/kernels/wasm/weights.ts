/**
 * @file Weights in WebAssembly memory: the forms they take, and how they get there.
 *
 *  - `panels`: 16 output columns together, in the numbers that the products use (`forms/`): float32, or integers with scales for
 *    each column and block of k.
 *  - `blocks`: the blocks of the file; tables, and matrices of models too large to be unpacked.
 *  - `shelved`: the same outside of WebAssembly memory (`shelf.ts`), where 4 GiB are not enough.
 *  - `vector`: float32.
 */
import { type GgmlType, rowBytes } from '../../gguf/ggml-types.ts';
import { nElements } from '../../gguf/shape.ts';
import type { WeightRole, WeightSource } from '../../tensor/backend.ts';
import type { Weight } from '../../tensor/ops.ts';
import { type Blocking, type Form, panelColumns } from './forms/form.ts';
import { gridAddress, writeGrid } from './grids.ts';
import type { Kernels } from './kernels.ts';
import { alignUp, type KernelMemory } from './memory.ts';
import type { Shelf } from './shelf.ts';

/** How products are computed. */
export type Products = Form;

/** Bytes read from the file at a time, at least 16 rows. */
const stagingBytes = 1 << 20;

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
    this.blocking = products.blocking(k);
    this.form = role === 'vector' ? 'vector' : role === 'table' || keepBlocks ? 'blocks' : 'panels';
    const bytes = this.#bytes();
    if (this.form === 'blocks' && shelf !== undefined && memory.weightsEnd + bytes > shelf.insideBytes) {
      this.form = 'shelved';
      this.address = shelf.allocate(bytes, this.name);
    } else {
      this.address = memory.allocate(bytes, this.name);
    }
    this.scales =
      this.form === 'panels' && this.scaleBytes > 0 ? memory.allocate(this.nMatrices * this.scaleBytes, this.name) : 0;
  }

  /** Bytes of one panel. */
  get onePanelBytes(): number {
    return this.products.panelBytes(this.blocking);
  }

  /** Bytes of the scales of one panel. */
  get onePanelScaleBytes(): number {
    return this.products.scaleBytes(this.blocking);
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

/** Bytes of memory that filling `w` uses besides its own. */
export function stagingBytesOf(w: WasmWeight): number {
  if (w.form === 'vector') return alignUp(w.rowBytes * w.n * w.nMatrices, 64);
  return w.form === 'panels' ? alignUp(rowsAtOnce(w) * w.rowBytes, 64) + alignUp(panelScratchBytes(w), 64) : 0;
}

/**
 * Reads the data of `weight` and brings it into its form.
 * @param staging address of `stagingBytesOf(weight)` bytes past the weights, which nobody else uses meanwhile
 */
export async function fillWeight(
  weight: WasmWeight,
  source: WeightSource,
  memory: KernelMemory,
  shelf: Shelf | undefined,
  kernels: Kernels,
  staging: number,
): Promise<void> {
  memory.ensure(Math.max(memory.weightsEnd + 64, staging + stagingBytesOf(weight)));
  writeGrid(weight.type.name, memory);
  if (weight.form === 'shelved') return fillShelf(weight, source, shelf!);
  if (weight.form === 'blocks') {
    for (let at = 0; at < source.byteLength; at += stagingBytes) {
      await source.read(at, memory.bytes(weight.address + at, Math.min(stagingBytes, source.byteLength - at)));
    }
  } else if (weight.form === 'vector') {
    await fillVector(weight, source, memory, kernels, staging);
  } else {
    await fillPanels(weight, source, memory, kernels, staging);
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

async function fillVector(
  w: WasmWeight,
  source: WeightSource,
  memory: KernelMemory,
  kernels: Kernels,
  staging: number,
): Promise<void> {
  await source.read(0, memory.bytes(staging, source.byteLength));
  const values = w.k * w.n * w.nMatrices;
  memory.bytes(w.address, alignUp(values, panelColumns) * 4).fill(0);
  kernels.unpackRow({ type: w.type.id, from: staging, to: w.address, n: values, tables: w.grid });
}

/** Rows that are read from the file at a time. */
function rowsAtOnce(w: WasmWeight): number {
  return Math.max(1, Math.floor(stagingBytes / w.rowBytes / panelColumns)) * panelColumns;
}

async function fillPanels(
  w: WasmWeight,
  source: WeightSource,
  memory: KernelMemory,
  kernels: Kernels,
  staging: number,
): Promise<void> {
  const atOnce = rowsAtOnce(w);
  const scratch = staging + alignUp(atOnce * w.rowBytes, 64);
  for (let m = 0; m < w.nMatrices; m++) {
    for (let row = 0; row < w.n; row += atOnce) {
      const rows = Math.min(atOnce, w.n - row);
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
  const { type, rowBytes, grid } = w;
  w.products.pack(kernels, w.blocking, { type: type.id, from, rowBytes, rows, grid, to, scales, scratch });
}
