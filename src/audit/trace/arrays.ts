/**
 * @file The arrays of a trace under unique names, as files of arrays need them.
 */
import type { Trace } from '../../engine/index.ts';
import type { RecordedStep, RecordedTrace } from './recorded.ts';

/** One array of a file. */
export interface NamedArray {
  readonly name: string;
  /** Slowest axis first. */
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** What a file of arrays holds. */
export interface TraceArrays {
  readonly arrays: readonly NamedArray[];
  /** The precision that computed them; files of other programs do not say it. */
  readonly precision?: string | undefined;
}

/**
 * The tokens, all steps in order and the vector. A name that occurs several times gets `#2`, `#3`… from the second time on.
 */
export function arraysOf({ info, tokens, steps, vector, dimensions }: Trace): TraceArrays {
  const seen = new Map<string, number>();
  const arrays = [
    { name: 'tokens', shape: [tokens.length], values: Int32Array.from(tokens, ({ id }) => id) },
    ...steps.map(({ name, rows, cols, values }) => {
      const nth = (seen.get(name) ?? 0) + 1;
      seen.set(name, nth);
      return { name: nth === 1 ? name : `${name}#${nth}`, shape: [rows, cols], values };
    }),
    { name: 'vector', shape: [vector.length / dimensions, dimensions], values: vector },
  ];
  return { arrays, precision: info.precision };
}

/** The trace from which `arraysOf` made the arrays. */
export function recordOfArrays({ arrays, precision }: TraceArrays): RecordedTrace {
  let tokens: number[] | undefined;
  const steps: RecordedStep[] = [];
  for (const { name, shape, values } of arrays) {
    if (name === 'tokens') tokens = Array.from(values);
    else if (name !== 'vector') steps.push({ name: name.replace(/#\d+$/, ''), shape, values, isSample: false });
  }
  return { madeBy: 'gguf-embed', precision, tokens, steps, rounding: 0 };
}

/** The bytes of an array, little-endian like every platform of JavaScript. */
export function bytesOf({ values }: NamedArray): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Bytes in their own buffer, where they are aligned. (`slice` of Node's `Buffer` would not copy.) */
export function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
