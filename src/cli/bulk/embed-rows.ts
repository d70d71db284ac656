/**
 * @file From the rows of a job to records with vectors, and failures.
 */
import { ContextSizeError } from '../../engine/errors.ts';
import type { Embedder, EmbedInput, EmbedOptions, Prompt } from '../../engine/index.ts';
import { problemOfInput } from '../input/input-problem.ts';
import { UsageError } from '../usage-error.ts';
import { type Chunking, embedChunksOf } from './chunk-records.ts';
import { embedEach } from './embed-each.ts';
import { type JobRow, labelOfRow } from './job-rows.ts';
import type { RecordFields } from './record.ts';
import { inputOf, RecordProblem } from './record-input.ts';
import type { EmbeddedRecord } from './record-json.ts';

/** How the rows of a job are embedded. */
export interface RowOptions {
  readonly textField: string;
  readonly prompt: Prompt | undefined;
  readonly embed: EmbedOptions;
  /** `undefined` embeds whole texts. */
  readonly chunking: Chunking | undefined;
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

/** Called while a group is embedded, with the share that is done and its tokens. */
export type OnRows = (share: number, nTokens: number) => void;

/**
 * Embeds a group of rows.
 * @throws UsageError that names the row, for one that cannot be used unless such rows are skipped
 */
export async function embedRows(
  embedder: Embedder,
  rows: readonly JobRow[],
  options: RowOptions,
  onRows: OnRows,
): Promise<EmbeddedRows> {
  const { chunking } = options;
  const results =
    chunking === undefined
      ? await wholeRows(embedder, rows, options, onRows)
      : await chunkedRows(embedder, rows, { ...options, chunking }, onRows);
  const records: EmbeddedRecord[] = [];
  const failures: FailedRow[] = [];
  for (const [i, result] of results.entries()) {
    if (typeof result !== 'string') for (const record of result) records.push(record);
    else if (options.skips) failures.push({ row: rows[i], error: result });
    else throw new UsageError(result);
  }
  return { nRows: rows.length, records, failures };
}

/** The records that a row gave, or why there are none, as a sentence that names the row. */
type RowResult = readonly EmbeddedRecord[] | string;

async function wholeRows(
  embedder: Embedder,
  rows: readonly JobRow[],
  options: RowOptions,
  onRows: OnRows,
): Promise<RowResult[]> {
  const { textField, prompt, fieldsOf, skips } = options;
  const results: RowResult[] = rows.map(() => []);
  const inputs: EmbedInput[] = [];
  const rowOfInput: number[] = [];
  for (const [i, row] of rows.entries()) {
    const input = unlessProblem(row, (fields) => inputOf(fields, textField));
    if ('problem' in input) results[i] = input.problem;
    else rowOfInput[inputs.push(input.value) - 1] = i;
    if ('problem' in input && !skips) break;
  }
  const embedded = await embedEach(
    embedder,
    inputs,
    { ...options.embed, prompt, onProgress: ({ done, total }) => onRows(done / total, done) },
    !skips,
  );
  for (const [n, result] of embedded.entries()) {
    const row = rows[rowOfInput[n]];
    if (!('vector' in result)) results[rowOfInput[n]] = problemOfInput(result, labelOfRow(row));
    else if ('fields' in row) results[rowOfInput[n]] = [{ ...result, fields: fieldsOf(row.fields, row.index) }];
  }
  return results;
}

type ChunkedOptions = RowOptions & { readonly chunking: Chunking };

async function chunkedRows(
  embedder: Embedder,
  rows: readonly JobRow[],
  options: ChunkedOptions,
  onRows: OnRows,
): Promise<RowResult[]> {
  let [nDone, nTokens] = [0, 0];
  return Promise.all(
    rows.map(async (row) => {
      const result = await chunkedRow(embedder, row, options);
      if (typeof result !== 'string') for (const chunk of result) nTokens += chunk.nTokens;
      onRows(++nDone / rows.length, nTokens);
      return result;
    }),
  );
}

async function chunkedRow(
  embedder: Embedder,
  row: JobRow,
  { textField, prompt, fieldsOf, embed, chunking }: ChunkedOptions,
): Promise<RowResult> {
  if ('problem' in row) return problemOf(row);
  const source = { fields: row.fields, kept: fieldsOf(row.fields, row.index), textField, prompt };
  try {
    return await embedChunksOf(embedder, source, chunking, embed);
  } catch (error) {
    if (error instanceof RecordProblem) return `${labelOfRow(row)} ${error.message}`;
    if (error instanceof ContextSizeError) return problemOfInput(error, labelOfRow(row));
    throw error;
  }
}

function problemOf(row: JobRow & { readonly problem: string }): string {
  return `${labelOfRow(row)} ${row.problem}`;
}

/** What `read` makes of a record, or the problem with the row. */
function unlessProblem<T>(row: JobRow, read: (fields: RecordFields) => T): { value: T } | { problem: string } {
  if ('problem' in row) return { problem: problemOf(row) };
  try {
    return { value: read(row.fields) };
  } catch (error) {
    if (error instanceof RecordProblem) return { problem: `${labelOfRow(row)} ${error.message}` };
    throw error;
  }
}
