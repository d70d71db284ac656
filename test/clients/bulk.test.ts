/**
 * @file Python's readers of Parquet, Arrow and numpy files, against what `embed --output` writes, and the other way round. They take
 * 600 MB and a minute to install.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { model, run } from '../cli/run.ts';
import { temporaryFolder } from '../cli/temporary.ts';
import { exec, path, scratchPython } from './scratch-python.ts';

const { python, missing } = await scratchPython('tests of Python readers of embeddings', 'bulk-requirements.txt');
const outputs = temporaryFolder();
const embed = ['embed', '-m', model('bert-mean')];

describe.skipIf(missing !== undefined)('Python reads', () => {
  let answers: Readonly<Record<string, unknown>>;
  beforeAll(async () => {
    const texts = Array.from({ length: 20 }, (_, i) => JSON.stringify({ id: i, text: `text ${i} 😀` }));
    const input = outputs.write('input.jsonl', texts.join('\n'));
    for (const dtype of ['float', 'int8', 'uint8', 'binary', 'ubinary']) {
      for (const extension of ['jsonl', 'parquet', 'arrow', 'npy']) {
        const output = ['-o', outputs.file(`${dtype}.${extension}`), '--output-dtype', dtype];
        const { code, stderr } = await run([...embed, input, ...output]);
        expect(code, stderr).toBe(0);
      }
    }
    const { stdout } = await exec(python, [path('bulk.py'), outputs.path], { timeout: 100_000 });
    answers = JSON.parse(stdout);
  }, 200_000);

  it.for([
    ['float', 'float not null', 64, 'FLOAT', 'Float32', 'float32'],
    ['int8', 'int8 not null', 64, 'TINYINT', 'Int8', 'int8'],
    ['uint8', 'uint8 not null', 64, 'UTINYINT', 'UInt8', 'uint8'],
    ['binary', 'int8 not null', 8, 'TINYINT', 'Int8', 'int8'],
    ['ubinary', 'uint8 not null', 8, 'UTINYINT', 'UInt8', 'uint8'],
  ] as const)('%s', ([dtype, arrow, length, duckdb, polars, numpy]) => {
    const list = `fixed_size_list<element: ${arrow}>[${length}]`;
    expect(answers[dtype]).toEqual({
      pyarrow: [list, true],
      arrow: [list, true],
      pandas: true,
      duckdb: [`${duckdb}[]`, true],
      polars: [`Array(${polars}, shape=(${length},))`, true],
      polars_ipc: true,
      numpy: [numpy, true],
      fields: Array(60).fill(true),
    });
  });

  it.for(['pandas', 'polars', 'duckdb'])('and what %s writes is read', async (name) => {
    const output = outputs.file('back.jsonl');
    const { code, stderr } = await run([...embed, outputs.file(`from-${name}.parquet`), '-o', output]);
    expect(code, stderr).toBe(0);
    const rows = readFileSync(output, 'utf8').trim().split('\n');
    const { stdout } = await run([...embed, '--jsonl'], { input: '"a text"\n"another"\n' });
    const vectors = stdout.trim().split('\n');
    expect(rows.map((row) => JSON.parse(row))).toMatchObject([
      { id: 10, text: 'a text', embedding: JSON.parse(vectors[0]) },
      { id: 11, text: 'another', embedding: JSON.parse(vectors[1]) },
    ]);
    // A time without a zone.
    if (name === 'pandas') expect(JSON.parse(rows[0]).when).toMatch(/^2024-01-02T03:04:05.678901(000)?$/);
  });
});
