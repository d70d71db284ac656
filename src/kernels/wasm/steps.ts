/**
 * @file What planning needs to know about a step besides its inputs and its result: whether ranks depend on each other in it.
 */
import type { Step } from '../graph/step.ts';
import type { GraphTensor } from '../graph/tensor.ts';
import type { Form } from './forms/form.ts';
import { rowStride } from './memory.ts';
import type { WasmWeight } from './weights.ts';

/** A recorded step over weights of this backend. */
export type WasmStep = Step<WasmWeight>;

/** Whether a step reads rows of other ranks. */
export function exchanges(step: WasmStep): boolean {
  return exchanged(step).length > 0;
}

/** The inputs of which a step reads rows of other ranks. */
export function exchanged(step: WasmStep): readonly GraphTensor[] {
  const { inputs } = step;
  switch (step.op) {
    case 'attention':
      // Each rank asks with its own queries.
      return inputs.slice(1);
    case 'shortConv':
    case 'unfold':
      return inputs;
    case 'pool':
      return step.kind !== 'cls' || step.isLate === true ? inputs : [];
    default:
      return [];
  }
}

/** The numeric form in which a step multiplies its input with a weight; ranks may divide its columns (`split.ts`). */
export function productOf(step: WasmStep): Form | undefined {
  return step.op === 'linear' ? step.parts[0].weight.products : undefined;
}

/** Floats from row to row: a multiple of 16. */
export function leading({ base }: GraphTensor): number {
  return rowStride(base.cols * 4) / 4;
}
