/**
 * @file Pass: the rotation of the queries and that of the keys become one step where both are side by side (`fuse-products.ts`, or one
 * weight for queries, keys and values). A norm of each head is included (`fuse-norm-rope.ts`).
 *
 * Buys     one launch instead of two on webgpu, one kernel call less in each layer on wasm.
 * Not for  narrowed queries (`narrow.ts`), heads of different sizes, or an observed forward.
 */
import type { Weight } from '../../tensor/ops.ts';
import { Moved, namesOf } from './moved.ts';
import { anglesKey } from './rotation-tables.ts';
import type { NormStep, RopeStep, Step } from './step.ts';
import { GraphTensor } from './tensor.ts';

/** A step that rotates. */
type Rotating<W> = RopeStep | NormStep<W>;

/** @param steps the needed steps, in order, of a forward that makes `target` */
export function fuseRotations<W extends Weight>(steps: readonly Step<W>[], target: GraphTensor): readonly Step<W>[] {
  const partners = partnersOf(steps, target);
  const seconds = new Set(partners.values());
  const moved = new Moved();
  const fused: Step<W>[] = [];
  for (const step of steps) {
    const second = partners.get(step);
    if (second !== undefined) fused.push(together(step as Rotating<W>, second, moved));
    else if (!seconds.has(step as Rotating<W>)) fused.push(moved.reading(step));
  }
  return fused;
}

/** Pairs each step that rotates columns of a tensor with the step that rotates the next columns in the same way. */
function partnersOf<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
): ReadonlyMap<Step<W>, Rotating<W>> {
  const latest = new Map<GraphTensor, Rotating<W>>();
  const partners = new Map<Step<W>, Rotating<W>>();
  for (const step of steps) {
    if ((step.op !== 'rope' && step.op !== 'norm') || rotationOf(step) === undefined || step.out === target.base)
      continue;
    const { base } = step.inputs[0];
    const first = latest.get(base);
    if (first !== undefined && goTogether(first, step)) {
      partners.set(first, step);
      latest.delete(base);
    } else {
      latest.set(base, step);
    }
  }
  return partners;
}

function rotationOf<W>(step: Rotating<W>) {
  return step.op === 'rope' ? step.options : step.rotation;
}

function goTogether<W>(first: Rotating<W>, second: Rotating<W>): boolean {
  const [a, b] = [first.inputs[0], second.inputs[0]];
  const [turn, other] = [rotationOf(first)!, rotationOf(second)!];
  if (first.row !== second.row || b.start !== a.start + a.cols) return false;
  if (a.cols / turn.nHead !== b.cols / other.nHead) return false;
  if (turn.kind !== other.kind || anglesKey(turn) !== anglesKey(other)) return false;
  if (first.op === 'rope' || second.op === 'rope') return first.op === second.op;
  return first.kind === second.kind && first.eps === second.eps;
}

function together<W extends Weight>(first: Rotating<W>, second: Rotating<W>, moved: Moved): Step<W> {
  const [a, b] = [first.inputs[0], second.inputs[0]];
  const both = new GraphTensor(a.rows, a.cols + b.cols, a.space, a.base, a.start);
  const [turn, other] = [rotationOf(first)!, rotationOf(second)!];
  const rotation = { ...turn, nHead: turn.nHead + other.nHead };
  const name = namesOf([first, second]);
  const inputs = [both, ...first.inputs.slice(1)];
  const out = moved.join([first.out, second.out]);
  if (first.op === 'rope') return { ...first, name, inputs, out, options: rotation };
  const { weight, bias, groups } = second as NormStep<W>;
  const keys = { weight, bias, from: first.groups };
  return { ...first, name, inputs, out, rotation, groups: first.groups + groups, next: keys };
}
