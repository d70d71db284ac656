/**
 * @file Pass: the cosines and sines of rotary embeddings become steps of their own, one for all ropes with the same angles.
 *
 * Buys     the angles of a token are computed once in a forward instead of twice in each layer (queries and keys).
 * Not for  ropes on webgpu, which keeps the angles of all positions from one forward to the next. A product that rotates its results has no
 *          place for these beside its weights, and takes a table like any other input.
 */
import type { RopeOptions, Weight } from '../../tensor/ops.ts';
import type { Step } from './step.ts';
import { GraphTensor } from './tensor.ts';

/**
 * Puts a rotation step before the first step that needs it; its result is the last input of the steps that do.
 * @param rotationOf how a step rotates all tokens; `undefined` if it does not, or needs no table
 */
export function addRotationTables<W extends Weight>(
  steps: readonly Step<W>[],
  rotationOf: (step: Step<W>) => RopeOptions | undefined,
): readonly Step<W>[] {
  const tables = new Map<string, GraphTensor>();
  const all: Step<W>[] = [];
  for (const step of steps) {
    const options = rotationOf(step);
    if (options === undefined) {
      all.push(step);
      continue;
    }
    const key = anglesKey(options);
    let table = tables.get(key);
    if (table === undefined) {
      tables.set(key, (table = new GraphTensor(step.inputs[0].rows, options.nRot, 'tokens')));
      all.push({ op: 'rotation', inputs: [], out: table, options });
    }
    all.push({ ...step, inputs: [...step.inputs, table] });
  }
  return all;
}

/** A key of the angles: ropes with equal keys rotate by the same angles. */
export function anglesKey({ nRot, freqBase, freqScale = 1, freqFactors, coordinates, yarn }: RopeOptions): string {
  return JSON.stringify([nRot, freqBase, freqScale, freqFactors?.name, coordinates, yarn]);
}
