/**
 * @file A trace that was written down earlier, by this program or by llama.cpp: all values or samples of them.
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
  /** The precision that computed it, where the record says so. */
  readonly precision?: string;
  /** Ids of the tokens, where the record has them. */
  readonly tokens: readonly number[] | undefined;
  readonly steps: readonly RecordedStep[];
  /** Half of the last decimal place that is written down; 0 where values are whole. */
  readonly rounding: number;
}

/** A record that cannot be read. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/** A trace of now as if it had been written down with all its values. */
export function recordOf({ info, tokens, steps }: Trace): RecordedTrace {
  return {
    madeBy: 'gguf-embed',
    precision: info.precision,
    tokens: tokens.map(({ id }) => id),
    steps: steps.map(({ name, rows, cols, values }) => ({ name, shape: [rows, cols], values, isSample: false })),
    rounding: 0,
  };
}
