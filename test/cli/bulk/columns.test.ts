/**
 * @file Columns are found from values, CSV is read back, and timestamps keep their digits.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ColumnSurvey, columnValue } from '../../../src/cli/bulk/columns.ts';
import { CsvReader } from '../../../src/cli/bulk/read-csv.ts';
import { fieldsOfJson } from '../../../src/cli/bulk/record.ts';

/** The column of values that JSON lines hold under one name, and the values in it. */
function column(...values: string[]) {
  const rows = values.map((value) => fieldsOfJson(value === '' ? '{}' : `{"x":${value}}`));
  const survey = new ColumnSurvey();
  for (const row of rows) survey.add(row);
  const [{ kind }] = survey.columns;
  return { kind, values: rows.map((row) => columnValue(row.get('x'), kind)) };
}

describe('columns', () => {
  it.each<[values: string[], kind: string, expected: unknown[]]>([
    [['1', '-2'], 'integer', [1n, -2n]],
    [['1', '2.5', '', 'null'], 'number', [1, 2.5, null, null]],
    [['1.0'], 'number', [1]],
    [['9223372036854775807', '1'], 'integer', [9223372036854775807n, 1n]],
    [['9223372036854775808'], 'json', ['9223372036854775808']],
    [['9007199254740993', '0.5'], 'json', ['9007199254740993', '0.5']],
    [['0.5', '9007199254740993'], 'json', ['0.5', '9007199254740993']],
    [['true', 'null'], 'boolean', [true, null]],
    [['"a"', '1'], 'json', ['"a"', '1']],
    [['1', 'true', '"a"'], 'json', ['1', 'true', '"a"']],
    [['[1, 2]', '{"a": 1}'], 'json', ['[1, 2]', '{"a": 1}']],
    [['null'], 'string', [null]],
    [['1e999'], 'json', ['1e999']],
  ])('of %j', (values, kind, expected) => {
    expect(column(...values)).toEqual({ kind, values: expected });
  });

  it('the order of rows does not change the kind', () => {
    const value = fc.constantFrom('1', '2.5', '9007199254740993', '"a"', 'true', 'null', '[]', '');
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1 }).filter((all) => all.some((one) => one !== '')),
        (values) => {
          expect(column(...values.toReversed()).kind).toBe(column(...values).kind);
        },
      ),
    );
  });
});

describe('CSV', () => {
  const read = (text: string, separator = ',') => {
    const reader = new CsvReader(separator);
    const lines = text.split('\n').map((line, i) => ({ where: `line ${i + 1}`, text: line }));
    return [...reader.push(lines), ...reader.end()];
  };

  it('reads back what was written, whatever the fields hold', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'é', ';') });
    const table = fc
      .integer({ min: 2, max: 4 })
      .chain((n) => fc.array(fc.array(cell, { minLength: n, maxLength: n }), { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(table, fc.boolean(), (rows, hasReturns) => {
        const names = rows[0].map((_, i) => `n${i}`);
        const quoted = [names, ...rows].map((row) => row.map((one) => `"${one.replaceAll('"', '""')}"`).join(','));
        const read_ = read(quoted.join(hasReturns ? '\r\n' : '\n'));
        expect(read_.map((row) => 'fields' in row && Array.from(row.fields.values(), ({ value }) => value))).toEqual(
          rows,
        );
      }),
    );
  });

  it('names the first line of a row that cannot be used', () => {
    expect(read('a,b\n"x\ny",1,2\n1,2\n\n"open,1\nmore')).toEqual([
      { where: 'line 2', problem: 'has 3 fields, but the header has 2' },
      { where: 'line 4', fields: expect.anything() },
      { where: 'line 6', problem: 'has a quote that is never closed' },
    ]);
    expect(read('a,a\n1,2')[0]).toEqual({ where: 'line 1', problem: 'names the column "a" twice' });
  });

  it('keeps the columns in their order, also where names are numbers', () => {
    const [row] = read('text,2024,2023,__proto__\nhi,1,2,3');
    expect('fields' in row && Array.from(row.fields.keys())).toEqual(['text', '2024', '2023', '__proto__']);
  });

  it('a field of many lines with quotes takes time in proportion to its length', () => {
    const seconds = (nLines: number) => {
      const started = process.cpuUsage();
      const [row] = read(`a,b\n1,"${'say ""hi"" now\n'.repeat(nLines)}"`);
      expect('fields' in row && row.fields.get('b')?.value).toBe('say "hi" now\n'.repeat(nLines));
      return process.cpuUsage(started).user / 1e6;
    };
    seconds(4000);
    expect(seconds(40_000)).toBeLessThan(2);
  });
});
