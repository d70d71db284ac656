/**
 * @file Runs products: activations are quantised once for all layers that read them, then multiplied with panels of the weight.
 *
 * Scratch: `[sums of a strip | quantised activations | their scales | expanded panels | what the storage of the weight needs for its
 * panels]`; activations that all ranks quantise together are in the shared scratch.
 */
import type { GraphTensor } from '../graph/tensor.ts';
import { evenPart } from './even-part.ts';
import { type Activations, groupRows, panelColumns, sharesActivations } from './forms/form.ts';
import { type Address, type Count, type Stride, stripBytes } from './kernels.ts';
import { alignUp, zerosAddress } from './memory.ts';
import type { Pieces } from './pieces.ts';
import type { Runtime } from './runtime.ts';
import type { Quantized } from './split.ts';
import type { WasmWeight } from './weights.ts';

/** Sums of a strip of rows, see `linearI16`. */
const tileBytes = 2 * stripBytes;

/** Scratch of `multiply` for `rows` rows. */
export function linearScratch(w: WasmWeight, rows: number): number {
  return tileBytes + quantizedBytes(w, rows) + expandedBytes(w) + w.storage.panelScratchBytes(w);
}

/** Bytes of expanded panels. */
function expandedBytes(w: WasmWeight): number {
  return alignUp(w.products.expandedBytes(w.blocking), 64) + 64;
}

/** Bytes of `rows` rows of quantised activations with their scales. */
export function quantizedBytes(w: WasmWeight, rows: number): number {
  const there = w.products.activations(w.blocking, 0, rows);
  return there === undefined ? 0 : there.end + 192;
}

/** One product `c = activation(factor · a · wᵀ + bias) + residual`, all in addresses. */
export interface Product {
  /** Float32 rows. */
  readonly a: Address;
  readonly lda: Stride;
  readonly rows: Count;
  readonly w: WasmWeight;
  /** Which matrix of a stack. */
  readonly matrix: number;
  /** 0: none. */
  readonly bias: Address;
  readonly factor: number;
  readonly c: Address;
  readonly ldc: Stride;
  readonly activation: number;
  /** 0: none. */
  readonly residual: Address;
  readonly ldr: Stride;
  readonly scratch: Address;
}

function isQuantized(there: Quantized | undefined, source: GraphTensor | undefined, w: WasmWeight): boolean {
  return source !== undefined && there?.source === source && sharesActivations(there.products, w.products);
}

/** What a product of one rank needs of a forward. */
export type Multiplying = Pick<Runtime, 'kernels' | 'wide' | 'blocks' | 'quantized'>;

/**
 * A product of this rank alone.
 * @param source the tensor whose whole content is at `a`, if there is one: it is quantised once for all following products
 * @param nPanels computes only that many panels
 */
export function multiply(rt: Multiplying, p: Product, source?: GraphTensor, nPanels = p.w.nPanels): void {
  const { w, rows } = p;
  if (rows === 0) return;
  const to = w.products.activations(w.blocking, p.scratch + tileBytes, rows);
  if (to !== undefined && !isQuantized(rt.quantized, source, w)) {
    w.products.quantize(rt.kernels, w.blocking, { a: p.a, lda: p.lda, begin: 0, rows }, to);
    rt.quantized = source && { source, products: w.products };
  }
  multiplyPanels(rt, p, to, p.scratch + tileBytes + quantizedBytes(w, rows), 0, nPanels);
}

/**
 * The columns that this rank takes of a product of all rows; all ranks call it. `p.a` and `p.c` are the first row of all.
 * @param source the tensor that `a` is
 */
export function multiplyTogether(rt: Runtime, p: Product, source: GraphTensor, pieces: Pieces): void {
  const { w, rows } = p;
  const nRanks = rt.shares.length;
  const to = w.products.activations(w.blocking, rt.shared, rows);
  if (to !== undefined && !isQuantized(rt.quantizedTogether, source, w)) {
    const [first, last] = evenPart(Math.ceil(rows / groupRows), rt.rank, nRanks);
    const begin = first * groupRows;
    const own = Math.min(rows, last * groupRows) - begin;
    if (own > 0) w.products.quantize(rt.kernels, w.blocking, { a: p.a, lda: p.lda, begin, rows: own }, to);
    rt.division.barrier();
    rt.quantizedTogether = { source, products: w.products };
  }
  pieces.divide(w.nPanels, nRanks, rows * w.k * panelColumns, (begin, end) =>
    multiplyPanels(rt, p, to, p.scratch + tileBytes, begin, end),
  );
}

/** Panels [begin, end) of the weight; unpacked to `scratch` if necessary. */
function multiplyPanels(
  rt: Multiplying,
  p: Product,
  activations: Activations | undefined,
  scratch: number,
  begin: number,
  end: number,
): void {
  const { w, rows, a, lda } = p;
  const from = { a, lda, begin: 0, rows };
  const expanded = alignUp(scratch, 64);
  const range = { matrix: p.matrix, begin, end, scratch: scratch + expandedBytes(w) };
  w.storage.panels(w, rt, range, (panels, panelScales, nPanels, column) =>
    w.products.multiply(rt.kernels, w.blocking, from, activations, {
      w: panels,
      wScale: panelScales,
      nPanels,
      bias: p.bias === 0 ? zerosAddress : p.bias + column * 4,
      biasStep: p.bias === 0 ? 0 : 64,
      factor: p.factor,
      c: p.c + column * 4,
      ldc: p.ldc,
      rows,
      activation: p.activation,
      residual: p.residual === 0 ? 0 : p.residual + column * 4,
      ldr: p.ldr,
      wide: rt.wide,
      t: p.scratch,
      expanded,
    }),
  );
}
