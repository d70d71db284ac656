/**
 * @file Pass: a norm of each head and the rotation that is its only reader become one step (Qwen 3, Gemma 3: queries and keys of each
 * layer).
 *
 * Buys     one launch and one pass over the rows less on webgpu.
 * Not for  wasm, whose kernels make the same passes either way; a norm of all heads together, with a residual, or with another reader; an
 *          observed forward.
 */
import type { Weight } from '../../tensor/ops.ts';
import { joinSteps } from './join.ts';
import type { Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/** @param steps the needed steps, in order, of a forward that makes `target` */
export function fuseNormRope<W extends Weight>(steps: readonly Step<W>[], target: GraphTensor): readonly Step<W>[] {
  return joinSteps(steps, target, (norm, rope) => {
    if (norm.op !== 'norm' || rope.op !== 'rope' || norm.groups !== rope.options.nHead) return undefined;
    if (norm.hasResidual || norm.isAdded || norm.rotation !== undefined) return undefined;
    const { name, out, options } = rope;
    return { ...norm, name, out, rotation: options };
  });
}
