/**
 * @file Reads all inputs once before anything is computed: how many rows there are, which columns, and the hash by which a later run knows
 * that an input is still the same. Reading takes little beside computing.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { unreadable } from '../input/read-file.ts';
import type { ColumnSurvey } from './columns.ts';
import type { InputFile } from './input-files.ts';
import { readRows } from './read-rows.ts';
import type { RecordFields } from './record.ts';

/** An input file as it was when the job began. */
export interface SurveyedFile extends InputFile {
  readonly nRows: number;
}

/**
 * The numbers of rows of `files`; adds the fields of their records to `columns`.
 * @param fieldsOf the fields that the output has of a record, which is the row of this number in the job
 */
export async function surveyFiles(
  files: readonly InputFile[],
  columns: ColumnSurvey,
  fieldsOf: (fields: RecordFields, index: number) => RecordFields,
  signal: AbortSignal,
): Promise<SurveyedFile[]> {
  const surveyed: SurveyedFile[] = [];
  let index = 0;
  for (const file of files) {
    const before = index;
    for await (const rows of readRows(file)) {
      signal.throwIfAborted();
      for (const [i, row] of rows.entries()) if ('fields' in row) columns.add(fieldsOf(row.fields, index + i));
      index += rows.length;
    }
    surveyed.push({ ...file, nRows: index - before });
  }
  return surveyed;
}

/** The SHA-256 of files, one after the other. @throws UsageError for one that cannot be read; the signal's reason */
export async function digestOf(paths: readonly string[], signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    try {
      for await (const bytes of createReadStream(path, { highWaterMark: 2 ** 20, signal })) hash.update(bytes);
    } catch (error) {
      signal.throwIfAborted();
      throw unreadable(path, error as Error);
    }
  }
  return hash.digest('hex');
}
