/**
 * @file The contract of weight storage: sizes, filling, and what products and tables read. Each kind has one file: `panels.ts`,
 * `blocks.ts`, `rows-on-demand.ts`, `vector.ts`.
 */
import type { GgmlType } from '../../../gguf/ggml-types.ts';
import type { WeightPart, WeightSource } from '../../../tensor/backend.ts';
import { evenPart } from '../even-part.ts';
import { type Blocking, type Form, panelColumns } from '../forms/form.ts';
import type { Address, Count, Kernels, Stride } from '../kernels.ts';
import type { KernelMemory } from '../memory.ts';
import type { OutsideMemory } from '../outside-memory.ts';
import type { TableRows } from './table-rows.ts';

/** What storage needs to know about a weight. */
export interface Stored {
  readonly type: GgmlType;
  /** Input values, output columns of one matrix, and number of matrices. */
  readonly k: number;
  readonly n: number;
  readonly nMatrices: number;
  readonly nPanels: number;
  readonly products: Form;
  readonly blocking: Blocking;
  /** Bytes of a row in the file. */
  readonly rowBytes: Stride;
  /** Addresses of the values, the scales and the grid of its type. */
  readonly address: Address;
  readonly scales: Address;
  readonly grid: Address;
  /** Of a table that is read on demand: the rows that are in memory. */
  readonly tableRows?: TableRows;
}

/** What filling a weight needs. */
export interface Filling {
  readonly memory: KernelMemory;
  readonly outside: OutsideMemory | undefined;
  readonly kernels: Kernels;
  /** Address of `stagingBytes` bytes past the weights, which no other rank uses meanwhile. */
  readonly staging: Address;
  /** The rank whose rows of each matrix are filled; `undefined`: all rows are. */
  readonly part?: WeightPart;
}

/** How products and tables read weights. */
export interface Reader {
  readonly kernels: Kernels;
  /** Address of `rows` rows of file blocks from `row` on; `scratch` has `copyBytes` of them. */
  blocks(w: Stored, row: number, rows: Count, scratch: Address): Address;
}

/** Panels [begin, end) of matrix `matrix`. */
export interface PanelRange {
  readonly matrix: number;
  readonly begin: number;
  readonly end: number;
  /** `panelScratchBytes` bytes. */
  readonly scratch: Address;
}

/** Multiplies `nPanels` panels, whose first column is `column`. */
export type UsePanels = (panels: Address, scales: Address, nPanels: Count, column: number) => void;

/** A kind of weight storage. Sizes are in bytes. */
export interface Storage {
  /** The values of a weight, and its scales. */
  valueBytes(w: Stored): number;
  scaleBytes(w: Stored): number;
  /** Additional memory during filling. */
  stagingBytes(w: Stored): number;
  /** Reads the data and converts it to this form. */
  fill(w: Stored, source: WeightSource, filling: Filling): Promise<void>;
  /** The type and length of a row for kernels that look up rows. */
  row(w: Stored): { readonly type: number; readonly rowBytes: Stride };
  /** Makes these rows available for kernels that read them at the weight's address. Without it, all rows are. */
  require?(w: Stored, rows: ArrayLike<number>, memory: KernelMemory): void;
  /** Scratch for `rows` rows that must be copied before kernels can read them; 0 if they are in the kernels' memory. */
  copyBytes(w: Stored, rows: number): number;
  /** Address of `rows` rows from `row` on; copied to `scratch` where `copyBytes` is not 0. */
  rows(w: Stored, row: number, rows: Count, scratch: Address, memory: KernelMemory, outside?: OutsideMemory): Address;
  /** Scratch of `panels`. */
  panelScratchBytes(w: Stored): number;
  /** Passes the panels of a product to `use`, as many at a time as are available. */
  panels(w: Stored, reader: Reader, range: PanelRange, use: UsePanels): void;
}

/** Rows [begin, end) of each matrix that are filled: those of the panels that a rank multiplies with where products are divided by columns. */
export function rowsToFill({ n, nPanels }: Stored, part: WeightPart | undefined): [begin: number, end: number] {
  if (part === undefined) return [0, n];
  const [begin, end] = evenPart(nPanels, part.rank, part.nRanks);
  return [Math.min(n, begin * panelColumns), Math.min(n, end * panelColumns)];
}

/** Bytes read from the file at a time, at least 16 rows. */
export const stagingBytes = 1 << 20;

/** Bytes of scratch that `packPanel` uses. */
export function packingBytes({ k, blocking }: Stored): number {
  return panelColumns * k * 4 + blocking.kb * 2 + 256;
}

/** Unpacks `rows` (at most 16) rows of file blocks at `from` into one panel. */
export function packPanel(
  { products, blocking, type, rowBytes, grid }: Stored,
  from: Address,
  rows: Count,
  to: Address,
  scales: Address,
  scratch: Address,
  kernels: Kernels,
): void {
  products.pack(kernels, blocking, { type: type.id, from, rowBytes, rows, grid, to, scales, scratch });
}
