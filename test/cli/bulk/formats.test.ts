/**
 * @file `embed --output`: every format of inputs gives the same vectors, and every format of outputs holds them.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { tableFromIPC } from '@uwdata/flechette';
import { parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { beforeAll, describe, expect, it } from 'vitest';
import { model, run } from '../run.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();
const bert = ['embed', '-m', model('bert-mean')];
const texts = ['a text', 'another one, "quoted"', 'the third\nhas two lines', 'grüße 😀'];
const records = texts.map((text, i) => ({ id: `r${i}`, text, year: 2000 + i }));
const jsonLines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

let expected: number[][];
beforeAll(async () => {
  const { stdout } = await run([...bert, '--jsonl'], { input: jsonLines(texts) });
  expected = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
});

/** Runs to an output of JSON lines, and gives its records. */
async function embedded(...args: string[]): Promise<Record<string, unknown>[]> {
  const output = folder.file('answer.jsonl');
  const { code, stderr } = await run([...bert, ...args, '-o', output]);
  expect(stderr).toMatch(/^\d+ rows?: \d+ tokens in /);
  expect(code).toBe(0);
  return readFileSync(output, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const csv = (separator: string) =>
  ['id', 'text', 'year'].join(separator) +
  records.map(({ id, text, year }) => `\r\n${[id, `"${text.replaceAll('"', '""')}"`, year].join(separator)}`).join('');

describe('inputs', () => {
  const parquet = () =>
    parquetWriteBuffer({
      columnData: [
        { name: 'id', data: records.map(({ id }) => id), type: 'STRING' },
        { name: 'text', data: texts, type: 'STRING' },
        { name: 'year', data: records.map(({ year }) => BigInt(year)), type: 'INT64' },
      ],
      rowGroupSize: 3,
    });

  it.each<[name: string, content: () => string | Uint8Array]>([
    ['rows.jsonl', () => jsonLines(records)],
    ['rows.ndjson.gz', () => gzipSync(jsonLines(records))],
    ['rows.csv', () => csv(',')],
    ['rows.tsv.gz', () => gzipSync(`\ufeff${csv('\t')}`)],
    ['rows.parquet', () => new Uint8Array(parquet())],
  ])('%s', async (name, content) => {
    const rows = await embedded(folder.write(name, content()));
    expect(rows.map(({ embedding }) => embedding)).toEqual(expected);
    expect(rows.map(({ id, text, year }) => ({ id, text, year: Number(year) }))).toEqual(records);
  });

  it.skipIf(Number(process.versions.node.split('.')[0]) < 23)('JSON lines packed with zstd', async () => {
    const { zstdCompressSync } = (await import('node:zlib')) as unknown as {
      zstdCompressSync: (text: string) => Uint8Array;
    };
    const rows = await embedded(folder.write('rows.jsonl.zst', zstdCompressSync(jsonLines(records))));
    expect(rows.map(({ embedding }) => embedding)).toEqual(expected);
  });

  it('lines of a text, without empty ones', async () => {
    const rows = await embedded(folder.write('rows.txt', `${texts[0]}\r\n\n${texts[1]}`));
    expect(rows.map(({ id, text, embedding }) => ({ id, text, embedding }))).toEqual([
      { id: 0, text: texts[0], embedding: expected[0] },
      { id: 1, text: texts[1], embedding: expected[1] },
    ]);
  });

  it('standard input and -f', async () => {
    const output = folder.file('from-stdin.jsonl');
    const { code } = await run([...bert, '-o', output], { input: jsonLines(records) });
    expect(code).toBe(0);
    const file = folder.write('rows', jsonLines(records));
    const rows = await embedded('--jsonl', '-f', file);
    expect(readFileSync(output, 'utf8')).toBe(jsonLines(rows));
    expect(rows.map(({ embedding }) => embedding)).toEqual(expected);
  });

  it('folders and patterns, in the order of names, a text a file', async () => {
    mkdirSync(folder.file('docs/deep/er'), { recursive: true });
    const written = [
      ['docs/b.md', texts[0]],
      ['docs/a.md', texts[2]],
      ['docs/deep/er/c.md', texts[3]],
      ['docs/deep/d.bin', 'not taken'],
      ['docs/.hidden.md', 'not taken'],
    ].map(([name, content]) => folder.write(name, content));
    const rows = async (...args: string[]) => {
      const output = folder.file('docs.jsonl');
      const { stderr, code } = await run([...bert, ...args, '-o', output]);
      expect(code, stderr).toBe(0);
      const lines = readFileSync(output, 'utf8').trim().split('\n');
      return { stderr, rows: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
    };
    const all = await rows(folder.file('docs'));
    expect(all.stderr).toContain('1 file of folders left out: their names do not say a known format\n');
    expect(all.rows.map(({ path }) => path)).toEqual([written[1], written[0], written[2]]);
    expect(all.rows.map(({ embedding }) => embedding)).toEqual([expected[2], expected[0], expected[3]]);
    const pattern = await rows(`${folder.path}/docs/**/[!d]*.md`);
    expect(pattern.rows).toEqual(all.rows);
    expect((await rows(`${folder.path}/docs/?.md`)).rows).toEqual(all.rows.slice(0, 2));
  });
});

describe('outputs', () => {
  const file = folder.write('in.jsonl', jsonLines(records));
  const fieldsOf = (rows: readonly Record<string, unknown>[]) =>
    rows.map(({ id, text, year }) => ({ id, text, year: Number(year) }));
  const write = async (name: string, ...args: string[]) => {
    const { code, stderr } = await run([...bert, file, '-o', folder.file(name), ...args]);
    expect(code, stderr).toBe(0);
    return readFileSync(folder.file(name));
  };

  it('Parquet, with types that its readers know', async () => {
    const bytes = await write('out.parquet');
    const rows = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
    expect(rows.map(({ embedding }) => embedding)).toEqual(expected);
    expect(fieldsOf(rows)).toEqual(records);
    expect(rows[0]).toMatchObject({ year: 2000n, n_tokens: expect.any(Number), truncated: false });
  });

  it('Arrow', async () => {
    const table = tableFromIPC(new Uint8Array(await write('out.arrow')));
    const rows = table.toArray() as Record<string, unknown>[];
    expect(rows.map(({ embedding }) => Array.from(embedding as Float32Array))).toEqual(expected);
    expect(fieldsOf(rows)).toEqual(records);
  });

  it('numpy, with the ids beside', async () => {
    const bytes = await write('out.npy', '--fields', 'year');
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 64), }";
    expect(bytes.subarray(0, 10)).toEqual(Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]));
    expect(bytes.subarray(10, 128).toString()).toBe(`${header.padEnd(117)}\n`);
    const values = new Float32Array(new Uint8Array(bytes.subarray(128)).buffer);
    expect(Array.from(values)).toEqual(expected.flat());
    expect(readFileSync(folder.file('out.ids.jsonl'), 'utf8')).toBe(
      jsonLines(records.map(({ id, year }) => ({ id, year }))),
    );
  });

  it('packed JSON lines', async () => {
    const plain = await write('out.jsonl');
    expect(gunzipSync(await write('out.jsonl.gz')).toString()).toBe(plain.toString());
  });

  it.each(['int8', 'uint8', 'binary', 'ubinary'])('%s in every format', async (dtype) => {
    const lines = (await write('d.jsonl', '--output-dtype', dtype)).toString().trim().split('\n');
    const vectors = lines.map((line) => JSON.parse(line).embedding as number[]);
    const rows = await parquetReadObjects({
      file: new Uint8Array(await write('d.parquet', '--output-dtype', dtype)).buffer,
    });
    expect(rows.map(({ embedding }) => embedding)).toEqual(vectors);
    const table = tableFromIPC(new Uint8Array(await write('d.arrow', '--output-dtype', dtype)));
    const arrow = table.toArray() as { embedding: Int8Array }[];
    expect(arrow.map(({ embedding }) => Array.from(embedding))).toEqual(vectors);
    const bytes = new Uint8Array(await write('d.npy', '--output-dtype', dtype)).subarray(128);
    const values = dtype.startsWith('u') ? bytes : new Int8Array(bytes);
    expect(Array.from(values)).toEqual(vectors.flat());
  });

  it('an empty input gives an empty output', async () => {
    const empty = folder.write('empty.jsonl', '');
    for (const name of ['e.parquet', 'e.arrow', 'e.npy', 'e.jsonl']) {
      const { code, stderr } = await run([...bert, empty, '-o', folder.file(name)]);
      expect(code, stderr).toBe(0);
    }
    expect(await parquetReadObjects({ file: new Uint8Array(readFileSync(folder.file('e.parquet'))).buffer })).toEqual(
      [],
    );
    expect(tableFromIPC(new Uint8Array(readFileSync(folder.file('e.arrow')))).numRows).toBe(0);
    expect(readFileSync(folder.file('e.npy')).toString('latin1')).toContain("'shape': (0, 64)");
  });

  it('leaves nothing half-written behind', () => {
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });
});

describe('is refused', () => {
  const file = folder.write('refused.jsonl', jsonLines(records));
  it.each([
    [['nothing.jsonl', '-o', 'x.jsonl'], 'cannot read nothing.jsonl: the file does not exist'],
    [['no*.jsonl', '-o', 'x.jsonl'], 'no file matches no*.jsonl'],
    [[file, file, '-o', 'x.jsonl'], `${file} is named twice`],
    [[model('bert-mean'), '-o', 'x.jsonl'], 'does not say its format'],
    [[file, '-o', 'x.txt'], 'the name of --output x.txt does not say its format'],
    [[file, '-o', 'x.parquet.gz'], '--output x.parquet.gz: only JSON lines can be packed with gzip'],
    [[file, '-o', 'x.npy', '--output-format', 'arrow'], '--output-format arrow is not what --output x.npy ends in'],
    [[file, '-o', '/nowhere/x.npy'], 'there is no folder /nowhere'],
    [[file, '-o', file], `--output ${file} is also an input file`],
    [[file, '-o', 'x.npy', '--shard', '1/2'], '--shard needs a folder as --output'],
    [[file, '-o', 'x/', '--shard', '3/2'], '--shard must be I/N with I from 1 to N, not "3/2"'],
    [[file, '-o', 'x.parquet', '--pooling', 'none'], 'with --pooling none, the output must be JSON lines, not parquet'],
    [[file, '-o', 'x.jsonl', '-p', 'a'], '--output is for files: give them as arguments'],
    [[file, '-o', 'x.jsonl', '--stdin'], '--stdin cannot be used together with input files'],
    [[file], 'give a text with -p, or say with --output where the records of files go'],
    [['--rows-per-part', '5', '-p', 'a'], '--rows-per-part works with --output only'],
  ])('%j', async (args, message) => {
    const { code, stderr } = await run([...bert, ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(1);
  });

  it('a file that is damaged, by its name', async () => {
    const bad = folder.write('bad.parquet', 'PAR1 and nothing else');
    const { code, stderr } = await run([...bert, bad, '-o', folder.file('x.jsonl')]);
    expect(stderr).toContain(`error: cannot read ${bad}: `);
    expect(code).toBe(1);
    const columns = ['text', 'year'].map((name) => ({ name, data: ['a'], type: 'STRING' as const }));
    const bytes = Buffer.from(parquetWriteBuffer({ columnData: columns }));
    bytes.fill(0xff, 4, 20);
    bytes.write('yeaR', bytes.lastIndexOf('year'));
    const stray = folder.write('stray.parquet', bytes);
    const { stderr: said } = await run([...bert, stray, '-o', folder.file('x.jsonl')]);
    expect(said).toBe(`error: cannot read ${stray}: its schema lacks the column "yeaR"\n`);
    const packed = folder.write('bad.jsonl.gz', 'not packed');
    expect((await run([...bert, packed, '-o', folder.file('x.jsonl')])).stderr).toContain(`cannot read ${packed}: `);
  });
});

describe('a row that cannot be used', () => {
  const long = { id: 'long', text: 'word '.repeat(600) };
  const rows = [records[0], { id: 'none' }, records[1], long, 'a string', 7];
  const file = folder.write('some.jsonl', `${jsonLines(rows)}{"id":\n`);

  it('ends the job with its file and line, and nothing is written', async () => {
    const { code, stderr } = await run([...bert, file, '-o', folder.file('stopped.jsonl')]);
    expect(stderr).toBe(
      `error: ${file} line 2 has no field "text" (its fields: "id"): name the one with the text with --text-field\n`,
    );
    expect(code).toBe(1);
    expect(readdirSync(folder.path).filter((name) => name.includes('stopped'))).toEqual([]);
  });

  it('is written beside the output with --on-error skip', async () => {
    const { code, stderr } = await run([...bert, file, '-o', folder.file('kept.parquet'), '--on-error', 'skip']);
    expect(stderr).toMatch(/^7 rows, 4 of them failed: /);
    expect(stderr).toContain(`the rows that failed are in ${folder.file('kept.failures.jsonl')}\n`);
    expect(code).toBe(0);
    const kept = await parquetReadObjects({ file: new Uint8Array(readFileSync(folder.file('kept.parquet'))).buffer });
    expect(kept.map(({ id }) => id)).toEqual(['"r0"', '"r1"', '4']);
    const failures = readFileSync(folder.file('kept.failures.jsonl'), 'utf8').trim().split('\n');
    expect(failures.map((line) => JSON.parse(line))).toEqual([
      {
        row: 1,
        id: 'none',
        input: file,
        where: 'line 2',
        error: expect.stringContaining(`${file} line 2 has no field`),
      },
      { row: 3, id: 'long', input: file, where: 'line 4', error: expect.stringContaining('line 4 is too large') },
      { row: 5, input: file, where: 'line 6', error: expect.stringContaining('line 6 must be a JSON object') },
      { row: 6, input: file, where: 'line 7', error: expect.stringContaining('line 7 is not JSON') },
    ]);
  });
});
