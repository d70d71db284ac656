/**
 * @file Texts from the hands of the reader: typed lines, or files of lines, of JSON lines or of a table.
 */
import { unit } from '../layout/vectors.ts';
import { t } from './words/words.ts';

/** Texts, and what else is known of each. */
export interface Dataset {
  readonly texts: readonly string[];
  /** Other columns of the file, by name; each has a value for each text. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** The file; `undefined` for typed texts. */
  readonly name: string | undefined;
  /** The vectors of the file, of length 1, if it has some: then no model is needed. */
  readonly vectors?: readonly Float32Array[];
}

/** Names of columns that hold the texts, best first. */
const textNames = ['text', 'content', 'document', 'body', 'sentence', 'title', 'input', 'query'];

/** The texts of typed lines; empty lines are left out. */
export function typedTexts(typed: string): Dataset {
  const texts = typed.split('\n').map((line) => line.trim());
  return { texts: texts.filter((text) => text !== ''), columns: {}, name: undefined };
}

/**
 * The texts of a file: `.jsonl` has a string or an object on each line, `.csv` and `.tsv` have a heading, other files are lines.
 * @throws Error that names the file and the line
 */
export function readDataset(name: string, content: string): Dataset {
  const ending = name.toLowerCase().split('.').at(-1);
  const text = content.replace(/^\uFEFF/, '');
  let found: Dataset;
  if (ending === 'jsonl' || ending === 'ndjson') found = fromRecords(name, jsonLines(name, text));
  else if (ending === 'csv' || ending === 'tsv')
    found = fromTable(name, parseTable(text, ending === 'csv' ? ',' : '\t'));
  else found = { ...typedTexts(text), name };
  if (found.texts.length === 0) throw new Error(t('noTexts', { name }));
  return found;
}

function jsonLines(name: string, content: string): Record<string, unknown>[] {
  const records: Record<string, unknown>[] = [];
  for (const [i, line] of content.split('\n').entries()) {
    if (line.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new Error(t('badLine', { name, line: i + 1 }));
    }
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    records.push(isRecord ? (value as Record<string, unknown>) : { text: value });
  }
  return records;
}

/** Names of fields that hold vectors. */
const vectorNames = ['embedding', 'vector'];

function fromRecords(name: string, records: readonly Record<string, unknown>[]): Dataset {
  const field = vectorNames.find((key) => records.every((record) => isVector(record[key])));
  const names = [...new Set(records.flatMap(Object.keys))].filter((key) => key !== field);
  const cell = (value: unknown) => (typeof value === 'string' ? value : value == null ? '' : JSON.stringify(value));
  const table = [names, ...records.map((record) => names.map((key) => cell(record[key])))];
  if (field === undefined) return fromTable(name, table);
  const vectors = records.map((record) => unit(Float32Array.from(record[field] as number[])));
  const found = fromTable(name, table);
  const isWhole = found.texts.length === vectors.length && vectors.every(({ length }) => length === vectors[0].length);
  if (!isWhole) throw new Error(t('badVectors', { name }));
  return { ...found, vectors };
}

function isVector(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((number) => typeof number === 'number');
}

/** Rows with a text in the column of texts: one with a usual name, else the one with the longest values. */
function fromTable(name: string, [heading = [], ...rows]: readonly (readonly string[])[]): Dataset {
  const lower = heading.map((title) => title.trim().toLowerCase());
  const length = (col: number) => rows.reduce((sum, row) => sum + (row[col]?.length ?? 0), 0);
  const longest = heading.reduce((best, _, col) => (length(col) > length(best) ? col : best), 0);
  const named = textNames.map((title) => lower.indexOf(title)).find((col) => col >= 0);
  const chosen = named ?? longest;
  const kept = rows.filter((row) => (row[chosen] ?? '').trim() !== '');
  const columns = heading.flatMap((title, col) =>
    col === chosen ? [] : [[title.trim() || `${col + 1}`, kept.map((row) => row[col] ?? '')] as const],
  );
  return { texts: kept.map((row) => row[chosen].trim()), columns: Object.fromEntries(columns), name };
}

/** The cells of a table whose cells may be in quotes (RFC 4180). Empty lines are left out. */
function parseTable(content: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  const endRow = () => {
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  while (at <= content.length) {
    let cell = '';
    if (content[at] === '"') {
      at++;
      for (;;) {
        const end = content.indexOf('"', at);
        cell += content.slice(at, end < 0 ? undefined : end);
        at = end < 0 ? content.length : end + 1;
        if (end < 0 || content[at] !== '"') break;
        cell += '"';
        at++;
      }
    }
    const start = at;
    while (at < content.length && content[at] !== separator && content[at] !== '\n') at++;
    row.push(cell + content.slice(start, at).replace(/\r$/, ''));
    if (content[at] !== separator) endRow();
    at++;
  }
  return rows;
}
