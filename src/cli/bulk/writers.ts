/**
 * @file The writers of records, one for each format.
 */
import zlib from 'node:zlib';
import { UsageError } from '../usage-error.ts';
import type { ByteOutput } from './output-file.ts';
import type { OutputForm } from './output-forms.ts';
import { type EmbeddedRecord, jsonRecord } from './record-json.ts';
import type { OutputLayout, RecordWriter } from './record-writer.ts';

/**
 * A writer of a form.
 * @param outputs one for each of `outputNames`
 */
export async function createWriter(
  form: OutputForm,
  outputs: readonly ByteOutput[],
  layout: OutputLayout,
): Promise<RecordWriter> {
  const [output] = outputs;
  switch (form.format) {
    case 'parquet':
      return (await import('./write-parquet.ts')).parquetWriter(output, layout);
    case 'arrow':
      return (await import('./write-arrow.ts')).arrowWriter(output, layout);
    case 'npy':
      return (await import('./write-npy.ts')).npyWriter(outputs[1], output, layout);
    case 'jsonl':
      return jsonlWriter(output, form.compression, layout);
  }
}

function jsonlWriter(output: ByteOutput, compression: OutputForm['compression'], layout: OutputLayout): RecordWriter {
  const encoder = new TextEncoder();
  const textOf = (records: readonly EmbeddedRecord[]) =>
    encoder.encode(records.map((record) => `${jsonRecord(record, layout)}\n`).join(''));
  if (compression === undefined) {
    return { write: (records) => output.write(textOf(records)), end: async () => {} };
  }
  // Each group is a member of its own; readers join them.
  const pack = packer(compression);
  let isEmpty = true;
  return {
    async write(records) {
      isEmpty = false;
      await output.write(pack(textOf(records)));
    },
    async end() {
      if (isEmpty) await output.write(pack(new Uint8Array(0)));
    },
  };
}

/** @throws UsageError for zstd where Node cannot pack it */
function packer(compression: 'gzip' | 'zstd'): (bytes: Uint8Array) => Uint8Array {
  if (compression === 'gzip') return (bytes) => zlib.gzipSync(bytes);
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array) => Uint8Array };
  if (zstdCompressSync !== undefined) return zstdCompressSync;
  throw new UsageError(`Node ${process.versions.node} cannot pack with zstd: use Node 22.15 or newer, or gzip`);
}
