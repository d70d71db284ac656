/**
 * @file Pass: a norm and the addition that is its only reader become one step, `norm(x) + r` (Gemma 2 and 3, twice a layer).
 *
 * Buys     one launch and one pass over the rows less on webgpu.
 * Not for  wasm, whose kernels make the same passes either way; a norm that another step reads; an addition with a factor; an
 *          observed forward. A sum before a norm
 *          needs no fusing: it is the `residual` of `Ops.norm`.
 */
import type { Weight } from '../../tensor/ops.ts';
import { joinSteps } from './join.ts';
import type { Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/** @param steps the needed steps, in order, of a forward that makes `target` */
export function fuseNormAdd<W extends Weight>(steps: readonly Step<W>[], target: GraphTensor): readonly Step<W>[] {
  return joinSteps(steps, target, (norm, add, at) => {
    if (norm.op !== 'norm' || add.op !== 'add' || norm.isAdded || norm.rotation !== undefined) return undefined;
    if (add.factor !== undefined) return undefined;
    const { name, out } = add;
    return { ...norm, name, out, inputs: [...norm.inputs, add.inputs[1 - at]], isAdded: true };
  });
}
