/**
 * @file Writes records as an Arrow IPC file (Feather version 2). Its end lists all batches, and the library makes the file in one piece:
 * it is held in memory until then. Vectors are fixed-size lists.
 */
import { columnFromArray, tableFromColumns, tableToIPC } from '@uwdata/flechette';
import { arrowTypes } from './arrow-types.ts';
import { type ColumnValue, columnValue } from './columns.ts';
import type { ByteOutput } from './output-file.ts';
import { converted } from './record-json.ts';
import type { OutputLayout, RecordWriter } from './record-writer.ts';

/** Rows of one batch. */
const BATCH_ROWS = 10_000;

/** A writer of Arrow. */
export function arrowWriter(output: ByteOutput, layout: OutputLayout): RecordWriter {
  const types = arrowTypes(layout);
  const values: (ColumnValue | ArrayLike<number>)[][] = types.map(() => []);
  return {
    async write(records) {
      for (const { fields, vector, nTokens, truncated } of records) {
        for (const [i, { name, kind }] of layout.columns.entries()) values[i].push(columnValue(fields.get(name), kind));
        const own = [converted(vector, layout.dtype), nTokens, truncated];
        for (const [i, value] of own.entries()) values[layout.columns.length + i].push(value);
      }
    },
    async end() {
      const columns = types.map(([name, type], i): [string, ReturnType<typeof columnFromArray>] => [
        name,
        columnFromArray(values[i], type, { maxBatchRows: BATCH_ROWS }),
      ]);
      const bytes = tableToIPC(tableFromColumns(columns), { format: 'file' });
      if (bytes !== null) await output.write(bytes);
    },
  };
}
