/**
 * @file Pass: a norm of each head and the rotation that alone reads it become one step (Qwen 3, Gemma 3: queries and keys of each layer).
 *
 * Buys     on webgpu one launch and one pass over the rows less.
 * Not for  wasm, whose kernels make one pass each, joined or not; a norm of all heads together, with a residual, or that somebody else
 *          reads; a forward whose steps an observer looks at.
 */
import type { Weight } from '../../tensor/ops.ts';
import { joinSteps } from './join.ts';
import type { Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/** @param steps needed ones, in order, of a forward that makes `target` */
export function fuseNormRope<W extends Weight>(steps: readonly Step<W>[], target: GraphTensor): readonly Step<W>[] {
  return joinSteps(steps, target, (norm, rope) => {
    if (norm.op !== 'norm' || rope.op !== 'rope' || norm.groups !== rope.options.nHead) return undefined;
    if (norm.hasResidual || norm.isAdded || norm.rotation !== undefined) return undefined;
    const { name, out, options } = rope;
    return { ...norm, name, out, rotation: options };
  });
}
