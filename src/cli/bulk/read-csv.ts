/**
 * @file Rows of comma-separated or tab-separated text, as they arrive: RFC 4180, so fields in double quotes may contain line breaks.
 */
import type { DecodedLine, InputRow } from './input-row.ts';
import { fieldsOfPairs } from './record.ts';

/** Most characters of one row: an open quote would take in the rest of the file otherwise. */
const MAX_ROW = 64 * 2 ** 20;

/** A row of which more lines may come. */
interface OpenRow {
  readonly where: string;
  readonly cells: string[];
  /** The beginning of the cell that follows `cells`. */
  cell: string;
  length: number;
}

/** Reads lines; the first row names the columns. */
export class CsvReader {
  readonly #separator: string;
  #names: readonly string[] | undefined;
  /** A row whose quote is still open. */
  #open: OpenRow | undefined;

  constructor(separator: string) {
    this.#separator = separator;
  }

  /** The rows that end in these lines. */
  push(lines: readonly DecodedLine[]): InputRow[] {
    const rows: InputRow[] = [];
    for (const line of lines) {
      const row = this.#row(line);
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }

  /** The row that the input ends in, if its quote is open. */
  end(): InputRow[] {
    return this.#open === undefined ? [] : [{ where: this.#open.where, problem: 'has a quote that is never closed' }];
  }

  #row(line: DecodedLine): InputRow | undefined {
    if ('problem' in line) {
      const where = this.#open?.where ?? line.where;
      this.#open = undefined;
      return { where, problem: line.problem };
    }
    const { text, where } = line;
    if (this.#open === undefined && (text === '' || text === '\r')) return undefined;
    const row = this.#open ?? { where, cells: [], cell: '', length: 0 };
    const isWhole = addLine(row, text, this.#separator, this.#open !== undefined);
    this.#open = isWhole ? undefined : row;
    if (isWhole) return this.#record(row.where, row.cells);
    row.length += text.length + 1;
    if (row.length <= MAX_ROW) return undefined;
    this.#open = undefined;
    return { where: row.where, problem: 'is too long: is a quote never closed?' };
  }

  #record(where: string, cells: readonly string[]): InputRow | undefined {
    if (this.#names === undefined) {
      const twice = cells.find((name, i) => cells.indexOf(name) !== i);
      if (twice !== undefined) return { where, problem: `names the column ${JSON.stringify(twice)} twice` };
      this.#names = cells;
      return undefined;
    }
    const names = this.#names;
    if (cells.length !== names.length) {
      return { where, problem: `has ${cells.length} fields, but the header has ${names.length}` };
    }
    return { where, fields: fieldsOfPairs(names.map((name, i) => [name, cells[i]])) };
  }
}

/**
 * Adds the cells of a line to a row.
 * @param isQuoted whether the line begins inside quotes
 * @returns whether the row is whole; otherwise a quote is open at the end of the line
 */
function addLine(row: OpenRow, line: string, separator: string, isQuoted: boolean): boolean {
  const end = line.endsWith('\r') ? line.length - 1 : line.length;
  let at = 0;
  for (let inQuotes = isQuoted; ; inQuotes = false) {
    if (!inQuotes && line[at] === '"') {
      inQuotes = true;
      at++;
    }
    while (inQuotes) {
      const quote = line.indexOf('"', at);
      row.cell += line.slice(at, quote < 0 ? line.length : quote);
      if (quote < 0) {
        row.cell += '\n';
        return false;
      }
      at = quote + 1;
      if (line[at] === '"') row.cell += line[at++];
      else inQuotes = false;
    }
    const next = line.indexOf(separator, at);
    row.cells.push(row.cell + line.slice(at, next < 0 ? end : next));
    row.cell = '';
    if (next < 0) return true;
    at = next + separator.length;
  }
}
