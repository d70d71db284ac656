/**
 * @file The part of a trace that a report shows: pictures of tensors in 8 bits, small enough for a page, and a few exact numbers.
 */
import type { Trace, TraceStep } from '../../engine/index.ts';
import { type Picture, picture } from '../../layout/picture.ts';
import { type TraceTables, tokenTables, traceTables } from '../../layout/trace-tables.ts';
import type { TraceComparison } from '../trace/compare.ts';
import type { RecordedTrace } from '../trace/recorded.ts';
import { type ImageData, imageData } from './image-data.ts';

/** All that the page shows. */
export interface ReportData extends TraceTables {
  readonly model: string;
  readonly backend: string;
  readonly tokens: readonly string[];
  readonly ids: readonly number[];
  readonly pooling: string;
  /** What the vision tower makes of each image. */
  readonly images: readonly ImageData[];
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
  const shown = tokenTables(trace.steps, tokens.length);
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
    ...traceTables(trace),
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
