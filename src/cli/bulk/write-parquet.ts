/**
 * @file Writes records as Parquet, in row groups. The metadata also holds the schema of Arrow, as pyarrow writes it: Parquet itself knows
 * lists, but not that all have the same length.
 */
import { columnFromArray, tableFromColumns, tableToIPC } from '@uwdata/flechette';
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { OutputDtype } from '../../engine/outputs/output-dtypes.ts';
import type { OutputKind } from '../../engine/types.ts';
import { arrowTypes } from './arrow-types.ts';
import { type ColumnKind, columnValue } from './columns.ts';
import type { ByteOutput } from './output-file.ts';
import { converted, type EmbeddedRecord } from './record-json.ts';
import { type OutputLayout, type RecordWriter, tokenRows } from './record-writer.ts';

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
      for (const record of records) waiting.push(record);
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

/** A list of what `element` describes. */
function listOf(element: readonly SchemaElement[], name: string, repetition_type: 'OPTIONAL' | 'REQUIRED') {
  return [
    { name, repetition_type, num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...element,
  ] satisfies SchemaElement[];
}

/** The columns of each kind of vector. */
const schemaOfKind: Readonly<Record<OutputKind, (dtype: OutputDtype) => SchemaElement[][]>> = {
  dense: (dtype) => [listOf([elementOf(elementOfValues[dtype])], 'embedding', 'OPTIONAL')],
  sparse: () => [
    listOf([elementOf({ type: 'INT32' })], 'sparse_indices', 'OPTIONAL'),
    listOf([elementOf({ type: 'FLOAT' })], 'sparse_values', 'OPTIONAL'),
  ],
  multi: (dtype) => [listOf(listOf([elementOf(elementOfValues[dtype])], 'element', 'REQUIRED'), 'multi', 'OPTIONAL')],
};

function elementOf(type: Partial<SchemaElement>): SchemaElement {
  return { name: 'element', repetition_type: 'REQUIRED', ...type };
}

function schemaOf({ columns, dtype, kinds }: OutputLayout): SchemaElement[] {
  const vectors = kinds.flatMap((kind) => schemaOfKind[kind](dtype));
  return [
    { name: 'schema', num_children: columns.length + vectors.length + 2 },
    ...columns.map(({ name, kind }): SchemaElement => ({ name, repetition_type: 'OPTIONAL', ...elementOfKind[kind] })),
    ...vectors.flat(),
    { name: 'n_tokens', repetition_type: 'REQUIRED', type: 'INT32' },
    { name: 'truncated', repetition_type: 'REQUIRED', type: 'BOOLEAN' },
  ];
}

/** Values of vectors neither repeat nor shrink. */
const plain = { encoding: 'PLAIN', codec: 'UNCOMPRESSED', statistics: false } as const;

function columnsOf(records: readonly EmbeddedRecord[], layout: OutputLayout) {
  const { columns, dtype, kinds } = layout;
  const column = (name: string, cellOf: (record: EmbeddedRecord) => unknown[]) => {
    return { name, data: records.map(cellOf), ...plain };
  };
  const ofKind = {
    dense: () => [column('embedding', ({ vector }) => Array.from(converted(vector, dtype)))],
    sparse: () => [
      column('sparse_indices', ({ sparse }) => Array.from(sparse!.indices)),
      column('sparse_values', ({ sparse }) => Array.from(sparse!.values)),
    ],
    multi: () => [column('multi', (record) => tokenRows(record, layout).map((row) => Array.from(row)))],
  };
  return [
    ...columns.map(({ name, kind }) => ({
      name,
      data: records.map(({ fields }) => columnValue(fields.get(name), kind)),
    })),
    ...kinds.flatMap((kind) => ofKind[kind]()),
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
