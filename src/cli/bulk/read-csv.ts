/**
 * @file Rows of comma-separated or tab-separated text, as they arrive: RFC 4180, so fields in double quotes may contain line breaks.
 */
import type { DecodedLine, InputRow } from './input-row.ts';
import { fieldsOf } from './record.ts';

/** Most characters of one row: an open quote would take in the rest of the file otherwise. */
const MAX_ROW = 64 * 2 ** 20;

/** Reads lines; the first row names the columns. */
export class CsvReader {
  readonly #separator: string;
  #names: readonly string[] | undefined;
  /** The lines of a row whose quote is still open. */
  #open: { readonly where: string; readonly lines: string[]; length: number } | undefined;

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
    const open = this.#open;
    if (open === undefined && (line.text === '' || line.text === '\r')) return undefined;
    if (open !== undefined) {
      open.lines.push(line.text);
      open.length += line.text.length + 1;
      if (open.length > MAX_ROW) {
        this.#open = undefined;
        return { where: open.where, problem: 'is too long: is a quote never closed?' };
      }
      // Only a quote can end the field.
      if (!line.text.includes('"')) return undefined;
    }
    const where = open?.where ?? line.where;
    const cells = cellsOf((open?.lines ?? [line.text]).join('\n').replace(/\r$/, ''), this.#separator);
    if (cells === undefined) {
      this.#open ??= { where, lines: [line.text], length: line.text.length };
      return undefined;
    }
    this.#open = undefined;
    return this.#record(where, cells);
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
    return { where, fields: fieldsOf(Object.fromEntries(names.map((name, i) => [name, cells[i]]))) };
  }
}

/** The fields of one row; `undefined` while a quote is open. */
function cellsOf(row: string, separator: string): string[] | undefined {
  const cells: string[] = [];
  for (let at = 0; ; at++) {
    let cell = '';
    if (row[at] === '"') {
      let from = at + 1;
      for (;;) {
        const quote = row.indexOf('"', from);
        if (quote < 0) return undefined;
        cell += row.slice(from, quote);
        at = quote + 1;
        if (row[at] !== '"') break;
        cell += '"';
        from = at + 1;
      }
    }
    const end = row.indexOf(separator, at);
    cells.push(cell + row.slice(at, end < 0 ? row.length : end));
    if (end < 0) return cells;
    at = end;
  }
}
