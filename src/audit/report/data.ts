/**
 * @file The part of a trace that a report shows: pictures of tensors in 8 bits, small enough for a page, and a few exact numbers.
 */
import type { Trace, TraceStep } from '../../engine/index.ts';
import { isAttention } from '../../engine/trace.ts';
import type { TraceComparison } from '../trace/compare.ts';
import type { RecordedTrace } from '../trace/recorded.ts';
import { type ImageData, imageData } from './image-data.ts';
import { type AttentionLayer, headsOf, type Picture, picture, rowNorms } from './picture.ts';

/** All that the page shows. */
export interface ReportData {
  readonly model: string;
  readonly backend: string;
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  readonly pooling: string;
  /** Tensors with a row for each token. */
  readonly activations: readonly Picture[];
  /** What the vision tower makes of each image. */
  readonly images: readonly ImageData[];
  /** The shares of attention: for each layer, one picture a head. */
  readonly attention: readonly AttentionLayer[];
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

/** What a trace is compared with. */
export interface ComparedWith {
  readonly name: string;
  readonly recorded: RecordedTrace;
  readonly comparison: TraceComparison;
}

/** Prepares a trace, which must have all steps that are to be seen. */
export function reportData(trace: Trace, compared?: ComparedWith): ReportData {
  const { info, tokens, images, vector, pooling } = trace;
  const n = tokens.length;
  const steps = trace.steps.filter(({ image }) => image === undefined);
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
    images: images.map((image, i) =>
      imageData(
        image,
        trace.steps.filter((step) => step.image === i),
      ),
    ),
    activations: shown.map((step) => picture(step.name, step.values, step.rows, step.cols)),
    attention: attention.map((step) => headsOf(step, n)),
    norms: shown.map(rowNorms),
    shares: sharesOf(trace, shown.at(-1)),
    vector: Array.from(vector.subarray(0, trace.dimensions), (value) => Number(value.toPrecision(6))),
    comparison: compared && comparisonData(shown, compared),
  };
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

/** The part of the pooled vector's length that each row brings along its direction. */
function sharesOf({ steps, pooling, tokens, pooledFrom }: Trace, last: TraceStep | undefined): number[] {
  const n = tokens.length;
  if (pooling === 'cls') return tokens.map((_, i) => (i === pooledFrom ? 1 : 0));
  if (pooling === 'last') return tokens.map((_, i) => (i === n - 1 ? 1 : 0));
  const pooled = steps.find(({ name }) => name === 'result_embd_pooled');
  if (pooling !== 'mean' || pooled === undefined || last === undefined || last.cols !== pooled.cols) return [];
  const dots = Array.from({ length: n }, (_, r) => {
    if (r < pooledFrom) return 0;
    let sum = 0;
    for (let i = 0; i < last.cols; i++) sum += last.values[r * last.cols + i] * pooled.values[i];
    return sum;
  });
  const total = dots.reduce((sum, value) => sum + value, 0);
  return dots.map((value) => Number((value / total).toPrecision(4)));
}
