/**
 * @file Runs products: activations to integers once for all layers that read them, then panels of the weight.
 *
 * Scratch: `[sums of a tile | quantised activations | their scales | one panel, its scales, scratch for unpacking, blocks from the shelf]`.
 */
import type { WasmTensor } from './graph.ts';
import { alignUp, rowStride, zerosAddress } from './memory.ts';
import type { Runtime } from './runtime.ts';
import { packPanel, panelColumns, panelScratchBytes, type WasmWeight } from './weights.ts';

const tileBytes = 2048;

/** Rows that lie together in quantised activations. */
const groupRows = 4;

/** Bytes of a group of quantised rows, and of the scales of one row: 8 bits have an offset too. */
function groupBytes({ k, products }: WasmWeight): number {
  return rowStride((products.kind === 'u8' ? alignUp(k, 16) : alignUp(k, 8) * 2) * groupRows);
}

function rowScaleBytes({ blocking, products }: WasmWeight): number {
  return blocking.nBlocks * (products.kind === 'u8' ? 8 : 4);
}

/** Scratch of `multiply` for `rows` rows. */
export function linearScratch(w: WasmWeight, rows: number): number {
  const exact = w.products.kind === 'f32';
  const activations = exact ? 0 : Math.ceil(rows / groupRows) * groupBytes(w) + rows * rowScaleBytes(w) + 192;
  return tileBytes + activations + (w.form === 'panels' ? 0 : onePanelBytes(w));
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

/**
 * @param source the tensor that `a` is the whole of, if it is one: it is quantised once for all products that follow
 */
export function multiply(rt: Runtime, p: Product, source?: WasmTensor): void {
  const { w, rows } = p;
  if (rows === 0) return;
  const { blocking } = w;
  const { kind } = w.products;
  const exact = kind === 'f32';
  const quantized = alignUp(p.scratch + tileBytes, 64);
  const ldq = groupBytes(w);
  const scales = alignUp(quantized + Math.ceil(rows / groupRows) * ldq, 64);
  if (!exact && (source === undefined || rt.quantized?.tensor !== source)) {
    const quantize = kind === 'u8' ? rt.kernels.quantizeRowsU8 : rt.kernels.quantizeRows;
    quantize(p.a, p.lda, rows, w.k, quantized, ldq, scales, blocking.kb, blocking.limit);
    rt.quantized = source && { tensor: source, blocking };
  }
  const step = p.bias === 0 ? 0 : 64;
  const bias = p.bias || zerosAddress;
  const run = (panels: number, panelScales: number, n: number, column: number) => {
    const c = p.c + column * 4;
    const residual = p.residual === 0 ? 0 : p.residual + column * 4;
    const biasAt = bias + (step === 0 ? 0 : column * 4);
    const tail = [biasAt, step, p.factor, c, p.ldc, rows, p.activation, residual, p.ldr, rt.wide, p.scratch] as const;
    const { k, kPad, kb } = blocking;
    if (exact) rt.kernels.linearF32(p.a, p.lda, panels, k, kb, n, ...tail);
    else
      (kind === 'u8' ? rt.kernels.linearU8 : rt.kernels.linearI16)(
        quantized,
        ldq,
        scales,
        panels,
        panelScales,
        k,
        kPad,
        kb,
        n,
        ...tail,
      );
  };
  if (w.form === 'panels') {
    run(w.address + p.matrix * w.panelBytes, w.scales + p.matrix * w.scaleBytes, w.nPanels, 0);
    return;
  }
  const panel = alignUp(exact ? p.scratch + tileBytes : scales + rows * rowScaleBytes(w), 64);
  const panelScales = panel + panelColumns * (w.k + 2) * 4;
  const scratch = alignUp(panelScales + w.onePanelScaleBytes, 64);
  const shelved = alignUp(scratch + panelScratchBytes(w), 64);
  for (let column = 0; column < w.n; column += panelColumns) {
    const n = Math.min(panelColumns, w.n - column);
    const from = rt.blocks(w, p.matrix * w.n + column, n, shelved);
    packPanel(w, from, n, panel, panelScales, scratch, rt.kernels);
    run(panel, panelScales, 1, column);
  }
}
