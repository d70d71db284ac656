/**
 * @file `embed --output` writes what the columns of a Parquet file hold, without a change.
 */
import { readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, it } from 'vitest';
import { model, run } from '../run.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();

/** The lines of the output for a Parquet file. */
async function embedded(bytes: ArrayBuffer, ...args: string[]): Promise<string[]> {
  const output = folder.file('answer.jsonl');
  const input = folder.write('in.parquet', new Uint8Array(bytes));
  const { code, stderr } = await run(['embed', '-m', model('bert-mean'), input, ...args, '-o', output]);
  expect(code, stderr).toBe(0);
  return readFileSync(output, 'utf8').split('\n');
}

/** What the command says of a Parquet file that it refuses. */
async function refusal(bytes: ArrayBuffer): Promise<string> {
  const input = folder.write('in.parquet', new Uint8Array(bytes));
  const { code, stderr } = await run(['embed', '-m', model('bert-mean'), input, '-o', folder.file('answer.jsonl')]);
  expect(code).toBe(1);
  return stderr;
}

it('decimals of Parquet with all their digits', async () => {
  const decimal = { repetition_type: 'OPTIONAL', converted_type: 'DECIMAL' } as const;
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: 'text', data: ['a', 'b'] },
      { name: 'price', data: [57n, null] },
      { name: 'wide', data: [-12345678901234567890123456789n, 5_000_000_000n] },
    ],
    schema: [
      { name: 'schema', num_children: 3 },
      { name: 'text', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED', converted_type: 'UTF8' },
      { name: 'price', type: 'INT64', scale: 2, precision: 18, ...decimal },
      { name: 'wide', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, scale: 9, precision: 38, ...decimal },
    ],
  });
  const lines = await embedded(bytes, '--fields', 'price,wide');
  expect(lines[0]).toContain('"price":0.57,"wide":-12345678901234567890.123456789,');
  expect(lines[1]).toContain('"price":null,"wide":5,');
});

it('timestamps of Parquet, which say UTC where the file does', async () => {
  const timestamp = (isAdjustedToUTC: boolean) =>
    ({ type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'MICROS' } }) as const;
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: 'text', data: ['a'] },
      { name: 'utc', data: [1_700_000_000_123_456n] },
      { name: 'local', data: [1_700_000_000_123_456n] },
    ],
    schema: [
      { name: 'schema', num_children: 3 },
      { name: 'text', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED', converted_type: 'UTF8' },
      { name: 'utc', repetition_type: 'REQUIRED', ...timestamp(true) },
      { name: 'local', repetition_type: 'REQUIRED', ...timestamp(false) },
    ],
  });
  const [line] = await embedded(bytes);
  expect(JSON.parse(line)).toMatchObject({ utc: '2023-11-14T22:13:20.123456Z', local: '2023-11-14T22:13:20.123456' });
});

it('columns in the order of a Parquet file, also where names are numbers', async () => {
  const columns = ['text', '2024', '2023'].map((name) => ({ name, data: ['a'], type: 'STRING' as const }));
  const [line] = await embedded(parquetWriteBuffer({ columnData: columns }), '--fields', 'text,2024,2023');
  expect(line).toMatch(/^\{"id":0,"text":"a","2024":"a","2023":"a","embedding"/);
});

it.each([
  ['GZIP', gzipSync],
  ['BROTLI', brotliCompressSync],
] as const)('pages packed with %s, but not one that unpacks to more than it says', async (codec, pack) => {
  const columnData = [{ name: 'text', data: ['a', 'b'] }];
  const packed = (compress: (bytes: Uint8Array) => Uint8Array) =>
    parquetWriteBuffer({ columnData, codec, compressors: { [codec]: compress } });
  expect(await embedded(packed((bytes) => pack(bytes)))).toHaveLength(3);
  const stderr = await refusal(packed((bytes) => pack(Buffer.concat([bytes, Buffer.alloc(2 ** 20)]))));
  expect(stderr).toMatch(/in\.parquet: a page unpacks to more than the \d+ bytes that it gives as its size\n$/);
});

it('refuses a codec that it lacks, with those that it has', async () => {
  const columnData = [{ name: 'text', data: ['a'] }];
  const bytes = parquetWriteBuffer({ columnData, codec: 'LZ4', compressors: { LZ4: (bytes) => bytes } });
  expect(await refusal(bytes)).toContain(
    'LZ4 is not supported; write the file again with Snappy, gzip, Brotli or zstd',
  );
});
