/**
 * @file Pass: the cosines and sines of rotary embeddings become steps of their own, one for all ropes with the same angles.
 *
 * Buys     the angles of a token are computed once in a forward instead of twice in each layer (queries and keys).
 * Not for  a backend that keeps the angles of all positions from one forward to the next, as webgpu does.
 */
import type { RopeOptions, Weight } from '../../tensor/ops.ts';
import type { Step } from './step.ts';
import { GraphTensor } from './tensor.ts';

/** Puts a rotation step before the first rope that needs it; its result is the second input of the ropes. */
export function addRotationTables<W extends Weight>(steps: readonly Step<W>[]): readonly Step<W>[] {
  if (!steps.some(({ op }) => op === 'rope')) return steps;
  const tables = new Map<string, GraphTensor>();
  const all: Step<W>[] = [];
  for (const step of steps) {
    if (step.op !== 'rope') {
      all.push(step);
      continue;
    }
    const { name, inputs, out, options } = step;
    const key = anglesKey(options);
    let table = tables.get(key);
    if (table === undefined) {
      tables.set(key, (table = new GraphTensor(inputs[0].rows, options.nRot, 'tokens')));
      all.push({ op: 'rotation', inputs: [], out: table, options });
    }
    all.push({ op: 'rope', name, inputs: [inputs[0], table], out, options });
  }
  return all;
}

/** A key of the angles: ropes with equal keys rotate by the same angles. */
export function anglesKey({ nRot, freqBase, freqScale = 1, freqFactors, coordinates, yarn }: RopeOptions): string {
  return JSON.stringify([nRot, freqBase, freqScale, freqFactors?.name, coordinates, yarn]);
}
