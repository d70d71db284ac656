/**
 * @file Writes and reads a trace as JSON: for each step a few numbers and a sample.
 */
import type { Trace } from '../../engine/index.ts';
import { RecordError, type RecordedTrace } from './recorded.ts';
import { sampleIndices } from './sample.ts';
import { type StepSummary, summarize } from './summary.ts';

const format = 'gguf-embed trace';

/** The trace as one object for `JSON.stringify`, which writes NaN and infinities as `null`. */
export function jsonOf({ info, tokens, images, pooling, steps, vector, dimensions }: Trace): object {
  const { name, architecture, ftype, backend, backendDescription, precision } = info;
  return {
    format,
    version: 1,
    model: { name, architecture, ftype },
    backend: { name: backend, description: backendDescription, precision },
    tokens,
    ...(images.length > 0 && {
      images: images.map(({ rgb, order, windows, ...numbers }) => ({ ...numbers, windows: Array.from(windows) })),
    }),
    pooling,
    steps: steps.map((step) => {
      const { sample, ...numbers } = summarize(step);
      return { ...numbers, ...(step.image !== undefined && { image: step.image }), sample: sample.map(shortest) };
    }),
    dimensions,
    vector: Array.from(vector, shortest),
  };
}

/** The shortest decimal that gives the same float32. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/**
 * The trace in a JSON text.
 * @throws RecordError if it is not a trace of this program
 */
export function readJson(text: string): RecordedTrace {
  let json: { format?: unknown; backend?: { precision?: unknown }; tokens?: unknown; steps?: unknown } | null;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RecordError(`it is not JSON: ${(cause as Error).message}`, { cause });
  }
  const { backend, tokens, steps } = json ?? {};
  if (json?.format !== format || !Array.isArray(tokens) || !Array.isArray(steps)) {
    throw new RecordError('it is not a trace written by gguf-embed trace --json');
  }
  return {
    madeBy: 'gguf-embed',
    precision: typeof backend?.precision === 'string' ? backend.precision : undefined,
    tokens: tokens.map((token: { id?: unknown } | null) => Number(token?.id)),
    steps: (steps as readonly (Partial<StepSummary> | null)[]).map((step) => {
      const { name, shape, sample } = step ?? {};
      if (typeof name !== 'string' || !isShape(shape) || !Array.isArray(sample)) {
        throw new RecordError('a step has no name, shape or sample');
      }
      if (sample.length !== sampleIndices(shape).length) {
        throw new RecordError(
          `the sample of ${name} has ${sample.length} values, which does not match the shape [${shape}]`,
        );
      }
      return { name, shape, values: sample.map((value) => value ?? Number.NaN), isSample: true };
    }),
    rounding: 0,
  };
}

/** Whether a value is the rows and columns of a step. */
function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length === 2 && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
