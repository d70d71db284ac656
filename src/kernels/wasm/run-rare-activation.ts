/**
 * @file Runs the element-wise functions of layers over pooled vectors, value by value: there is one row for each text.
 */
import { elementFunctions } from '../../tensor/element-functions.ts';
import type { RareActivation } from '../../tensor/ops.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import { alignUp } from './memory.ts';
import type { Runtime } from './runtime.ts';

/** `y = f(x)`. */
export function runRareActivation(rt: Runtime, x: GraphTensor, y: GraphTensor, activation: RareActivation): void {
  const f = elementFunctions[activation];
  const { f32 } = rt.memory;
  const nColumns = alignUp(y.cols, 8);
  for (let r = 0; r < rt.rows(y); r++) {
    const from = (rt.address(x) + r * rt.stride(x)) / 4;
    const to = (rt.address(y) + r * rt.stride(y)) / 4;
    // Kernels that read whole vectors of values read this far.
    for (let c = 0; c < nColumns; c++) f32[to + c] = f(f32[from + c]);
  }
}
