/**
 * @file The command `inspect`.
 */
import { openModelFile } from '../gguf/file.node.ts';
import { describeGguf, type GgufDescription, type KeyDescription, openGguf } from '../gguf/index.ts';
import { byteSize } from './log.ts';
import type { Parsed } from './parse-options.ts';
import { UsageError } from './usage-error.ts';
import { write } from './write.ts';

/** Elements of an array that the table shows. */
const SHOWN_ELEMENTS = 6;
/** UTF-16 units of a value that the table shows. */
const SHOWN_VALUE = 120;

/** Prints header, metadata and tensors of a file, as tables for people or as one JSON object with everything. */
export async function inspect({ values, positionals }: Parsed): Promise<void> {
  const files = [...positionals, ...(values.model === undefined ? [] : [values.model])];
  if (files.length !== 1) throw new UsageError('give one file: gguf-embed inspect FILE');
  const file = await openGguf(await openModelFile(files[0]));
  try {
    if (values.json) await write(`${JSON.stringify(describeGguf(file, Number.POSITIVE_INFINITY), null, 2)}\n`);
    else await write(describe(describeGguf(file, SHOWN_ELEMENTS)));
  } finally {
    await file.close();
  }
}

function describe(file: GgufDescription): string {
  const { metadata, tensors } = file;
  const types = new Map<string, number>();
  for (const { type, bytes } of tensors) types.set(type, (types.get(type) ?? 0) + bytes);
  return `${file.name}: ${byteSize(file.size)}, GGUF version ${file.version}, ${file.byteOrder}, alignment ${file.alignment}, data from byte ${file.dataOffset}

${metadata.length} metadata keys
${table(metadata.map((entry) => [entry.key, typeName(entry), shownValue(entry)]))}
${tensors.length} tensors, ${file.parameters} parameters, ${byteSize(file.tensorBytes)}
${table(
  tensors.map(({ name, type, shape, bytes, offset }) => [
    name,
    type,
    `[${shape.join(', ')}]`,
    byteSize(bytes),
    `at ${offset}`,
  ]),
)}${types.size > 0 ? `\n${Array.from(types, ([name, bytes]) => `${name}: ${byteSize(bytes)}`).join(', ')}\n` : ''}`;
}

function typeName({ type, elementType }: KeyDescription): string {
  return elementType === undefined ? type : `${elementType}[]`;
}

function shownValue({ type, value, length, shortened }: KeyDescription): string {
  // A float32 reads better by its own shortest decimal than by that of the float64 it became.
  const shown = type === 'float32' && typeof value === 'number' ? Number(value.toPrecision(7)) : value;
  const text = JSON.stringify(shown);
  const cut = text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE)}…` : text;
  return shortened ? `${cut} … ${length} in all` : cut;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const lines = rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`);
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
