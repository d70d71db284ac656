/**
 * @file Summarises a step of a trace in a few numbers.
 */
import type { TraceStep } from '../../engine/index.ts';
import { sampleIndices } from './sample.ts';

/** The summary of one tensor. */
export interface StepSummary {
  readonly name: string;
  /** `[rows, cols]`. */
  readonly shape: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Euclidean norm of all values. */
  readonly norm: number;
  readonly sum: number;
  /** The values at `sampleIndices(shape)`. */
  readonly sample: readonly number[];
}

/** The numbers of one step. Sums are in double. */
export function summarize({ name, rows, cols, values }: TraceStep): StepSummary {
  const shape = [rows, cols];
  let [min, max, sum, squares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    squares += value * value;
  }
  const sample = sampleIndices(shape).map((i) => values[i]);
  return { name, shape, min, max, mean: sum / values.length, norm: Math.sqrt(squares), sum, sample };
}
