/**
 * @file Pass: products of the same input become one step, which puts their columns side by side (queries, keys and values; gate and up).
 *
 * Buys     on webgpu one launch instead of up to three; on wasm the activations are quantised once for all weights, and a team synchronises
 *          once.
 * Not for  products with an activation, a residual or a scale; weights that the backend cannot multiply in one step (different types, or
 *          not adjacent); narrowed queries (`narrow.ts`); an observed forward.
 */
import type { Weight } from '../../tensor/ops.ts';
import { Moved, namesOf } from './moved.ts';
import type { LinearStep, Step } from './step.ts';
import type { GraphTensor } from './tensor.ts';

/**
 * @param steps the needed steps, in order, of a forward that makes `target`
 * @param follows whether one product can continue from the first weight to the second
 */
export function fuseProducts<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
  follows: (first: W, second: W) => boolean,
): readonly Step<W>[] {
  const runs = runsOf(steps, target, follows);
  const moved = new Moved();
  const fused: Step<W>[] = [];
  for (const step of steps) {
    const run = step.op === 'linear' ? runs.get(step) : undefined;
    if (run === undefined || run.length === 1) fused.push(moved.reading(step));
    else if (run[0] === step) fused.push({ ...moved.reading(step), ...joined(run), out: moved.join(run.map(outOf)) });
  }
  return fused;
}

/** Each product with those that can be computed together with it, in order. */
function runsOf<W extends Weight>(
  steps: readonly Step<W>[],
  target: GraphTensor,
  follows: (first: W, second: W) => boolean,
): Map<Step<W>, LinearStep<W>[]> {
  const latest = new Map<GraphTensor, LinearStep<W>[]>();
  const runs = new Map<Step<W>, LinearStep<W>[]>();
  for (const step of steps) {
    if (step.op !== 'linear' || !isPlain(step) || step.out === target.base) continue;
    const [x] = step.inputs;
    let run = latest.get(x);
    if (run === undefined || run[0].row !== step.row || !follows(run.at(-1)!.parts[0].weight, step.parts[0].weight)) {
      latest.set(x, (run = []));
    }
    run.push(step);
    runs.set(step, run);
  }
  return runs;
}

function isPlain<W extends Weight>({ inputs, parts, activation }: LinearStep<W>): boolean {
  return inputs.length === 1 && activation === undefined && parts[0].scale === undefined;
}

function joined<W extends Weight>(run: readonly LinearStep<W>[]): Pick<LinearStep<W>, 'name' | 'parts'> {
  return { name: namesOf(run), parts: run.flatMap(({ parts }) => parts) };
}

function outOf({ out }: Step): GraphTensor {
  return out;
}
