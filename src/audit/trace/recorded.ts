/**
 * @file A trace that this program or llama.cpp recorded earlier: all values, or samples of them.
 */
import type { Trace } from '../../engine/index.ts';

/** One tensor of a recorded trace. */
export interface RecordedStep {
  readonly name: string;
  /** Slowest axis first. */
  readonly shape: readonly number[];
  /** All values, row-major, or those at `sampleIndices(shape)`. */
  readonly values: ArrayLike<number>;
  readonly isSample: boolean;
}

/** A recorded trace. */
export interface RecordedTrace {
  readonly madeBy: 'gguf-embed' | 'llama.cpp';
  /** The precision that computed it, if the record states it. */
  readonly precision?: string | undefined;
  /** Ids of the tokens, if the record has them. */
  readonly tokens: readonly number[] | undefined;
  readonly steps: readonly RecordedStep[];
  /** Half of the last recorded decimal place; 0 if the record holds exact values. */
  readonly rounding: number;
}

/** A record that cannot be read. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/** A current trace in the form of a record with all its values. */
export function recordOf({ info, tokens, steps }: Trace): RecordedTrace {
  return {
    madeBy: 'gguf-embed',
    precision: info.precision,
    tokens: tokens.map(({ id }) => id),
    steps: steps.map(({ name, rows, cols, values }) => ({ name, shape: [rows, cols], values, isSample: false })),
    rounding: 0,
  };
}
