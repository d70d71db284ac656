/**
 * @file Writes the rows of a range to one output. Its files get their names at the end: first those beside it, the main one last, so that
 * a range whose main file is there is whole.
 */
import { rm } from 'node:fs/promises';
import type { EmbeddedRows, FailedRow } from './embed-rows.ts';
import { OutputFile, requireWritable } from './output-file.ts';
import { type OutputForm, outputNames } from './output-forms.ts';
import type { EmbeddedRecord } from './record-json.ts';
import type { OutputLayout, RecordWriter } from './record-writer.ts';
import { createWriter } from './writers.ts';

/** The file with the rows of an output that could not be used. */
export function failuresName(stem: string): string {
  return `${stem}.failures.jsonl`;
}

/**
 * Writes what `groups` give to the files of `stem`.
 * @param check called before the files get their names; what it throws leaves none behind
 */
export async function writePart(
  stem: string,
  form: OutputForm,
  layoutOf: (first: EmbeddedRecord | undefined) => OutputLayout,
  groups: AsyncIterable<EmbeddedRows>,
  onRows: (rows: EmbeddedRows) => void,
  check: () => Promise<void>,
): Promise<void> {
  const files: OutputFile[] = [];
  const failures: FailedRow[] = [];
  try {
    await requireWritable(failuresName(stem));
    for (const name of outputNames(stem, form)) files.push(await OutputFile.create(name));
    let writer: RecordWriter | undefined;
    const open = (first?: EmbeddedRecord) => createWriter(form, files, layoutOf(first));
    for await (const rows of groups) {
      failures.push(...rows.failures);
      if (rows.records.length > 0) {
        writer ??= await open(rows.records[0]);
        await writer.write(rows.records);
      }
      onRows(rows);
    }
    writer ??= await open();
    await writer.end();
    await check();
    await writeFailures(failuresName(stem), failures);
    for (const file of files) await file.commit();
  } finally {
    for (const file of files) await file.discard();
  }
}

/** Writes one JSON object a row; without failures, there is no file. */
async function writeFailures(path: string, failures: readonly FailedRow[]): Promise<void> {
  if (failures.length === 0) return rm(path, { force: true });
  const file = await OutputFile.create(path);
  try {
    const lines = failures.map(({ row, error }) => {
      const id = 'fields' in row ? row.fields.get('id')?.value : undefined;
      const idText = typeof id === 'bigint' ? String(id) : id;
      return `${JSON.stringify({ row: row.index, id: idText, input: row.file, where: row.where, error })}\n`;
    });
    await file.write(Buffer.from(lines.join('')));
    await file.commit();
  } finally {
    await file.discard();
  }
}
