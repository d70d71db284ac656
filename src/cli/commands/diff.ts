/**
 * @file The command `diff`.
 */
import { diffFiles, type FileDifference, type KeyDifference } from '../../audit/diff/diff-files.ts';
import { escapeControls } from '../../gguf/escape.ts';
import { openModelFile } from '../../gguf/file.node.ts';
import { type KeyDescription, openGguf } from '../../gguf/index.ts';
import { abortOnSignal } from '../abort-on-signal.ts';
import { progressLine } from '../log.ts';
import type { Parsed } from '../options/parse-options.ts';
import { write } from '../output/write.ts';
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';

/** UTF-16 units of a value that the table shows. */
const SHOWN_VALUE = 60;

/** Prints what differs between two files; the exit code is 1 when something does. */
export async function diff({ values, positionals }: Parsed): Promise<void> {
  const [pathA, pathB, ...others] = positionals;
  if (pathB === undefined || others.length > 0) throw new UsageError('give two files: gguf-embed diff A B');
  const a = await openGguf(await openModelFile(pathA));
  try {
    const b = await openGguf(await openModelFile(pathB));
    try {
      const show = progressLine();
      const found = await diffFiles(a, b, {
        onProgress: (done, total, name) => show(done, total, () => name),
        signal: abortOnSignal(),
      });
      await write(values.json ? `${JSON.stringify(found)}\n` : forPeople(found, pathA, pathB));
      if (differs(found)) process.exitCode = 1;
    } finally {
      await b.close();
    }
  } finally {
    await a.close();
  }
}

function differs({ metadata, onlyA, onlyB, shapes, tensors }: FileDifference): boolean {
  return [metadata, onlyA, onlyB, shapes, tensors].some((list) => list.length > 0);
}

function forPeople(found: FileDifference, pathA: string, pathB: string): string {
  const { metadata, onlyA, onlyB, shapes, tensors, types, nSame, reference } = found;
  const [a, b] = [escapeControls(pathA), escapeControls(pathB)];
  const tensorRows = tensors.map(({ name, types, shape, error, largest }) => [
    escapeControls(name),
    types.join(' → '),
    `[${shape.join(', ')}]`,
    digits(error),
    digits(largest),
  ]);
  const typeRows = types.map(({ types, nTensors, error, largest }) => [
    types.join(' → '),
    String(nTensors),
    digits(error),
    digits(largest),
  ]);
  return [
    `a: ${a}\nb: ${b}\n`,
    section(['metadata key differs', 'metadata keys differ'], ['key', 'a', 'b'], metadata.map(keyRow)),
    section(
      ['tensor is only in a', 'tensors are only in a'],
      ['name'],
      onlyA.map((name) => [escapeControls(name)]),
    ),
    section(
      ['tensor is only in b', 'tensors are only in b'],
      ['name'],
      onlyB.map((name) => [escapeControls(name)]),
    ),
    section(
      ['tensor has another shape', 'tensors have other shapes'],
      ['name', 'a', 'b'],
      shapes.map(({ name, a, b }) => [escapeControls(name), `[${a.join(', ')}]`, `[${b.join(', ')}]`]),
    ),
    section(
      [`tensor differs (the reference is ${reference})`, `tensors differ (the reference is ${reference})`],
      ['name', 'types', 'shape', 'error', 'largest'],
      tensorRows,
    ),
    section(['pair of types', 'pairs of types'], ['types', 'tensors', 'error', 'largest'], typeRows),
    `${plural(nSame, 'tensor is', 'tensors are')} the same\n`,
  ].join('');
}

function section(
  [one, many]: readonly [string, string],
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  if (rows.length === 0) return '';
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  const lines = all.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`.trimEnd());
  return `${plural(rows.length, one, many)}\n${lines.join('\n')}\n`;
}

function keyRow({ key, a, b }: KeyDifference): string[] {
  return [escapeControls(key), shown(a), shown(b)];
}

function shown(entry: KeyDescription | undefined): string {
  if (entry === undefined) return '(absent)';
  const { type, elementType, length, value } = entry;
  const text = escapeControls(JSON.stringify(value));
  const cut = text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE)}…` : text;
  return elementType === undefined ? `${cut} (${type})` : `${cut} (${length} × ${elementType})`;
}

function digits(value: number): string {
  return value === 0 || !Number.isFinite(value) ? String(value) : value.toExponential(3);
}
