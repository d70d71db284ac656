/**
 * @file Runs products: activations to integers once for all layers that read them, then panels of the weight.
 *
 * Scratch: `[sums of a strip | quantised activations | their scales | one panel, its scales, scratch for unpacking, blocks from the shelf]`;
 * activations that all ranks quantise together lie in the scratch that they share.
 */
import type { WasmTensor } from './graph.ts';
import { stripBytes } from './kernels.ts';
import { alignUp, rowStride, zerosAddress } from './memory.ts';
import type { Quantized, Runtime } from './runtime.ts';
import { evenPart, groupRows } from './split.ts';
import { minBlocking, packPanel, panelColumns, panelScratchBytes, type WasmWeight } from './weights.ts';

/** Sums of a strip of rows, see `linearI16` and `linearK4`. */
const tileBytes = 6 * stripBytes;

/** Bytes of a group of quantised rows, and of the scales of one row: 8 bits have an offset too. */
function groupBytes({ k, products }: WasmWeight): number {
  return rowStride((products.kind === 'i16' ? alignUp(k, 8) * 2 : alignUp(k, 16)) * groupRows);
}

function rowScaleBytes({ blocking, products }: WasmWeight): number {
  return blocking.nBlocks * (products.kind === 'i16' ? 4 : 8);
}

/** The sums of 32 activations that meet the minima of Q4_K: bytes of a group of them in int16, of a row of their scales, of a row in float32. */
function sumBytes({ k, products }: WasmWeight): { group: number; scales: number; floats: number } {
  if (products.kind !== 'k4') return { group: 0, scales: 0, floats: 0 };
  const { k: kMin, nBlocks } = minBlocking(k);
  return { group: alignUp(kMin, 8) * 2 * groupRows, scales: nBlocks * 4, floats: alignUp(kMin, 8) * 4 };
}

/** Scratch of `multiply` for `rows` rows. */
export function linearScratch(w: WasmWeight, rows: number): number {
  return tileBytes + quantizedBytes(w, rows) + (w.form === 'panels' ? 0 : onePanelBytes(w));
}

/** Bytes of `rows` rows of quantised activations with their scales. */
export function quantizedBytes(w: WasmWeight, rows: number): number {
  return w.products.kind === 'f32' ? 0 : activationsAt(0, rows, w).end + 192;
}

function onePanelBytes(w: WasmWeight): number {
  const blocks = w.form === 'shelved' ? panelColumns * w.rowBytes + 64 : 0;
  return panelColumns * (w.k + 2) * 4 + w.onePanelScaleBytes + panelScratchBytes(w) + blocks + 256;
}

/** One product `c = activation(factor · a · wᵀ + bias) + residual`, all in addresses. */
export interface Product {
  /** Float32 rows. */
  readonly a: number;
  readonly lda: number;
  readonly rows: number;
  readonly w: WasmWeight;
  /** Which matrix of a stack. */
  readonly matrix: number;
  /** 0: none. */
  readonly bias: number;
  readonly factor: number;
  readonly c: number;
  readonly ldc: number;
  readonly activation: number;
  /** 0: none. */
  readonly residual: number;
  readonly ldr: number;
  readonly scratch: number;
}

/** Rows of activations, quantised, and for Q4_K their sums. */
interface Activations {
  readonly address: number;
  readonly groupBytes: number;
  readonly scales: number;
  readonly sums: number;
  readonly sumScales: number;
  /** Scratch: the sums in float32. */
  readonly floats: number;
  readonly end: number;
}

function activationsAt(address: number, rows: number, w: WasmWeight): Activations {
  const groups = Math.ceil(rows / groupRows);
  const of = sumBytes(w);
  const start = alignUp(address, 64);
  const scales = alignUp(start + groups * groupBytes(w), 64);
  const sums = alignUp(scales + rows * rowScaleBytes(w), 64);
  const sumScales = alignUp(sums + groups * of.group, 64);
  const floats = alignUp(sumScales + rows * of.scales, 64);
  return {
    address: start,
    groupBytes: groupBytes(w),
    scales,
    sums,
    sumScales,
    floats,
    end: floats + rows * of.floats,
  };
}

/** Quantises rows [begin, end) of a product; `begin` is the first of a group. */
function quantize({ kernels }: Runtime, { a, lda, w }: Product, to: Activations, begin: number, end: number): void {
  if (begin >= end) return;
  const { k, kb, limit } = w.blocking;
  const rows = end - begin;
  const from = a + begin * lda;
  const group = to.address + (begin / groupRows) * to.groupBytes;
  const scales = to.scales + begin * rowScaleBytes(w);
  if (w.products.kind === 'i16') {
    kernels.quantizeRows({ x: from, ldx: lda, rows, k, q: group, groupBytes: to.groupBytes, scales, kb, limit });
    return;
  }
  kernels.quantizeRowsU8({
    x: from,
    ldx: lda,
    rows,
    k,
    q: group,
    groupBytes: to.groupBytes,
    scales,
    kb,
    levels: limit,
    zero: w.products.kind === 'k4' ? 127 : 0,
  });
  if (w.products.kind !== 'k4') return;
  const of = sumBytes(w);
  const mins = minBlocking(k);
  const floats = to.floats + begin * of.floats;
  const [sums, sumScales] = [to.sums + (begin / groupRows) * of.group, to.sumScales + begin * of.scales];
  kernels.sumsOf32({ x: from, ldx: lda, rows, k, to: floats, ldTo: of.floats });
  kernels.quantizeRows({
    x: floats,
    ldx: of.floats,
    rows,
    k: mins.k,
    q: sums,
    groupBytes: of.group,
    scales: sumScales,
    kb: mins.kb,
    limit: mins.limit,
  });
}

function isQuantized(there: Quantized | undefined, source: WasmTensor | undefined, w: WasmWeight): boolean {
  return source !== undefined && there?.source === source && there.kind === w.products.kind;
}

/**
 * A product of this rank alone.
 * @param source the tensor that `a` is the whole of, if it is one: it is quantised once for all products that follow
 */
export function multiply(rt: Runtime, p: Product, source?: WasmTensor): void {
  const { w, rows } = p;
  if (rows === 0) return;
  const to = activationsAt(p.scratch + tileBytes, rows, w);
  if (w.products.kind !== 'f32' && !isQuantized(rt.quantized, source, w)) {
    quantize(rt, p, to, 0, rows);
    rt.quantized = source && { source, kind: w.products.kind };
  }
  multiplyPanels(rt, p, to, p.scratch + tileBytes + quantizedBytes(w, rows), 0, w.nPanels);
}

/**
 * This rank's columns of a product of all rows; all ranks call it. `p.a` and `p.c` are the first row of all.
 * @param source the tensor that `a` is
 */
export function multiplyTogether(rt: Runtime, p: Product, source: WasmTensor): void {
  const { w, rows } = p;
  const nRanks = rt.shares.length;
  const to = activationsAt(rt.shared, rows, w);
  if (w.products.kind !== 'f32' && !isQuantized(rt.quantizedTogether, source, w)) {
    const [begin, end] = evenPart(Math.ceil(rows / groupRows), rt.rank, nRanks);
    quantize(rt, p, to, begin * groupRows, Math.min(rows, end * groupRows));
    rt.division.meet();
    rt.quantizedTogether = { source, kind: w.products.kind };
  }
  multiplyPanels(rt, p, to, p.scratch + tileBytes, ...evenPart(w.nPanels, rt.rank, nRanks));
}

/** Panels [begin, end) of the weight; where they have to be unpacked first, to `scratch`. */
function multiplyPanels(rt: Runtime, p: Product, from: Activations, scratch: number, begin: number, end: number): void {
  const { w, rows } = p;
  const { k, kPad, kb } = w.blocking;
  const { kind } = w.products;
  const step = p.bias === 0 ? 0 : 64;
  const bias = p.bias || zerosAddress;
  const run = (panels: number, panelScales: number, n: number, column: number) => {
    const c = p.c + column * 4;
    const residual = p.residual === 0 ? 0 : p.residual + column * 4;
    const biasAt = bias + (step === 0 ? 0 : column * 4);
    const tail = {
      nPanels: n,
      bias: biasAt,
      biasStep: step,
      factor: p.factor,
      c,
      ldc: p.ldc,
      rows,
      activation: p.activation,
      residual,
      ldr: p.ldr,
      wide: rt.wide,
      t: p.scratch,
    };
    if (kind === 'f32') {
      rt.kernels.linearF32({ a: p.a, lda: p.lda, w: panels, k, kb, ...tail });
    } else if (kind === 'k4') {
      const { address, groupBytes, scales, sums, sumScales } = from;
      const { group } = sumBytes(w);
      const size = w.onePanelScaleBytes;
      const mins = minBlocking(k);
      rt.kernels.linearK4({
        a: address,
        groupBytes,
        aScale: scales,
        sums,
        sumGroupBytes: group,
        sumScale: sumScales,
        w: panels,
        wScale: panelScales,
        scaleBytes: size,
        k,
        kbMin: mins.kb,
        ...tail,
      });
    } else {
      const linear = kind === 'u8' ? rt.kernels.linearU8 : rt.kernels.linearI16;
      linear({
        a: from.address,
        groupBytes: from.groupBytes,
        aScale: from.scales,
        w: panels,
        wScale: panelScales,
        k,
        kPad,
        kb,
        ...tail,
      });
    }
  };
  if (w.form === 'panels') {
    const panels = w.address + p.matrix * w.panelBytes + begin * w.onePanelBytes;
    run(panels, w.scales + p.matrix * w.scaleBytes + begin * w.onePanelScaleBytes, end - begin, begin * panelColumns);
    return;
  }
  const panel = alignUp(scratch, 64);
  const panelScales = panel + panelColumns * (w.k + 2) * 4;
  const packing = alignUp(panelScales + w.onePanelScaleBytes, 64);
  const shelved = alignUp(packing + panelScratchBytes(w), 64);
  for (let column = begin * panelColumns; column < Math.min(w.n, end * panelColumns); column += panelColumns) {
    const n = Math.min(panelColumns, w.n - column);
    const blocks = rt.blocks(w, p.matrix * w.n + column, n, shelved);
    packPanel(w, blocks, n, panel, panelScales, packing, rt.kernels);
    run(panel, panelScales, 1, column);
  }
}
