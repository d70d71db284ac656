/**
 * @file The rows of all inputs of a job as one sequence, and a range of it in groups.
 */
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

/** The rows from `from` to before `to`, in groups. */
export async function* groupsOfRows(
  files: readonly SurveyedFile[],
  from: number,
  to: number,
  textField: string,
): AsyncGenerator<JobRow[]> {
  let group: JobRow[] = [];
  let nCharacters = 0;
  for await (const row of rowsOfJob(files, from, to)) {
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

async function* rowsOfJob(files: readonly SurveyedFile[], from: number, to: number): AsyncGenerator<JobRow> {
  let begin = 0;
  for (const file of files) {
    const end = begin + file.nRows;
    if (end > from && begin < to) {
      let index = Math.max(from, begin);
      reading: for await (const rows of readRows(file, index - begin)) {
        for (const row of rows) {
          if (index >= Math.min(to, end)) break reading;
          yield { ...row, index: index++, file: file.path };
        }
      }
    }
    begin = end;
  }
}
