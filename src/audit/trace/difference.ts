/**
 * @file The difference of one tensor from a recorded one.
 */
import type { TraceStep } from '../../engine/index.ts';
import type { RecordedStep } from './recorded.ts';
import { sampleIndices } from './sample.ts';

/** The difference of one tensor. */
export interface StepDifference {
  readonly name: string;
  /** `[rows, cols]`. */
  readonly shape: readonly number[];
  /** Values that were compared: all, or the sample. */
  readonly nCompared: number;
  /** Largest difference of two values; NaN if one of them is NaN. */
  readonly largest: number;
  /** The same, relative to the largest finite magnitude in the tensor. */
  readonly relative: number;
  /** Cosine of the values that were compared, without infinities and NaN that both sides have. */
  readonly cosine: number;
  /** The ratio of the other side's values to these. */
  readonly factor: number;
  /** Whether it is beyond the tolerance. */
  readonly differs: boolean;
  /** Which rows differ; empty for most tensors. */
  readonly rows: readonly number[];
}

/**
 * Compares the values of one tensor; `undefined` when the shapes do not match.
 * @param rounding half of the last decimal place of the recorded values
 */
export function differenceOf(
  { name, rows, cols, values }: TraceStep,
  other: RecordedStep,
  tolerance: number,
  rounding: number,
): StepDifference | undefined {
  const place = placeOf(rows, cols, other.shape);
  if (place === undefined) return undefined;
  const indices = other.isSample ? sampleIndices(other.shape) : undefined;
  let [scale, largest, n, dot, aa, bb] = [0, 0, 0, 0, 0, 0];
  for (const value of values) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  const allowed = tolerance * scale + rounding;
  const wrong = new Set<number>();
  for (let i = 0; i < other.values.length; i++) {
    const at = place(indices === undefined ? i : indices[i]);
    const [a, b] = [at === undefined ? 0 : values[at], other.values[i]];
    const apart = Object.is(a, b) ? 0 : Math.abs(a - b);
    if (!(apart <= allowed) && at !== undefined) wrong.add(Math.floor(at / cols));
    largest = Number.isNaN(apart) ? Number.NaN : Math.max(largest, apart);
    n++;
    if (apart === 0 && !Number.isFinite(a)) continue;
    dot += a * b;
    aa += a * a;
    bb += b * b;
  }
  return {
    name,
    shape: [rows, cols],
    nCompared: n,
    largest,
    relative: largest === 0 ? 0 : largest / scale,
    factor: Math.sqrt(bb / aa),
    cosine: aa === bb && dot === aa ? 1 : dot / Math.sqrt(aa * bb),
    differs: !(largest <= allowed),
    rows: [...wrong].sort((a, b) => a - b),
  };
}

/**
 * Maps an index in the other tensor to one in ours; `undefined` for padding. llama.cpp has an extra axis for heads, pads keys, and keeps
 * only the last token in the last layer of a decoder.
 */
function placeOf(
  rows: number,
  cols: number,
  shape: readonly number[],
): ((index: number) => number | undefined) | undefined {
  const width = shape.at(-1) ?? 1;
  const height = shape.slice(0, -1).reduce((product, length) => product * length, 1);
  if (height * width === rows * cols) return (index) => index;
  if (height === rows && cols < width) {
    return (index) => (index % width < cols ? Math.floor(index / width) * cols + (index % width) : undefined);
  }
  return height * width === cols ? (index) => (rows - 1) * cols + index : undefined;
}
