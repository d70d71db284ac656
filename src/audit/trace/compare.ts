/**
 * @file Compares a trace with a recorded one, tensor by tensor.
 */
import type { Trace, TraceStep } from '../../engine/index.ts';
import { likelyCause } from './cause.ts';
import { differenceOf, type StepDifference } from './difference.ts';
import type { RecordedStep, RecordedTrace } from './recorded.ts';

/** Maximum number of ids in a message. */
const SHOWN_TOKENS = 16;

/** The result of `compareTraces`. */
export interface TraceComparison {
  /** In the order of the forward. */
  readonly steps: readonly StepDifference[];
  /** The first step beyond the tolerance. */
  readonly first: StepDifference | undefined;
  /** Why that step may differ, if a reason is known. */
  readonly cause: string | undefined;
  /** Names that only one of the two traces has, and tensors whose shapes do not match. */
  readonly onlyHere: readonly string[];
  readonly onlyThere: readonly string[];
  readonly otherShape: readonly string[];
}

/**
 * Compares every tensor that both have. Tensors with the same name are paired in order. If one side has more of them, because a backend
 * shows fewer parts of a step, the nearest ones are paired.
 * @param tolerance largest accepted difference, relative to the largest magnitude in the tensor
 * @throws RangeError when both traces list their tokens and the tokens differ
 */
export function compareTraces(trace: Trace, recorded: RecordedTrace, tolerance: number): TraceComparison {
  const ids = trace.tokens.map(({ id }) => id);
  if (recorded.tokens !== undefined && recorded.tokens.join() !== ids.join()) {
    throw new RangeError(`the other trace has ${listed(recorded.tokens)}, this one ${listed(ids)}`);
  }
  const here = grouped(trace.steps);
  const there = grouped(recorded.steps);
  const found = new Map<TraceStep, StepDifference>();
  const otherShape: string[] = [];
  for (const [name, steps] of here) {
    const others = there.get(name);
    if (others === undefined) continue;
    const pairs = pair(steps, others, (step, other) => differenceOf(step, other, tolerance, recorded.rounding));
    if (pairs.length === 0) otherShape.push(name);
    for (const { step, difference } of pairs) found.set(step, difference);
  }
  const compared = trace.steps.filter((step) => found.has(step));
  const steps = compared.map((step) => found.get(step)!);
  const first = steps.find(({ differs }) => differs);
  const only = <T>(names: Map<string, T>, others: ReadonlyMap<string, unknown>) =>
    [...names.keys()].filter((name) => !others.has(name));
  return {
    steps,
    first,
    cause: first && likelyCause({ trace, recorded, steps, first, tolerance }),
    onlyHere: only(here, there),
    onlyThere: only(there, here),
    otherShape,
  };
}

function listed(ids: readonly number[]): string {
  const shown = ids.slice(0, SHOWN_TOKENS);
  return `the tokens [${shown.join(', ')}${ids.length > shown.length ? `, … ${ids.length} in all` : ''}]`;
}

function grouped<Step extends { readonly name: string }>(steps: readonly Step[]): Map<string, Step[]> {
  const groups = new Map<string, Step[]>();
  for (const step of steps) {
    const group = groups.get(step.name);
    if (group === undefined) groups.set(step.name, [step]);
    else group.push(step);
  }
  return groups;
}

interface Pair {
  readonly step: TraceStep;
  readonly difference: StepDifference;
}

/**
 * Pairs two lists in order, from the end. If one list is longer, each element of the shorter takes the nearest of those left, the later of
 * two.
 */
function pair(
  steps: readonly TraceStep[],
  others: readonly RecordedStep[],
  difference: (step: TraceStep, other: RecordedStep) => StepDifference | undefined,
): Pair[] {
  const swapped = steps.length > others.length;
  const [short, long] = swapped ? [others.length, steps.length] : [steps.length, others.length];
  const pairs: Pair[] = [];
  let end = long;
  for (let i = short - 1; i >= 0; i--) {
    let best: { readonly pair: Pair; readonly at: number } | undefined;
    for (let j = end - 1; j >= i; j--) {
      const [step, other] = swapped ? [steps[j], others[i]] : [steps[i], others[j]];
      const found = difference(step, other);
      const better = found && (best === undefined || found.relative < best.pair.difference.relative);
      if (better) best = { pair: { step, difference: found }, at: j };
    }
    if (best === undefined) continue;
    pairs.push(best.pair);
    end = best.at;
  }
  return pairs;
}
