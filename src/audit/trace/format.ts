/**
 * @file Traces and comparisons as tables of text.
 */

import type { Trace } from '../../engine/index.ts';
import { escapeControls } from '../../gguf/escape.ts';
import type { TraceComparison } from './compare.ts';
import type { StepDifference } from './difference.ts';
import { summarize } from './summary.ts';

/** Number of values of a tensor in a line. */
const SHOWN = 3;

/** Tokens, one line for each step, and the first values of the vector. */
export function formatTrace({ info, tokens, steps, vector }: Trace): string {
  const rows = steps.map((step) => {
    const { name, shape, min, max, mean, norm } = summarize(step);
    const first = Array.from(step.values.subarray(0, SHOWN), digits).join(' ');
    return [escapeControls(name), `[${shape.join(', ')}]`, ...[min, max, mean, norm].map(digits), `${first} …`];
  });
  const pieces = tokens.map(({ id, text }) => `${id} ${JSON.stringify(text)}`).join(', ');
  return `${info.name}: ${info.backend}, ${info.backendDescription}
${tokens.length} tokens: ${pieces}
${table([['name', 'shape', 'min', 'max', 'mean', 'norm', 'first values'], ...rows])}
vector of ${vector.length} values: ${Array.from(vector.subarray(0, SHOWN), digits).join(' ')} …
`;
}

/** The first difference, its likely cause, and all tensors. */
export function formatComparison(comparison: TraceComparison, other: string, tolerance: number): string {
  const { steps, first, cause, onlyHere, onlyThere, otherShape } = comparison;
  const nDifferent = steps.filter(({ differs }) => differs).length;
  const head =
    first === undefined
      ? `${steps.length} tensors agree with ${other} within ${tolerance} of their largest value`
      : `${nDifferent} of ${steps.length} tensors differ from ${other} by more than ${tolerance} of their largest value
first difference: ${describe(first)}${cause === undefined ? '' : `\nlikely cause: ${cause}`}`;
  const rows = steps.map((step) => [
    `${step.differs ? '!' : ' '} ${escapeControls(step.name)}`,
    `[${step.shape.join(', ')}]`,
    String(step.nCompared),
    digits(step.largest),
    digits(step.relative),
    step.cosine.toFixed(8),
  ]);
  const lists = [
    ['with other shapes', otherShape],
    ['only here', onlyHere],
    [`only in ${other}`, onlyThere],
  ] as const;
  return `${head}
${table([['  name', 'shape', 'compared', 'largest', 'relative', 'cosine'], ...rows])}${lists
  .filter(([, names]) => names.length > 0)
  .map(([what, names]) => `${what}: ${names.map(escapeControls).join(', ')}\n`)
  .join('')}`;
}

function describe({ name, shape, largest, relative }: StepDifference): string {
  return `${escapeControls(name)} [${shape.join(', ')}], by ${digits(largest)}, ${digits(relative)} of its largest value`;
}

function digits(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e5 ? value.toPrecision(4) : value.toExponential(2);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const isText = (i: number) => i < 2 || rows[0][i] === 'first values';
  return rows
    .map((row) => row.map((cell, i) => (isText(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
