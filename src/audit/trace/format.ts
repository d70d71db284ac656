/**
 * @file Traces and comparisons as tables of text.
 */

import type { Trace, TraceStep } from '../../engine/index.ts';
import { escapeControls } from '../../gguf/escape.ts';
import type { TraceComparison } from './compare.ts';
import type { StepDifference } from './difference.ts';
import { summarize } from './summary.ts';

/** Number of values of a tensor in a line. */
const SHOWN = 3;

/** Tokens, one line for each step, and the first values of the vector. The steps of the vision tower come in a table for each image. */
export function formatTrace(trace: Trace): string {
  const { info, tokens, images, steps, vector } = trace;
  const towers = images.map(({ width, height, nx, ny, patches, windows }, i) => {
    const inWindows = windows.length > 2 ? ` in ${windows.length - 1} windows` : '';
    const sizes = `${width}x${height} pixels, ${patches.nx}x${patches.ny} patches${inWindows}, ${nx}x${ny} tokens`;
    return `image ${i}: ${sizes}\n${stepTable(steps.filter(({ image }) => image === i))}`;
  });
  return `${info.name}: ${info.backend}, ${info.backendDescription}
${[...towers, ''].join('\n')}${tokens.length} tokens: ${tokenList(trace)}
${stepTable(steps.filter(({ image }) => image === undefined))}
vector of ${vector.length} values: ${Array.from(vector.subarray(0, SHOWN), digits).join(' ')} …
`;
}

function stepTable(steps: readonly TraceStep[]): string {
  const rows = steps.map((step) => {
    const { name, shape, min, max, mean, norm } = summarize(step);
    const first = Array.from(step.values.subarray(0, SHOWN), digits).join(' ');
    return [escapeControls(name), `[${shape.join(', ')}]`, ...[min, max, mean, norm].map(digits), `${first} …`];
  });
  return table([['name', 'shape', 'min', 'max', 'mean', 'norm', 'first values'], ...rows]);
}

/** The ids and texts of the tokens; the tokens of an image as one. */
function tokenList({ tokens, images }: Trace): string {
  const firsts = new Map(images.map(({ firstToken, nx, ny }, i) => [firstToken, { name: `image ${i}`, n: nx * ny }]));
  const pieces: string[] = [];
  for (let at = 0; at < tokens.length; ) {
    const image = firsts.get(at);
    const { id, text } = tokens[at];
    pieces.push(image === undefined ? `${id} ${JSON.stringify(text)}` : `${image.name} (${image.n} tokens)`);
    at += image?.n ?? 1;
  }
  return pieces.join(', ');
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
  .map(([what, names]) => `${what}: ${byLayer(names).map(escapeControls).join(', ')}\n`)
  .join('')}`;
}

/** Names that differ only in the number of the layer, as one: `ffn_out-0…5`. */
function byLayer(names: readonly string[]): string[] {
  const layers = new Map<string, number[]>();
  for (const name of names) {
    const [, family = name, layer] = /^(.*)-(\d+)$/.exec(name) ?? [];
    const known = layers.get(family) ?? [];
    layers.set(family, layer === undefined ? known : [...known, Number(layer)]);
  }
  return [...layers].map(([family, numbers]) => {
    const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
    if (numbers.length === 0) return family;
    if (first === last) return `${family}-${first}`;
    const isGapless = new Set(numbers).size === last - first + 1;
    return isGapless ? `${family}-${first}…${last}` : `${family}-${[...new Set(numbers)].join('/')}`;
  });
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
