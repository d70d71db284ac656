/**
 * @file Writes vectors as one matrix of numpy, and beside it a file with the fields of the records, one JSON object a line.
 */
import type { OutputDtype } from '../../engine/outputs/output-dtypes.ts';
import type { ByteOutput } from './output-file.ts';
import { converted, jsonMembers } from './record-json.ts';
import { type OutputLayout, type RecordWriter, vectorLength } from './record-writer.ts';

/** Bytes of the header: enough for any number of rows, and a multiple of 64, as numpy wants it. */
const HEADER = 128;

const descr: Readonly<Record<OutputDtype, string>> = {
  float: '<f4',
  int8: '|i1',
  uint8: '|u1',
  binary: '|i1',
  ubinary: '|u1',
};

/** A writer of `.npy`. The header is written again at the end, when the number of rows is known. */
export async function npyWriter(vectors: ByteOutput, ids: ByteOutput, layout: OutputLayout): Promise<RecordWriter> {
  let nRows = 0;
  await vectors.write(header(nRows, layout));
  return {
    async write(records) {
      nRows += records.length;
      const rows = records.map(({ vector }) => bytesOf(converted(vector, layout.dtype)));
      await vectors.write(Buffer.concat(rows));
      const lines = records.map(({ fields }) => `{${jsonMembers(fields).join(',')}}\n`);
      await ids.write(Buffer.from(lines.join('')));
    },
    end: () => vectors.overwriteStart(header(nRows, layout)),
  };
}

function header(nRows: number, layout: OutputLayout): Uint8Array {
  const shape = `(${nRows}, ${vectorLength(layout)})`;
  const literal = `{'descr': '${descr[layout.dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  return Buffer.from(
    `\x93NUMPY\x01\x00${String.fromCharCode(HEADER - 10, 0)}${literal.padEnd(HEADER - 11)}\n`,
    'latin1',
  );
}

/** The bytes in little-endian order, which all machines have that Node runs on. */
function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
