/**
 * @file The rows of all inputs of a job as one sequence, and a range of it in groups.
 */
import { plural } from '../plural.ts';
import { UsageError } from '../usage-error.ts';
import type { InputRow } from './input-row.ts';
import { readRows } from './read-rows.ts';
import type { SurveyedFile } from './survey.ts';

/** A row of a job. */
export type JobRow = InputRow & {
  /** Its number in the job, from 0. */
  readonly index: number;
  readonly file: string;
};

/** Most rows in one group, and most characters of their texts. */
const MAX_ROWS = 256;
const MAX_CHARACTERS = 2 ** 18;

/** How a message names a row: `texts.jsonl line 3`. */
export function labelOfRow({ file, where }: JobRow): string {
  return where === '' ? file : `${file} ${where}`;
}

/** Rows from `from` to before `to`. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** The next `nRows` of `rows`, in groups. */
export async function* groupsOfRows(
  rows: AsyncIterator<JobRow>,
  nRows: number,
  textField: string,
): AsyncGenerator<JobRow[]> {
  let group: JobRow[] = [];
  let nCharacters = 0;
  for (let n = 0; n < nRows; n++) {
    const { done, value: row } = await rows.next();
    if (done) break;
    group.push(row);
    const text = 'fields' in row ? row.fields.get(textField)?.value : undefined;
    if (typeof text === 'string') nCharacters += text.length;
    if (group.length < MAX_ROWS && nCharacters < MAX_CHARACTERS) continue;
    yield group;
    group = [];
    nCharacters = 0;
  }
  if (group.length > 0) yield group;
}

/**
 * The rows of ranges that follow each other. A file of lines is read once, however many ranges are in it.
 * @throws UsageError for a file that has fewer rows than it had
 */
export async function* rowsOfJob(
  files: readonly SurveyedFile[],
  ranges: readonly RowRange[],
): AsyncGenerator<JobRow, undefined> {
  let begin = 0;
  for (const file of files) {
    const end = begin + file.nRows;
    const inFile = ranges
      .filter(({ from, to }) => from < end && to > begin)
      .map(({ from, to }) => ({ from: Math.max(from, begin), to: Math.min(to, end) }));
    for (const span of spansToRead(file, inFile)) {
      const wanted = inFile.values();
      let range = wanted.next().value;
      let index = span.from;
      reading: for await (const rows of readRows(file, index - begin)) {
        for (const row of rows) {
          if (index >= span.to) break reading;
          while (range !== undefined && range.to <= index) range = wanted.next().value;
          if (range !== undefined && index >= range.from) yield { ...row, index, file: file.name };
          index++;
        }
      }
      if (index < span.to) {
        throw new UsageError(
          `${file.name} was changed: it has ${plural(index - begin, 'row')}, and ${file.nRows} when the job began; start the command again`,
        );
      }
    }
    begin = end;
  }
  return undefined;
}

/** What to read of a file. Of Parquet, row groups between two ranges can be left out. */
function spansToRead({ format }: SurveyedFile, ranges: readonly RowRange[]): RowRange[] {
  const spans: RowRange[] = [];
  for (const { from, to } of ranges) {
    const last = spans.at(-1);
    if (last !== undefined && (format !== 'parquet' || last.to === from)) spans[spans.length - 1] = { ...last, to };
    else spans.push({ from, to });
  }
  return spans;
}
