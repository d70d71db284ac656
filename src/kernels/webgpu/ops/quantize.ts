/**
 * @file Activations as blocks of bytes, for products in int8. A tensor is rounded once for all products that read it.
 */
import type { Forward } from '../forward.ts';
import { grid } from '../kernel.ts';
import { quantize, quantizedWords } from '../shaders/quantize-int8.wgsl.ts';
import type { GpuTensor, Step } from '../tensor.ts';

/** `[rows, nIn / 32 · 12]`: `x` as `matmul-int8` reads it. */
export function quantized(fw: Forward, x: GpuTensor): GpuTensor {
  return fw.quantized(x, () => fw.add(quantizeStep(x, fw.temporary(x.rows, quantizedWidth(x)))));
}

/** Values of a quantised row. */
export function quantizedWidth({ cols }: GpuTensor): number {
  return (cols / 32) * quantizedWords;
}

/** The step that quantises `x` into `y`. */
export function quantizeStep(x: GpuTensor, y: GpuTensor): Step {
  const values = { rows: x.rows, nIn: x.cols };
  const groups = Math.ceil((x.rows * x.cols) / 32 / 8);
  return {
    label: 'quantize',
    reads: { x },
    writes: y,
    dispatches: () => [{ kernel: quantize, values, grid: grid(groups) }],
  };
}
