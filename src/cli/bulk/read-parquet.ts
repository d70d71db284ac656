/**
 * @file Reads the rows of a Parquet file, a row group at a time. Times are texts with all digits that the file has.
 */
import { type FileHandle, open } from 'node:fs/promises';
import zlib from 'node:zlib';
import {
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaElement,
  type SchemaTree,
} from 'hyparquet';
import { unreadable } from '../input/read-file.ts';
import type { UsageError } from '../usage-error.ts';
import type { InputRow } from './input-row.ts';
import { decimalField, withStoredDecimals } from './parquet-decimals.ts';
import type { Field } from './record.ts';

type Unpack = (input: Uint8Array, outputLength: number) => Uint8Array;

/** Rows that are given out at a time. */
const GROUP = 1024;

type ZlibUnpack = (input: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

const { zstdDecompressSync } = zlib as { zstdDecompressSync?: ZlibUnpack };
/** Snappy is in the library. */
const compressors: Record<string, Unpack> = {
  GZIP: bounded(zlib.gunzipSync),
  BROTLI: bounded(zlib.brotliDecompressSync),
  ...(zstdDecompressSync && { ZSTD: bounded(zstdDecompressSync) }),
};

/** Unpacks a page into no more memory than the file gives as its size. */
function bounded(unpack: ZlibUnpack): Unpack {
  return (bytes, outputLength) => {
    try {
      return unpack(bytes, { maxOutputLength: Math.max(outputLength, 1) });
    } catch (error) {
      const isLonger = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      throw isLonger
        ? new Error(`a page unpacks to more than the ${outputLength} bytes that it gives as its size`)
        : error;
    }
  };
}

const parsers = {
  timestampFromMilliseconds: (value: bigint) => timestamp(value, 3),
  timestampFromMicroseconds: (value: bigint) => timestamp(value, 6),
  timestampFromNanoseconds: (value: bigint) => timestamp(value, 9),
  dateFromDays: (days: number) => new Date(days * 86_400_000).toISOString().slice(0, 10),
};

/** An instant as ISO 8601, with as many digits of a second as the unit has. */
function timestamp(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits);
  const rest = ((value % unit) + unit) % unit;
  const seconds = new Date(Number((value - rest) / unit) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(rest).padStart(digits, '0')}Z`;
}

/**
 * The rows from the one at `from` on, in groups.
 * @throws UsageError for a file that is damaged, or packed in a way that Node cannot unpack
 */
export async function* readParquet(path: string, from: number): AsyncGenerator<InputRow[]> {
  const handle = await open(path).catch((cause: Error) => {
    throw cannotRead(path, cause);
  });
  try {
    const file = await bufferOf(handle);
    const metadata = await parquetMetadataAsync(file, { parsers });
    const schema = parquetSchema(metadata);
    requireColumns(schema, metadata);
    const columns = schema.children.map(({ element }) => element);
    const { stored, scales } = withStoredDecimals(metadata, columns);
    const fieldOf = ({ name, logical_type }: SchemaElement, value: unknown): Field => {
      const scale = scales.get(name);
      if (scale !== undefined) return decimalField(value, scale);
      const isLocal = logical_type?.type === 'TIMESTAMP' && !logical_type.isAdjustedToUTC;
      return { value: isLocal && typeof value === 'string' ? value.slice(0, -'Z'.length) : value };
    };
    let rowStart = 0;
    for (const { num_rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows);
      if (rowEnd > from) {
        const skipped = Math.max(rowStart, from);
        const rows = await parquetReadObjects({
          file,
          metadata: stored,
          rowStart: skipped,
          rowEnd,
          compressors,
          parsers,
          utf8: false,
        });
        for (let at = 0; at < rows.length; at += GROUP) {
          yield rows.slice(at, at + GROUP).map((row, i) => ({
            where: `row ${skipped + at + i + 1}`,
            fields: new Map(columns.map((column) => [column.name, fieldOf(column, row[column.name])])),
          }));
        }
      }
      rowStart = rowEnd;
    }
  } catch (error) {
    throw cannotRead(path, error as Error);
  } finally {
    await handle.close();
  }
}

/** @throws an error for a column that the schema lacks: the library would read it and not wait for the end */
function requireColumns(schema: SchemaTree, { row_groups }: FileMetaData): void {
  const leaves = ({ children, path }: SchemaTree): string[] =>
    children.length > 0 ? children.flatMap(leaves) : [path.join('.')];
  const known = new Set(leaves(schema));
  for (const { columns } of row_groups) {
    for (const { meta_data } of columns) {
      const name = meta_data?.path_in_schema.join('.');
      if (name !== undefined && !known.has(name))
        throw new Error(`its schema lacks the column ${JSON.stringify(name)}`);
    }
  }
}

async function bufferOf(handle: FileHandle) {
  const { size } = await handle.stat();
  return {
    byteLength: size,
    async slice(start: number, end = size): Promise<ArrayBuffer> {
      const bytes = new Uint8Array(end - start);
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
        if (bytesRead === 0) throw new Error('it ends too early');
        done += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

function cannotRead(path: string, cause: Error): UsageError {
  const [, codec] = /unsupported compression codec: (\w+)/i.exec(cause.message) ?? [];
  const problem =
    codec === 'ZSTD'
      ? `Node ${process.versions.node} cannot unpack zstd; use Node 22.15 or newer`
      : `${codec} is not supported; write the file again with Snappy, gzip, Brotli or zstd`;
  return unreadable(path, cause, codec === undefined ? '' : `: ${problem}`);
}
