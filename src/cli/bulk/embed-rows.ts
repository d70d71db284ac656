/**
 * @file From the rows of a job to records with vectors, and failures.
 */
import type { Embedder, EmbedInput, EmbedOptions } from '../../engine/index.ts';
import { problemOfInput } from '../input-problem.ts';
import { UsageError } from '../usage-error.ts';
import { embedEach } from './embed-each.ts';
import { type JobRow, labelOfRow } from './job-rows.ts';
import type { RecordFields } from './record.ts';
import { inputOf, RecordProblem, withPrompt } from './record-input.ts';
import type { EmbeddedRecord } from './record-json.ts';

/** How the rows of a job are embedded. */
export interface RowOptions {
  readonly textField: string;
  readonly prompt: string;
  readonly embed: EmbedOptions;
  /** Whether rows that cannot be used are left out, and do not end the job. */
  readonly skips: boolean;
  /** The fields that the output has of a record. */
  readonly fieldsOf: (fields: RecordFields, index: number) => RecordFields;
}

/** A row that cannot be used. */
export interface FailedRow {
  readonly row: JobRow;
  /** A sentence that names the row. */
  readonly error: string;
}

/** What a group of rows gave. */
export interface EmbeddedRows {
  readonly nRows: number;
  readonly records: readonly EmbeddedRecord[];
  readonly failures: readonly FailedRow[];
}

interface PreparedRow {
  readonly row: JobRow;
  readonly input: EmbedInput;
  readonly fields: RecordFields;
}

/**
 * Embeds a group of rows.
 * @throws UsageError that names the row, for one that cannot be used unless such rows are skipped
 */
export async function embedRows(
  embedder: Embedder,
  rows: readonly JobRow[],
  options: RowOptions,
): Promise<EmbeddedRows> {
  const failures: FailedRow[] = [];
  const fail = (row: JobRow, error: string) => {
    if (!options.skips) throw new UsageError(error);
    failures.push({ row, error });
  };
  const prepared: PreparedRow[] = [];
  for (const row of rows) {
    const one = prepare(row, options);
    if (typeof one === 'string') fail(row, `${labelOfRow(row)} ${one}`);
    else prepared.push(one);
  }
  const inputs = prepared.map(({ input }) => input);
  const results = await embedEach(embedder, inputs, options.embed, !options.skips);
  const records: EmbeddedRecord[] = [];
  for (const [i, result] of results.entries()) {
    const { row, fields } = prepared[i];
    if ('vector' in result) records.push({ ...result, fields });
    else fail(row, problemOfInput(result, labelOfRow(row)));
  }
  failures.sort((a, b) => a.row.index - b.row.index);
  return { nRows: rows.length, records, failures };
}

/** The input of a row, or the problem with it. */
function prepare(row: JobRow, { textField, prompt, fieldsOf }: RowOptions): PreparedRow | string {
  if ('problem' in row) return row.problem;
  try {
    const input = withPrompt(inputOf(row.fields, textField), prompt);
    return { row, input, fields: fieldsOf(row.fields, row.index) };
  } catch (error) {
    if (error instanceof RecordProblem) return error.message;
    throw error;
  }
}
