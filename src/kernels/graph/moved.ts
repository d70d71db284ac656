/**
 * @file Shared by the passes that put the results of several steps side by side: readers of one result then read columns of the joint
 * result.
 */
import type { Weight } from '../../tensor/ops.ts';
import type { Step } from './step.ts';
import { GraphTensor } from './tensor.ts';

/** The names of steps that become one, for messages. */
export function namesOf(steps: readonly Step[]): string | undefined {
  const names = steps.map(({ name }) => name).filter((name) => name !== undefined);
  return names.length === 0 ? undefined : names.join(', ');
}

/** Records which results have become columns of another one. */
export class Moved {
  readonly #views = new Map<GraphTensor, GraphTensor>();

  /** Puts `results` side by side. @returns the tensor that holds them all */
  join(results: readonly GraphTensor[]): GraphTensor {
    const [{ rows, space }] = results;
    const all = new GraphTensor(
      rows,
      results.reduce((sum, { cols }) => sum + cols, 0),
      space,
    );
    let start = 0;
    for (const result of results) {
      this.put(result, all, start);
      start += result.cols;
    }
    return all;
  }

  /** Makes `result` the columns of `all` from `start` on. */
  put(result: GraphTensor, all: GraphTensor, start: number): void {
    this.#views.set(result, new GraphTensor(result.rows, result.cols, result.space, all, start));
  }

  /** `step` with its current inputs. */
  reading<W extends Weight>(step: Step<W>): Step<W> {
    if (!step.inputs.some(({ base }) => this.#views.has(base))) return step;
    return { ...step, inputs: step.inputs.map((x) => this.#of(x)) };
  }

  #of(x: GraphTensor): GraphTensor {
    const moved = this.#views.get(x.base);
    if (moved === undefined || x === x.base) return moved ?? x;
    let view = this.#views.get(x);
    if (view === undefined) {
      this.#views.set(x, (view = new GraphTensor(x.rows, x.cols, x.space, moved.base, moved.start + x.start)));
    }
    return view;
  }
}
