/**
 * @file The part of a trace that a report shows: pictures of tensors in 8 bits, small enough for a page, and a few exact numbers.
 */
import type { Trace, TraceStep } from '../../engine/index.ts';
import type { TraceComparison } from '../trace/compare.ts';
import type { RecordedTrace } from '../trace/recorded.ts';
import { base64 } from './base64.ts';

/** A matrix as a picture. A cell of a picture that is smaller than its matrix has the value of largest magnitude below it. */
export interface Picture {
  readonly name: string;
  /** Of the matrix. */
  readonly rows: number;
  readonly cols: number;
  /** Of the picture. */
  readonly height: number;
  readonly width: number;
  /** The largest magnitude. */
  readonly scale: number;
  /** Row-major bytes in base64: 128 is 0, 1 is −scale, 255 is scale; 0 is NaN. */
  readonly cells: string;
}

/** All that the page shows. */
export interface ReportData {
  readonly model: string;
  readonly backend: string;
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  readonly pooling: string;
  /** Tensors with a row for each token. */
  readonly activations: readonly Picture[];
  /** The shares of attention: for each layer, one picture a head. */
  readonly attention: readonly { readonly layer: string; readonly heads: readonly Picture[] }[];
  /** The Euclidean norm of each row of each of `activations`. */
  readonly norms: readonly (readonly number[])[];
  /** How much of the pooled vector comes from each token; together 1. Empty where pooling takes no part of the rows. */
  readonly shares: readonly number[];
  readonly vector: readonly number[];
  readonly comparison?: {
    readonly other: string;
    readonly cause?: string;
    readonly steps: readonly { name: string; largest: number; relative: number; differs: boolean }[];
    /** `activations` of this trace minus those of the other one, by index, where it has all values. */
    readonly differences: Readonly<Record<number, Picture>>;
  };
}

/** Cells of a picture along each side. */
const MAX_SIDE = 320;

/** What a trace is compared with. */
export interface ComparedWith {
  readonly name: string;
  readonly recorded: RecordedTrace;
  readonly comparison: TraceComparison;
}

/** Prepares a trace, which must have all steps that are to be seen. */
export function reportData(trace: Trace, compared?: ComparedWith): ReportData {
  const { info, tokens, steps, vector, pooling } = trace;
  const n = tokens.length;
  const shown = steps.filter(({ name, rows }) => rows === n && !isAttention(name));
  const attention = steps.filter(
    ({ name, rows, cols }) => name.startsWith('kq_soft_max') && cols === n && rows % n === 0,
  );
  return {
    model: `${info.name} (${info.architecture}, ${info.ftype})`,
    backend: `${info.backend}: ${info.backendDescription}`,
    tokens: tokens.map(({ text }) => text),
    ids: tokens.map(({ id }) => id),
    pooling,
    activations: shown.map((step) => picture(step.name, step.values, step.rows, step.cols)),
    attention: attention.map(({ name, values, rows }) => ({
      layer: name.replace(/^kq_soft_max-?/, ''),
      heads: Array.from({ length: rows / n }, (_, head) =>
        picture(`head ${head}`, values.subarray(head * n * n, (head + 1) * n * n), n, n),
      ),
    })),
    norms: shown.map(rowNorms),
    shares: sharesOf(trace, shown.at(-1)),
    vector: Array.from(vector.subarray(0, trace.dimensions), (value) => Number(value.toPrecision(6))),
    comparison: compared && comparisonData(shown, compared),
  };
}

function isAttention(name: string): boolean {
  return /^kq(_soft_max)?(-|$)/.test(name);
}

function comparisonData(shown: readonly TraceStep[], { name, recorded, comparison }: ComparedWith) {
  const differences: Record<number, Picture> = {};
  for (const [i, step] of shown.entries()) {
    const same = (other: { readonly name: string }) => other.name === step.name;
    // Of several with one name the same one, counted from the end.
    const later = shown.slice(i + 1).filter(same).length;
    const other = recorded.steps.filter(same).at(-1 - later);
    if (other === undefined || other.isSample || other.values.length !== step.values.length) continue;
    const difference = step.values.map((value, j) => value - other.values[j]);
    differences[i] = picture(step.name, difference, step.rows, step.cols);
  }
  const steps = comparison.steps.map(({ name, largest, relative, differs }) => ({ name, largest, relative, differs }));
  return { other: name, cause: comparison.cause, steps, differences };
}

function rowNorms({ values, rows, cols }: TraceStep): number[] {
  return Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (const value of values.subarray(r * cols, (r + 1) * cols)) sum += value * value;
    return Number(Math.sqrt(sum).toPrecision(4));
  });
}

/** The part of the pooled vector's length that each row brings along its direction. */
function sharesOf({ steps, pooling, tokens }: Trace, last: TraceStep | undefined): number[] {
  const n = tokens.length;
  if (pooling === 'cls') return tokens.map((_, i) => (i === 0 ? 1 : 0));
  if (pooling === 'last') return tokens.map((_, i) => (i === n - 1 ? 1 : 0));
  const pooled = steps.find(({ name }) => name === 'result_embd_pooled');
  if (pooling !== 'mean' || pooled === undefined || last === undefined || last.cols !== pooled.cols) return [];
  const dots = Array.from({ length: n }, (_, r) => {
    let sum = 0;
    for (let i = 0; i < last.cols; i++) sum += last.values[r * last.cols + i] * pooled.values[i];
    return sum;
  });
  const total = dots.reduce((sum, value) => sum + value, 0);
  return dots.map((value) => Number((value / total).toPrecision(4)));
}

function picture(name: string, values: Float32Array, rows: number, cols: number): Picture {
  const [height, width] = [Math.min(rows, MAX_SIDE), Math.min(cols, MAX_SIDE)];
  const best = new Float32Array(height * width);
  let scale = 0;
  for (let r = 0; r < rows; r++) {
    const y = Math.floor((r * height) / rows) * width;
    for (let c = 0; c < cols; c++) {
      const at = y + Math.floor((c * width) / cols);
      const value = values[r * cols + c];
      // What is no number stays once it is there.
      if (!Number.isNaN(best[at]) && !(Math.abs(value) <= Math.abs(best[at]))) best[at] = value;
      if (Math.abs(value) > scale) scale = Math.abs(value);
    }
  }
  const bytes = Uint8Array.from(best, (value) =>
    Number.isNaN(value) ? 0 : 128 + Math.round((127 * Math.max(-scale, Math.min(scale, value))) / (scale || 1)),
  );
  return { name, rows, cols, height, width, scale: Number(scale.toPrecision(6)), cells: base64(bytes) };
}
