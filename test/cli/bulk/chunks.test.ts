/**
 * @file `--chunk`: a record for each chunk, from JSON lines and from files.
 */
import { readFileSync } from 'node:fs';
import { parquetReadObjects } from 'hyparquet';
import { expect, it } from 'vitest';
import { model, run } from '../run.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();
const bert = ['embed', '-m', model('bert-mean')];
const text = '😀 The cat sat on the mat. It was black.\n\n# Dogs\nThe dog barked at it, all night long. Nobody slept.';
const record = { id: 'a', text, year: 1999, chunk: 'old', constructor: 'Wright' };

interface Answer {
  readonly text: string;
  readonly chunk: number;
  readonly chunk_start: number;
  readonly chunk_end: number;
  readonly embedding: number[];
  readonly n_tokens: number;
}
const parsed = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);

it('a record has the fields of its text, and where it is, in Unicode characters', async () => {
  const { stdout, stderr } = await run([...bert, '--jsonl', '--chunk', 'tokens=40'], { input: JSON.stringify(record) });
  expect(stderr).toBe('');
  const chunks = parsed(stdout);
  expect(chunks.length).toBeGreaterThan(1);
  for (const [i, one] of chunks.entries()) {
    expect(one).toMatchObject({ id: 'a', year: 1999, constructor: 'Wright', chunk: i, truncated: false });
    expect(Array.from(text).slice(one.chunk_start, one.chunk_end).join('')).toBe(one.text);
    expect(one.n_tokens).toBeLessThanOrEqual(40);
  }
  const input = chunks.map((one) => JSON.stringify(one.text)).join('\n');
  const whole = await run([...bert, '--jsonl'], { input });
  expect(chunks.map(({ embedding }) => embedding)).toEqual(
    whole.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
});

it('strings are records, and --fields counts', async () => {
  const args = [...bert, '--jsonl', '--chunk', 'tokens=40,overlap=10'];
  const string = parsed((await run(args, { input: JSON.stringify(text) })).stdout);
  const fields = parsed((await run([...args, '--fields', 'id'], { input: JSON.stringify(record) })).stdout);
  expect(fields.map(({ embedding }) => embedding)).toEqual(string.map(({ embedding }) => embedding));
  expect(Object.keys(fields[0])).toEqual([
    'id',
    'chunk',
    'chunk_start',
    'chunk_end',
    'embedding',
    'n_tokens',
    'truncated',
  ]);
  expect(Object.keys(string[0])[0]).toBe('text');
});

it('--chunk-late gives other vectors for the same chunks, and one chunk is the whole text', async () => {
  const input = JSON.stringify(record);
  const late = parsed((await run([...bert, '--jsonl', '--chunk', 'tokens=40', '--chunk-late'], { input })).stdout);
  const early = parsed((await run([...bert, '--jsonl', '--chunk', 'tokens=40'], { input })).stdout);
  expect(late.map(({ text }) => text)).toEqual(early.map(({ text }) => text));
  for (const [i, { embedding }] of late.entries()) expect(embedding).not.toEqual(early[i].embedding);
  const one = parsed((await run([...bert, '--jsonl', '--chunk', 'tokens=400', '--chunk-late'], { input })).stdout);
  const whole = parsed((await run([...bert, '--jsonl'], { input })).stdout);
  expect(one).toHaveLength(1);
  expect(one[0].embedding).toEqual(whole[0].embedding);
});

it('files become tables of chunks, with the same vectors', async () => {
  const file = folder.write(
    'docs.jsonl',
    `${JSON.stringify(record)}\n{"id":"b"}\n{"id":"c","text":" "}\n"another text"\n`,
  );
  const args = ['--chunk', 'tokens=40', '--on-error', 'skip'];
  for (const late of [[], ['--chunk-late']]) {
    const { stderr, code } = await run([...bert, file, '-o', folder.file('out.parquet'), ...args, ...late]);
    expect(stderr).toMatch(/^4 rows, 2 of them failed/);
    expect(code).toBe(0);
    const rows = await parquetReadObjects({ file: new Uint8Array(readFileSync(folder.file('out.parquet'))).buffer });
    const lines = parsed(
      (await run([...bert, '--jsonl', '--chunk', 'tokens=40', ...late], { input: JSON.stringify(record) })).stdout,
    );
    expect(rows.slice(0, -1).map(({ embedding, text, chunk_end }) => [embedding, text, Number(chunk_end)])).toEqual(
      lines.map(({ embedding, text, chunk_end }) => [embedding, text, chunk_end]),
    );
    expect(rows.at(-1)).toMatchObject({ text: 'another text', chunk: 0n, chunk_start: 0n });
  }
  const failures = readFileSync(folder.file('out.failures.jsonl'), 'utf8').trim().split('\n');
  expect(failures.map((line) => (JSON.parse(line) as { error: string }).error)).toEqual([
    expect.stringContaining(`${file} line 2 has no field "text"`),
    `${file} line 3 has an empty text, of which there are no chunks`,
  ]);
});

it.each([
  [['--chunk', '256'], '"x"', '--chunk must be like tokens=256,overlap=32, not "256"'],
  [['--chunk', 'tokens=40,size=2'], '"x"', '--chunk must be like'],
  [['--chunk', 'tokens=4'], '"x"', 'chunks of 4 tokens leave too little room for text'],
  [['--chunk', 'tokens=40'], '[101]', 'line 1 is no text: --chunk takes strings and records'],
  [['--chunk', 'tokens=40'], '{"image":"a.png"}', 'line 1 has an image, which cannot be cut into chunks'],
  [['--chunk', 'tokens=40', '--truncate', 'end'], '"x"', '--truncate has no effect with --chunk'],
  [['--chunk', 'tokens=40', '--chunk-late'], JSON.stringify('word '.repeat(600)), 'line 1 is too large'],
  [
    ['--chunk', 'tokens=40', '--chunk-late', '--pooling', 'cls'],
    '"x"',
    'late chunking needs a model with pooling mean',
  ],
  [['--chunk-late'], '"x"', '--chunk-late works with --chunk only'],
])('%j refuses %s', async (args, input, message) => {
  const { code, stderr } = await run([...bert, '--jsonl', ...args], { input });
  expect(stderr).toContain(message);
  expect(code).toBe(1);
});
