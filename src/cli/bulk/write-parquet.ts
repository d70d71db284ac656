/**
 * @file Writes records as Parquet, in row groups. The metadata also holds the schema of Arrow, as pyarrow writes it: Parquet itself knows
 * lists, but not that all have the same length.
 */
import { columnFromArray, tableFromColumns, tableToIPC } from '@uwdata/flechette';
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { OutputDtype } from '../../engine/output-dtypes.ts';
import { arrowTypes } from './arrow-types.ts';
import { type ColumnKind, columnValue } from './columns.ts';
import type { ByteOutput } from './output-file.ts';
import { converted, type EmbeddedRecord } from './record-json.ts';
import type { OutputLayout, RecordWriter } from './record-writer.ts';

/** Rows of one row group. */
const GROUP_ROWS = 1000;

const elementOfKind: Readonly<Record<ColumnKind, Partial<SchemaElement>>> = {
  boolean: { type: 'BOOLEAN' },
  integer: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  bytes: { type: 'BYTE_ARRAY' },
  json: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
};

const elementOfValues: Readonly<Record<OutputDtype, Partial<SchemaElement>>> = {
  float: { type: 'FLOAT' },
  int8: { type: 'INT32', converted_type: 'INT_8' },
  uint8: { type: 'INT32', converted_type: 'UINT_8' },
  binary: { type: 'INT32', converted_type: 'INT_8' },
  ubinary: { type: 'INT32', converted_type: 'UINT_8' },
};

/** A writer of Parquet. */
export function parquetWriter(output: ByteOutput, layout: OutputLayout): RecordWriter {
  const bytes = new FlushingWriter(output);
  const writer = new ParquetWriter({
    writer: bytes,
    schema: schemaOf(layout),
    createdBy: 'gguf-embed',
    kvMetadata: [{ key: 'ARROW:schema', value: arrowSchema(layout) }],
  });
  let waiting: EmbeddedRecord[] = [];
  const writeGroup = async (records: readonly EmbeddedRecord[]) => {
    await writer.write({ columnData: columnsOf(records, layout), rowGroupSize: GROUP_ROWS });
    await bytes.flush();
  };
  return {
    async write(records) {
      waiting.push(...records);
      while (waiting.length >= GROUP_ROWS) {
        await writeGroup(waiting.slice(0, GROUP_ROWS));
        waiting = waiting.slice(GROUP_ROWS);
      }
    },
    async end() {
      if (waiting.length > 0) await writeGroup(waiting);
      await writer.finish();
      await bytes.flush();
    },
  };
}

/** Gives its bytes on after each row group. */
class FlushingWriter extends ByteWriter {
  readonly #output: ByteOutput;

  constructor(output: ByteOutput) {
    super();
    this.#output = output;
  }

  async flush(): Promise<void> {
    const bytes = this.getBytes();
    this.index = 0;
    await this.#output.write(bytes);
  }
}

function schemaOf({ columns, dtype }: OutputLayout): SchemaElement[] {
  return [
    { name: 'schema', num_children: columns.length + 3 },
    ...columns.map(({ name, kind }): SchemaElement => ({ name, repetition_type: 'OPTIONAL', ...elementOfKind[kind] })),
    { name: 'embedding', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', ...elementOfValues[dtype] },
    { name: 'n_tokens', repetition_type: 'REQUIRED', type: 'INT32' },
    { name: 'truncated', repetition_type: 'REQUIRED', type: 'BOOLEAN' },
  ];
}

function columnsOf(records: readonly EmbeddedRecord[], { columns, dtype }: OutputLayout) {
  return [
    ...columns.map(({ name, kind }) => ({
      name,
      data: records.map(({ fields }) => columnValue(fields.get(name), kind)),
    })),
    {
      name: 'embedding',
      data: records.map(({ vector }) => Array.from(converted(vector, dtype))),
      // Values of vectors neither repeat nor shrink.
      encoding: 'PLAIN' as const,
      codec: 'UNCOMPRESSED' as const,
      statistics: false,
    },
    { name: 'n_tokens', data: records.map(({ nTokens }) => nTokens) },
    { name: 'truncated', data: records.map(({ truncated }) => truncated) },
  ];
}

/** The schema message of a stream without rows. */
function arrowSchema(layout: OutputLayout): string {
  const columns = arrowTypes(layout).map(([name, type]): [string, ReturnType<typeof columnFromArray>] => [
    name,
    columnFromArray([], type),
  ]);
  const bytes = tableToIPC(tableFromColumns(columns), { format: 'stream' });
  return Buffer.from(bytes ?? new Uint8Array(0)).toString('base64');
}
