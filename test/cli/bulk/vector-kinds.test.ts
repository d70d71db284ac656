/**
 * @file `embed --vectors`: sparse vectors and vectors of tokens on the command line, in every format that holds them.
 */
import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tableFromIPC } from '@uwdata/flechette';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertFolder } from '../../../src/convert/file.node.ts';
import { Embedder, type Embeddings, toInt8 } from '../../../src/index.ts';
import { unpackCheckout } from '../../convert/support.ts';
import { run } from '../run.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();
const texts = ['a text', 'What is a panda?'];
const records = texts.map((text, i) => ({ id: `r${i}`, text, sparse: 'a field', year: 2000 + i }));
const jsonLines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const files: Record<string, string> = {};
let expected: Embeddings;
let queries: Embeddings;

async function convert(name: string): Promise<string> {
  const checkout = unpackCheckout(name);
  files[name] = join(dirname(checkout), 'model.gguf');
  await convertFolder(checkout, files[name], 'F32');
  return files[name];
}

beforeAll(async () => {
  const m3 = await Embedder.load(await convert('bge-m3'), { backend: 'wasm', worker: false });
  expected = await m3.embed(texts, { output: ['dense', 'sparse', 'multi'] });
  await m3.dispose();
  const colbert = await Embedder.load(await convert('colbert-bert'), { backend: 'wasm', worker: false });
  queries = await colbert.embed(texts, { output: ['multi'], inputType: 'query' });
  await colbert.dispose();
});
afterAll(() => {
  for (const file of Object.values(files)) rmSync(dirname(file), { recursive: true });
});

interface Kinds {
  readonly embedding?: number[];
  readonly sparse?: { readonly indices: number[]; readonly values: number[] };
  readonly multi?: number[][];
}

/** The vectors of text `i` as JSON has them. */
function vectorsOf({ vectors, sparse, multi }: Embeddings, i: number): Kinds {
  return {
    ...(vectors.length > 0 && { embedding: [...vectors[i]] }),
    ...(sparse && { sparse: { indices: [...sparse[i].indices], values: [...sparse[i].values] } }),
    ...(multi && { multi: rowsOf([...multi[i].values], multi[i].dimensions) }),
  };
}

function rowsOf(values: readonly number[], n: number): number[][] {
  return Array.from({ length: values.length / n }, (_, i) => values.slice(i * n, (i + 1) * n));
}

const all = (...more: string[]) => ['embed', '-m', files['bge-m3'], '--vectors', 'multi,dense,sparse', ...more];
const parsed = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Nested lists of any kind as arrays. */
function plain(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  return Array.from(value as Iterable<unknown>, plain);
}

it('prints JSON of texts', async () => {
  const { stdout, code } = await run([...all(), '--embd-separator', '|', '-p', texts.join('|')]);
  expect(code).toBe(0);
  const { data } = JSON.parse(stdout) as { data: (Kinds & { index: number })[] };
  for (const [i, found] of data.entries()) {
    const { embedding, sparse, multi } = vectorsOf(expected, i);
    expect(found.index).toBe(i);
    expect(found.sparse!.indices).toEqual(sparse!.indices);
    const close = (a: readonly number[], b: readonly number[]) => {
      expect(a.length).toBe(b.length);
      for (const [j, value] of a.entries()) expect(value).toBeCloseTo(b[j], 5);
    };
    close(found.embedding!, embedding!);
    close(found.sparse!.values, sparse!.values);
    close(found.multi!.flat(), multi!.flat());
  }
  const one = await run(['embed', '-m', files['bge-m3'], '--vectors', 'sparse', '-p', texts[0]]);
  expect(Object.keys(JSON.parse(one.stdout).data[0])).toEqual(['object', 'index', 'sparse']);
});

it('answers lines: texts with their vectors, records with themselves and their vectors', async () => {
  const strings = await run(all('--jsonl'), { input: jsonLines(texts) });
  expect(parsed(strings.stdout)).toEqual(texts.map((_, i) => vectorsOf(expected, i)));
  const { stdout } = await run(all('--jsonl'), { input: jsonLines(records) });
  const nTokens = expected.nTokens;
  expect(parsed(stdout)).toEqual(
    records.map((record, i) => ({ ...record, ...vectorsOf(expected, i), n_tokens: nTokens[i], truncated: false })),
  );
});

it('takes queries by the name of their prompt, and values of int8', async () => {
  const words = ['embed', '-m', files['colbert-bert'], '--vectors', 'multi', '--prompt-name', 'query', '--jsonl'];
  const { stdout } = await run(words, { input: jsonLines(texts) });
  expect(parsed(stdout)).toEqual(texts.map((_, i) => vectorsOf(queries, i)));
  const int8 = await run([...words, '--output-dtype', 'int8'], { input: jsonLines(texts) });
  const values = queries.multi!.map((one) => [...toInt8(one).values]);
  expect(parsed(int8.stdout).map(({ multi }) => multi.flat())).toEqual(values);
  const dense = await run(['embed', '-m', files['colbert-bert'], '-p', 'a']);
  expect(dense.stderr).toContain('has no dense output; it has multi');
});

describe('files', () => {
  /** Runs to an output file. */
  async function written(name: string, ...more: string[]): Promise<string> {
    const output = folder.file(name);
    const { code, stderr } = await run([
      ...all(),
      ...more,
      folder.write('rows.jsonl', jsonLines(records)),
      '-o',
      output,
    ]);
    expect(stderr).toMatch(/^2 rows: \d+ tokens in /);
    expect(code).toBe(0);
    return output;
  }
  const columns = (i: number) => {
    const { embedding, sparse, multi } = vectorsOf(expected, i);
    return { embedding, sparse_indices: sparse!.indices, sparse_values: sparse!.values, multi };
  };
  const names = [
    'id',
    'text',
    'year',
    'embedding',
    'sparse_indices',
    'sparse_values',
    'multi',
    'n_tokens',
    'truncated',
  ];

  it('JSON lines', async () => {
    const rows = parsed(readFileSync(await written('out.jsonl'), 'utf8'));
    expect(rows.map(({ embedding, sparse, multi }) => ({ embedding, sparse, multi }))).toEqual(
      texts.map((_, i) => vectorsOf(expected, i)),
    );
    expect(rows.map(({ year }) => year)).toEqual([2000, 2001]);
  });

  it('Parquet', async () => {
    const bytes = readFileSync(await written('out.parquet'));
    const rows = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    });
    expect(Object.keys(rows[0])).toEqual(names);
    for (const [i, row] of rows.entries()) {
      for (const [name, value] of Object.entries(columns(i))) expect(plain(row[name]), name).toEqual(value);
    }
  });

  it('Parquet of int8, whose schema of Arrow says how long vectors are', async () => {
    const bytes = readFileSync(await written('int8.parquet', '--output-dtype', 'int8'));
    const rows = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    });
    expect((plain(rows[1].multi) as number[][]).flat()).toEqual([...toInt8(expected.multi![1]).values]);
  });

  it('Arrow', async () => {
    const table = tableFromIPC(readFileSync(await written('out.arrow')));
    expect(table.names).toEqual(names);
    for (const i of texts.keys()) {
      for (const [name, value] of Object.entries(columns(i)))
        expect(plain(table.getChild(name).at(i)), name).toEqual(value);
    }
  });

  it('the parts of a folder belong to one kind of input', async () => {
    const input = folder.write('texts.jsonl', jsonLines(records));
    const output = `${folder.file('parts')}/`;
    const words = ['embed', '-m', files['colbert-bert'], '--vectors', 'multi', input, '-o', output];
    expect((await run([...words, '--prompt-name', 'query'])).code).toBe(0);
    const other = await run([...words, '--prompt-name', 'document']);
    expect(other.code).not.toBe(0);
    expect(other.stderr).toContain('--prompt-name');
    const [row] = await parquetReadObjects({
      file: new Uint8Array(readFileSync(`${output}part-00000.parquet`)).buffer,
    });
    expect(plain(row.multi)).toEqual(vectorsOf(queries, 0).multi);
  });
});

it.each<[string[], string]>([
  [['--vectors', 'colbert'], '--vectors must be a list of dense, sparse, multi, not "colbert"'],
  [
    ['--vectors', 'sparse', '-o', 'out.npy', 'rows.jsonl'],
    '.npy holds dense vectors alone; sparse vectors go to .jsonl',
  ],
  [['--output', 'dense,multi', 'rows.jsonl'], '--output says where vectors go; their kinds are --vectors dense,multi'],
  [
    ['--vectors', 'multi', '--embd-output-format', 'array', '-p', 'a'],
    '--embd-output-format array holds dense vectors',
  ],
  [['--vectors', 'multi', '--html', 'map.html', '-p', 'a'], '--html'],
  [['--vectors', 'multi', '--jsonl', '--chunk', 'tokens=16'], '--chunk'],
])('%j is refused', async (words, message) => {
  const { code, stderr } = await run(['embed', '-m', files['bge-m3'], ...words]);
  expect(code).not.toBe(0);
  expect(stderr).toContain(message);
});
