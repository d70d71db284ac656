/**
 * @file Pass: a norm and the addition that alone reads it become one step, `norm(x) + r` (Gemma 2 and 3, twice a layer).
 *
 * Buys     on webgpu one launch and one pass over the rows less.
 * Not for  wasm, whose kernels make one pass each, joined or not; a norm that another step reads; a forward whose steps an observer
 *          looks at. A sum before a norm needs no pass: it is the `residual` of `Ops.norm`.
 */
import type { Weight } from '../../tensor/ops.ts';
import { joinSteps } from './join.ts';
import type { Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/** @param steps needed ones, in order, of a forward that makes `target` */
export function fuseNormAdd<W extends Weight>(steps: readonly Step<W>[], target: GraphTensor): readonly Step<W>[] {
  return joinSteps(steps, target, (norm, add, at) => {
    if (norm.op !== 'norm' || add.op !== 'add' || norm.isAdded || norm.rotation !== undefined) return undefined;
    const { name, out } = add;
    return { ...norm, name, out, inputs: [...norm.inputs, add.inputs[1 - at]], isAdded: true };
  });
}
