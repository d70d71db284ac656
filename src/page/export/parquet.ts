/**
 * @file Vectors as Parquet: a column for each column of the file, `text`, and `embedding` as a list of float32.
 */
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { ExportData } from './formats.ts';

/** Rows of one row group. */
const GROUP_ROWS = 1000;

/** The bytes of the file. */
export async function parquetFile({ texts, columns, vectors }: ExportData): Promise<Uint8Array<ArrayBuffer>[]> {
  // A column of the file with one of the two names gives way.
  const all: ExportData['columns'] = { ...columns, text: texts };
  const { embedding: _, ...strings } = all;
  const names = Object.keys(strings);
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({ writer: bytes, schema: schemaOf(names), createdBy: 'gguf-embed' });
  for (let at = 0; at < texts.length; at += GROUP_ROWS) {
    const columnData = [
      ...names.map((name) => ({ name, data: strings[name].slice(at, at + GROUP_ROWS) })),
      {
        name: 'embedding',
        data: vectors.slice(at, at + GROUP_ROWS).map((vector) => Array.from(vector)),
        // Values of vectors neither repeat nor shrink.
        encoding: 'PLAIN' as const,
        codec: 'UNCOMPRESSED' as const,
        statistics: false,
      },
    ];
    await writer.write({ columnData, rowGroupSize: GROUP_ROWS });
  }
  await writer.finish();
  return [bytes.getBytes()];
}

function schemaOf(names: readonly string[]): SchemaElement[] {
  return [
    { name: 'schema', num_children: names.length + 1 },
    ...names.map(
      (name): SchemaElement => ({ name, repetition_type: 'REQUIRED', type: 'BYTE_ARRAY', converted_type: 'UTF8' }),
    ),
    { name: 'embedding', repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', type: 'FLOAT' },
  ];
}
