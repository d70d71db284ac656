/**
 * @file Reads the rows of an input file, in groups, so that memory does not grow with the file.
 */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import zlib from 'node:zlib';
import { type ByteLine, byteLines } from '../input/byte-lines.ts';
import { textOfLine, valueOfLine } from '../input/jsonl.ts';
import { unreadable } from '../input/read-file.ts';
import { decodeWhole } from '../input/text-encoding.ts';
import { UsageError } from '../usage-error.ts';
import type { InputFile } from './input-files.ts';
import type { DecodedLine, InputRow } from './input-row.ts';
import { CsvReader } from './read-csv.ts';
import { fieldsOf, fieldsOfJson } from './record.ts';

/**
 * The rows of a file from the one at `from` on, in groups. `where` names a row within the file, as in `line 3`.
 * @throws UsageError when the file cannot be read as its format
 */
export async function* readRows(file: InputFile, from = 0): AsyncGenerator<InputRow[]> {
  if (file.format === 'parquet') {
    const { readParquet } = await import('./read-parquet.ts');
    yield* readParquet(file.path, from);
    return;
  }
  let nBefore = 0;
  for await (const rows of rowsOf(file)) {
    const wanted = rows.slice(Math.max(0, from - nBefore));
    nBefore += rows.length;
    if (wanted.length > 0) yield wanted;
  }
}

async function* rowsOf(file: InputFile): AsyncGenerator<InputRow[]> {
  const { path, name, format } = file;
  if (format === 'image') yield [{ where: '', fields: fieldsOf({ path: name, image: path }) }];
  else if (format === 'file') yield [await wholeFile(file)];
  else if (format === 'jsonl') yield* eachLine(file, jsonRow);
  else if (format === 'text') yield* eachLine(file, textRow);
  else {
    const reader = new CsvReader(format === 'csv' ? ',' : '\t');
    for await (const lines of linesOf(file)) yield reader.push(lines.map(decodedLine));
    yield reader.end();
  }
}

async function wholeFile({ path, name, compression }: InputFile): Promise<InputRow> {
  try {
    const bytes =
      compression === undefined ? await readFile(path) : Buffer.concat(await chunksOf(bytesOf(path, compression)));
    return { where: '', fields: fieldsOf({ path: name, text: decodeWhole(bytes, name) }) };
  } catch (error) {
    if (error instanceof UsageError) return { where: '', problem: error.message.replace(`${name} `, '') };
    throw unreadable(name, error as Error);
  }
}

async function chunksOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

async function* eachLine(file: InputFile, read: (line: ByteLine) => InputRow | undefined): AsyncGenerator<InputRow[]> {
  for await (const lines of linesOf(file)) yield lines.map(read).filter((row) => row !== undefined);
}

async function* linesOf({ path, name, compression }: InputFile): AsyncGenerator<ByteLine[]> {
  try {
    yield* byteLines(bytesOf(path, compression), name);
  } catch (error) {
    throw error instanceof UsageError ? error : unreadable(name, error as Error);
  }
}

/** The bytes of a file, unpacked. @throws UsageError for zstd where Node cannot unpack it */
function bytesOf(path: string, compression: InputFile['compression']): AsyncIterable<Uint8Array> {
  const stream = createReadStream(path, { highWaterMark: 2 ** 17 });
  if (compression === undefined) return stream;
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => zlib.Gunzip };
  if (compression === 'zstd' && createZstdDecompress === undefined) {
    stream.destroy();
    throw new UsageError(
      `${path} is packed with zstd, which Node ${process.versions.node} cannot unpack: use Node 22.15 or newer, or gzip`,
    );
  }
  const unpack = compression === 'zstd' && createZstdDecompress ? createZstdDecompress() : zlib.createGunzip();
  stream.on('error', (error) => unpack.destroy(error));
  // A reader that ends early destroys what it reads from; the file is to be closed, too.
  unpack.on('close', () => stream.destroy());
  return stream.pipe(unpack);
}

function jsonRow(line: ByteLine): InputRow | undefined {
  const where = `line ${line.number}`;
  const parsed = valueOfLine(line);
  if (parsed === undefined || 'problem' in parsed) return parsed && { where, problem: parsed.problem };
  const { value, text } = parsed;
  if (typeof value === 'string') return { where, fields: fieldsOf({ text: value }) };
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { where, fields: fieldsOfJson(text) };
  return { where, problem: 'must be a JSON object or a JSON string' };
}

function textRow(line: ByteLine): InputRow | undefined {
  const { where, ...decoded } = decodedLine(line);
  if ('problem' in decoded) return { where, problem: decoded.problem };
  const text = decoded.text.replace(/\r$/, '');
  return text === '' ? undefined : { where, fields: fieldsOf({ text }) };
}

function decodedLine(line: ByteLine): DecodedLine {
  return { where: `line ${line.number}`, ...textOfLine(line) };
}
