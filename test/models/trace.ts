/**
 * @file Comparing named intermediates with llama.cpp's own.
 *
 * `test/fixtures/reference/trace/<model>.json` has llama.cpp's steps in order: its name, ggml shape (fastest axis first),
 * the sum of all values and a sample: the first and last three along each axis (all of an axis up to six).
 */
import { expect } from 'vitest';
import { pack } from '../kernels/graphs.ts';
import { type Loaded, readJson } from './support.ts';

interface TraceStep {
  readonly name: string;
  readonly shape: readonly number[];
  readonly sum: number;
  readonly sample: readonly number[];
}

interface Seen {
  readonly values: Float32Array;
  readonly rows: number;
  readonly cols: number;
}

/** The steps of one forward over `ids`, by name, in order. */
function traceSteps({ backend, model }: Loaded, ids: readonly number[]): Map<string, Seen[]> {
  const steps = new Map<string, Seen[]>();
  backend.observe((name, values, rows, cols) => {
    steps.set(name, [...(steps.get(name) ?? []), { values, rows, cols }]);
  });
  const batch = pack([ids]);
  backend.ops.begin(batch);
  model.namedForward(backend.ops);
  backend.observe(undefined);
  return steps;
}

/**
 * Expects that every step of the fixture was seen, that every step seen is one of the fixture's, and that the values are
 * the same: of several with one name the last ones must agree, and those before must match some of the fixture's in order.
 * @param options.tolerance largest difference of a value, relative to the step's largest sample (at least 1)
 * @param options.absent names (with or without layer) of the fixture that the model computes without holding them
 * @param options.unnamed names (with or without layer) of the model that llama.cpp gives to nothing
 */
export function expectTrace(
  loaded: Loaded,
  name: string,
  options: { tolerance: number; absent?: readonly string[]; unnamed?: readonly string[] },
): void {
  const expected = new Map<string, TraceStep[]>();
  const fixture = readJson<{ tokens: number[]; steps: TraceStep[] }>(`reference/trace/${name}.json`);
  for (const step of fixture.steps) {
    expected.set(step.name, [...(expected.get(step.name) ?? []), step]);
  }
  const seen = traceSteps(loaded, fixture.tokens);
  const without = (names: Iterable<string>, exceptions: readonly string[] = []) =>
    [...names].filter((step) => !exceptions.includes(step) && !exceptions.includes(step.replace(/-\d+$/, ''))).sort();
  const wanted = without(expected.keys(), options.absent);
  expect(without(seen.keys(), options.unnamed)).toEqual(wanted);
  for (const [step, candidates] of expected) {
    if (!wanted.includes(step)) continue;
    let next = candidates.length;
    for (const values of (seen.get(step) ?? []).reverse()) {
      const problems: string[] = [];
      let problem: string | undefined;
      do {
        if (next === 0) expect.fail(`${name}: ${step} is not llama.cpp's: ${problems.join('; ')}`);
        problem = difference(values, candidates[--next], options.tolerance);
        problems.push(problem ?? '');
        const isLast = problems.length === 1 && next === candidates.length - 1;
        if (isLast) expect(problem, `${name}: ${step}`).toBeUndefined();
      } while (problem !== undefined);
    }
  }
}

/** What is different, in words. llama.cpp keeps only the last token in the last layer of a decoder, and pads keys to 256. */
function difference(seen: Seen, expected: TraceStep, tolerance: number): string | undefined {
  const [width, height = 1, depth = 1] = expected.shape;
  const total = width * height * depth;
  const paddedKeys = seen.cols < width && seen.rows === height * depth;
  const lastRow = seen.rows > 1 && !paddedKeys && total === seen.cols;
  if (!paddedKeys && !lastRow && total !== seen.values.length) {
    return `[${seen.rows}, ${seen.cols}] where [${expected.shape}] is expected`;
  }
  const values = lastRow ? seen.values.subarray(-seen.cols) : seen.values;
  const largest = expected.sample.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
  const allowed = tolerance * largest + 6e-5;
  let next = 0;
  for (const z of shown(depth)) {
    for (const y of shown(height)) {
      for (const x of shown(width)) {
        const row = y + height * z;
        const value = paddedKeys ? (x < seen.cols ? values[x + seen.cols * row] : 0) : values[x + width * row];
        const sample = expected.sample[next++];
        if (!(Math.abs(value - sample) <= allowed)) return `value ${[x, y, z]} is ${value}, expected ${sample}`;
      }
    }
  }
  if (next !== expected.sample.length) return `${next} values compared, the fixture has ${expected.sample.length}`;
  let sum = 0;
  for (const value of values) sum += value;
  const allowedSum = 2 * allowed * Math.sqrt(values.length) + 1e-6 * total;
  return Math.abs(sum - expected.sum) <= allowedSum ? undefined : `the sum is ${sum}, expected ${expected.sum}`;
}

function shown(length: number): number[] {
  const all = Array.from({ length }, (_, i) => i);
  return length > 6 ? [...all.slice(0, 3), ...all.slice(-3)] : all;
}
