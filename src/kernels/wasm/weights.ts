/**
 * @file Weights in WebAssembly memory: the forms they take, and how they get there.
 *
 *  - `i16`: panels of 16 output columns in int16, one scale for each column and block of k (`high`, `fast`).
 *  - `f32`: the same panels in float32 (`exact`).
 *  - `blocks`: the blocks of the file; tables, and matrices of models too large to be unpacked.
 *  - `vector`: float32.
 */
import { type GgmlType, rowBytes } from '../../gguf/ggml-types.ts';
import type { Precision, WeightRole, WeightSource } from '../../tensor/backend.ts';
import type { Weight } from '../../tensor/ops.ts';
import { gridAddress, writeGrid } from './grids.ts';
import type { Kernels } from './kernels.ts';
import { alignUp, type KernelMemory } from './memory.ts';

/** Columns of a panel. */
export const panelColumns = 16;

/** Longest block of k that shares one scale; 16 columns of it fill half of a 32 KiB first-level cache. */
const maxBlock = 384;

/** Bytes read from the file at a time, at least 16 rows. */
const stagingBytes = 1 << 20;

/** How a matrix of `k` input values is cut: `kb` values share a scale, activations stay within ±`limit`. */
export interface Blocking {
  readonly k: number;
  /** k rounded up to 2, for weights in pairs. */
  readonly kPad: number;
  readonly kb: number;
  readonly nBlocks: number;
  /** Largest |activation|: int32 sums of `kb` products are shared fairly between activations and weights. */
  readonly limit: number;
}

/** The blocking of a product over `k` values; the same for every matrix with that k, so that they share activations. */
export function blockingOf(k: number): Blocking {
  const nBlocks = Math.ceil(k / maxBlock);
  const kb = alignUp(Math.ceil(k / nBlocks), 32);
  return {
    k,
    kPad: alignUp(k, 2),
    kb,
    nBlocks: Math.ceil(k / kb),
    limit: Math.min(32767, Math.floor(32767 * Math.sqrt(32 / Math.min(kb, alignUp(k, 2))))),
  };
}

/** Where a matrix keeps its values. */
export type WeightForm = 'i16' | 'f32' | 'blocks' | 'vector';

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
  readonly blocking: Blocking;
  /** Bytes of a row in the file. */
  readonly rowBytes: number;
  /** Values (panels, blocks or vector), and for `i16` the scales. */
  readonly address: number;
  readonly scales: number;
  /** Where the grid of an IQ type lies. */
  readonly grid: number;

  /** @throws Error for a byte length that does not fit the shape */
  constructor(source: WeightSource, role: WeightRole, precision: Precision, keepBlocks: boolean, memory: KernelMemory) {
    this.name = source.name;
    this.type = source.type;
    this.shape = source.shape;
    const [k = 1, n = 1, ...outer] = source.shape;
    this.k = k;
    this.n = n;
    this.nMatrices = outer.reduce((product, axis) => product * axis, 1);
    this.rowBytes = rowBytes(source.type, k);
    if (this.rowBytes * n * this.nMatrices !== source.byteLength) {
      throw new Error(`${source.name}: [${source.shape}] ${source.type.name} does not take ${source.byteLength} bytes`);
    }
    this.grid = gridAddress(source.type.name);
    this.nPanels = Math.ceil(n / panelColumns);
    this.blocking = blockingOf(k);
    this.form =
      role === 'vector' ? 'vector' : role === 'table' || keepBlocks ? 'blocks' : precision === 'exact' ? 'f32' : 'i16';
    this.address = memory.allocate(this.#bytes(), this.name);
    this.scales = this.form === 'i16' ? memory.allocate(this.nMatrices * this.scaleBytes, this.name) : 0;
  }

  /** Bytes of the panels of one matrix. */
  get panelBytes(): number {
    return this.nPanels * panelColumns * (this.form === 'f32' ? this.k * 4 : this.blocking.kPad * 2);
  }

  /** Bytes of the scales of one matrix. */
  get scaleBytes(): number {
    return this.nPanels * this.blocking.nBlocks * panelColumns * 4;
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
  kernels: Kernels,
): Promise<void> {
  memory.ensure(memory.weightsEnd + 64);
  writeGrid(weight.type.name, memory);
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

async function fillVector(w: WasmWeight, source: WeightSource, memory: KernelMemory, kernels: Kernels): Promise<void> {
  const staging = memory.weightsEnd;
  memory.ensure(staging + source.byteLength);
  await source.read(0, memory.bytes(staging, source.byteLength));
  const values = w.k * w.n * w.nMatrices;
  memory.bytes(w.address, alignUp(values, panelColumns) * 4).fill(0);
  kernels.unpackRow(w.type.id, staging, w.address, values, w.grid);
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
        const to = w.address + m * w.panelBytes + (panel * w.panelBytes) / w.nPanels;
        const scales = w.scales + m * w.scaleBytes + panel * w.blocking.nBlocks * panelColumns * 4;
        packPanel(
          w,
          w.form === 'f32',
          staging + r * w.rowBytes,
          Math.min(panelColumns, rows - r),
          to,
          scales,
          scratch,
          kernels,
        );
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
  float: boolean,
  from: number,
  rows: number,
  to: number,
  scales: number,
  scratch: number,
  kernels: Kernels,
): void {
  const { k, kPad, kb, limit } = w.blocking;
  kernels.unpackRows(w.type.id, from, w.rowBytes, rows, k, scratch, k * 4, w.grid);
  if (float) kernels.packPanelF32(scratch, k * 4, rows, k, to);
  else kernels.packPanelI16(scratch, k * 4, rows, k, kPad, kb, limit, to, scales, scratch + panelColumns * k * 4 + 64);
}
