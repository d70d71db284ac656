/**
 * @file Writes records as an Arrow IPC file (Feather version 2). Its end lists all batches, and the library makes the file in one piece:
 * it is held in memory until then. Vectors are fixed-size lists.
 */
import { columnFromArray, tableFromColumns, tableToIPC } from '@uwdata/flechette';
import type { OutputKind } from '../../engine/types.ts';
import { arrowTypes } from './arrow-types.ts';
import { type ColumnValue, columnValue } from './columns.ts';
import type { ByteOutput } from './output-file.ts';
import { converted } from './record-json.ts';
import { type OutputLayout, type RecordWriter, tokenRows } from './record-writer.ts';

/** Rows of one batch. */
const BATCH_ROWS = 10_000;

type Cell = ColumnValue | ArrayLike<number> | readonly ArrayLike<number>[];

/** A writer of Arrow. */
export function arrowWriter(output: ByteOutput, layout: OutputLayout): RecordWriter {
  const types = arrowTypes(layout);
  const values: Cell[][] = types.map(() => []);
  return {
    async write(records) {
      for (const record of records) {
        const { fields, vector, sparse, nTokens, truncated } = record;
        for (const [i, { name, kind }] of layout.columns.entries()) values[i].push(columnValue(fields.get(name), kind));
        const ofKind: Readonly<Record<OutputKind, () => Cell[]>> = {
          dense: () => [converted(vector, layout.dtype)],
          sparse: () => [sparse!.indices, sparse!.values],
          multi: () => [tokenRows(record, layout)],
        };
        const own = [...layout.kinds.flatMap((kind) => ofKind[kind]()), nTokens, truncated];
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
