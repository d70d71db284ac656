/**
 * @file The contract of a form of products: the numbers that weights are unpacked to and activations are quantised to, and the product of
 * both. Each form has one file: `f32.ts`, `i16.ts`, `q8.ts`, `u8.ts`, `low-bit.ts`.
 */
import type { Address, Count, Kernels, Stride } from '../kernels.ts';
import { alignUp } from '../memory.ts';

/** Columns of a panel. */
export const panelColumns = 16;

/** Rows of a group of quantised activations. */
export const groupRows = 4;

/** How the `k` input values of a matrix are divided into blocks: `kb` values share a scale, quantised activations stay within `limit`. */
export interface Blocking {
  readonly k: number;
  /** k rounded up to the number of values that the tile processes at a time. */
  readonly kPad: number;
  readonly kb: number;
  readonly nBlocks: number;
  /** Largest |activation|. int16: int32 sums of `kb` products divide their range evenly between activations and weights. */
  readonly limit: number;
}

/** The layout of quantised activations: groups of 4 rows, and what the form stores besides. */
export interface Activations {
  readonly address: Address;
  readonly groupBytes: Stride;
  readonly scales: Address;
  /** Low-bit weights: what the sums begin with (`startSums`); int16 sums of 32 activations, their scales, and scratch for these in float32. */
  readonly starts: Address;
  readonly sums: Address;
  readonly sumScales: Address;
  readonly floats: Address;
  readonly end: number;
}

/** Rows [begin, begin + rows) of float32 activations; `begin` is the first of a group. */
export interface Rows {
  readonly a: Address;
  readonly lda: Stride;
  readonly begin: Count;
  readonly rows: Count;
}

/** Rows of blocks of the file (at most 16) and the panel to make of them. */
export interface Packing {
  readonly type: number;
  readonly from: Address;
  readonly rowBytes: Stride;
  readonly rows: Count;
  readonly grid: Address;
  readonly to: Address;
  readonly scales: Address;
  readonly scratch: Address;
}

/**
 * The arguments of a product of panels besides its activations: see `linearI16` in `assembly/linear.ts`, and `linearQ8` for `expanded`. Forms pass the fields one by one:
 * spreading an object of this size costs as much as a small product.
 */
export type Panels = Omit<
  Parameters<Kernels['linearQ8']>[0],
  'a' | 'groupBytes' | 'aScale' | 'scaleBytes' | 'k' | 'kb'
>;

/** A form of products. Sizes are in bytes. */
export interface Form {
  /** Whether activations are integers. Products of the other forms read float32. */
  readonly quantizes: boolean;
  /** The blocking of a product over `k` values. It is the same for every matrix with that k, so that they share activations. */
  blocking(k: number): Blocking;
  /** One panel. */
  panelBytes(blocking: Blocking): number;
  /** The scales of one panel; 0 without scales. */
  scaleBytes(blocking: Blocking): number;
  /** Scratch of a product, for panels that are expanded before they are multiplied; 0 if they are multiplied as they are. */
  expandedBytes(blocking: Blocking): number;
  /** Lays out `rows` rows of activations from `address` on; `undefined` where products read float32. */
  activations(blocking: Blocking, address: number, rows: number): Activations | undefined;
  /** Quantises rows. */
  quantize(kernels: Kernels, blocking: Blocking, from: Rows, to: Activations): void;
  /** Makes one panel and its scales. */
  pack(kernels: Kernels, blocking: Blocking, packing: Packing): void;
  /** Multiplies all rows of `from` (float32), quantised in `activations`, with panels. */
  multiply(
    kernels: Kernels,
    blocking: Blocking,
    from: Rows,
    activations: Activations | undefined,
    panels: Panels,
  ): void;
}

/** Whether products of both forms read the same quantised activations. */
export function sharesActivations(a: Form, b: Form): boolean {
  return a.quantize === b.quantize;
}

/** Cuts `k` values into equal blocks of at most `longest`, which are multiples of 32. */
export function blocks(k: number, longest: number): { readonly kb: number; readonly nBlocks: number } {
  const kb = alignUp(Math.ceil(k / Math.ceil(k / longest)), 32);
  return { kb, nBlocks: Math.ceil(k / kb) };
}

/** Unpacks the rows to float32 in the scratch; returns the address of the remaining scratch for one row. */
export function unpack(kernels: Kernels, { k }: Blocking, packing: Packing): number {
  const { type, from, rowBytes, rows, grid, scratch } = packing;
  kernels.unpackRows({ type, from, rowBytes, rows, k, x: scratch, ldx: k * 4, tables: grid });
  return scratch + panelColumns * k * 4 + 64;
}

/** Places activations one after the other. */
export function layOut(
  address: number,
  rows: number,
  groupBytes: number,
  scaleBytes: number,
  more = { starts: 0, group: 0, scales: 0, floats: 0 },
): Activations {
  const groups = Math.ceil(rows / groupRows);
  const start = alignUp(address, 64);
  const scales = alignUp(start + groups * groupBytes, 64);
  const starts = alignUp(scales + rows * scaleBytes, 64);
  const sums = alignUp(starts + groups * more.starts, 64);
  const sumScales = alignUp(sums + groups * more.group, 64);
  const floats = alignUp(sumScales + rows * more.scales, 64);
  return { address: start, groupBytes, scales, starts, sums, sumScales, floats, end: floats + rows * more.floats };
}
