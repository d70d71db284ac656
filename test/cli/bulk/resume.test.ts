/**
 * @file A job into a folder that is killed goes on where it was, with the same bytes; shards share it; another job is refused by name.
 */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { parquetReadObjects } from 'hyparquet';
import { beforeAll, describe, expect, it } from 'vitest';
import { rowsOfJob } from '../../../src/cli/bulk/job-rows.ts';
import type { SurveyedFile } from '../../../src/cli/bulk/survey.ts';
import { finished, model, run, start } from '../run.ts';
import { temporaryFolder } from '../temporary.ts';

const folder = temporaryFolder();
const N_ROWS = 1200;
const texts = Array.from({ length: N_ROWS }, (_, i) => `text ${i} ${'and more words '.repeat((i * 7919) % 30)}`);
const rows = texts.map((text, i) => (i % 97 === 50 ? `{"id":${i}}` : JSON.stringify({ id: i, text })));
const inputs = [
  folder.write('a.jsonl', `${rows.slice(0, 500).join('\n')}\n`),
  folder.write('b.jsonl', `${rows.slice(500).join('\n')}\n`),
];
const job = ['embed', '-m', model('bert-mean'), '--threads', '1', '--on-error', 'skip', '--rows-per-part', '50'];
const command = (output: string, ...args: string[]) => [...job, ...inputs, '-o', `${folder.file(output)}/`, ...args];

/** The files of a job by name; those that are still written begin with a dot. */
function filesOf(output: string): Map<string, Buffer> {
  const path = folder.file(output);
  return new Map(
    readdirSync(path)
      .toSorted()
      .map((name) => [name, readFileSync(`${path}/${name}`)]),
  );
}

let whole: Map<string, Buffer>;
beforeAll(async () => {
  const { code, stderr } = await run(command('whole'));
  expect(stderr).toMatch(/^1200 rows, 12 of them failed: \d+ tokens in /);
  expect(code).toBe(0);
  whole = filesOf('whole');
});

it('every row is in one part, and the failed ones are beside', async () => {
  expect([...whole.keys()].filter((name) => name.endsWith('.parquet'))).toEqual(
    Array.from({ length: 24 }, (_, i) => `part-${String(i).padStart(5, '0')}.parquet`),
  );
  const ids: number[] = [];
  for (const [name, bytes] of whole) {
    if (name.endsWith('.parquet')) {
      const part = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
      ids.push(...part.map(({ id }) => Number(id)));
    } else if (name.endsWith('.failures.jsonl')) {
      const failures = bytes.toString().trim().split('\n');
      ids.push(...failures.map((line) => (JSON.parse(line) as { id: number }).id));
    }
  }
  expect(ids.toSorted((a, b) => a - b)).toEqual(texts.map((_, i) => i));
});

it('killed ten times, it ends with the same bytes', async () => {
  let nKilled = 0;
  // Only names: what a job is writing may be renamed before it is read.
  const nFiles = () => readdirSync(folder.file('killed')).length;
  for (let i = 0; i < 10; i++) {
    const child = start(command('killed'));
    const ended = finished(child);
    // Not at regular moments: while it reads, while it embeds, while it writes.
    const nBefore = nKilled === 0 ? 0 : nFiles();
    const wanted = i < 2 ? 0 : 1 + (i % 3);
    for (let turn = 0; turn < 2000 && child.exitCode === null; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 5 + ((i * 31) % 17)));
      const isBegun = i < 2 ? turn >= 10 * i : nFiles() >= nBefore + wanted;
      if (isBegun) break;
    }
    if (child.exitCode === null) nKilled++;
    child.kill('SIGKILL');
    await ended;
    mkdirSync(folder.file('killed'), { recursive: true });
  }
  expect(nKilled).toBeGreaterThanOrEqual(8);
  const { code, stderr } = await run(command('killed'));
  expect(code, stderr).toBe(0);
  expect(filesOf('killed')).toEqual(whole);
}, 180_000);

it('three shards at the same time write the same files', async () => {
  const ended = ['1/3', '2/3', '3/3'].map((shard) => run(command('shards', '--shard', shard)));
  for (const { code, stderr } of await Promise.all(ended)) expect(code, stderr).toBe(0);
  expect(filesOf('shards')).toEqual(whole);
});

it('a job that is whole does nothing', async () => {
  const { code, stderr } = await run(command('whole'));
  expect(stderr).toMatch(/^24 of 24 parts are there already\n0 rows: 0 tokens/);
  expect(code).toBe(0);
  expect(filesOf('whole')).toEqual(whole);
});

it('a missing part is written again, a signal keeps the others', async () => {
  const parts = folder.file('again');
  mkdirSync(parts);
  for (const [name, bytes] of whole) if (name !== 'part-00011.parquet') writeFileSync(`${parts}/${name}`, bytes);
  expect((await run(command('again'))).code).toBe(0);
  expect(filesOf('again')).toEqual(whole);

  const child = start(command('signalled'));
  const ended = finished(child);
  while (child.exitCode === null && !readdirSync(folder.path).includes('signalled'))
    await new Promise((r) => setTimeout(r, 5));
  while (child.exitCode === null && !filesOf('signalled').has('part-00000.parquet')) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  expect(stderr).toContain('stopped by SIGTERM; the parts that are whole stay: the same command goes on from there');
  expect(code).toBe(143);
  expect([...filesOf('signalled').keys()].filter((name) => name.startsWith('.'))).toEqual([]);
});

describe('another job is refused by what differs', () => {
  const changed = folder.file('changed.jsonl');
  beforeAll(() => copyFileSync(inputs[1], changed));
  const start = (...files: string[]) => [...job, ...files, '-o', `${folder.file('named')}/`];

  it('an input, the model, an option', async () => {
    expect((await run(start(inputs[0], changed))).code).toBe(0);
    const before = filesOf('named');
    const refused = async (args: readonly string[], message: string) => {
      const { code, stderr } = await run(args);
      expect(stderr).toContain(
        `${folder.file('named')}/ has parts of another job: ${message}; write to another folder`,
      );
      expect(code).toBe(1);
    };
    await refused(start(inputs[0]), `the input ${changed} is missing`);
    await refused(start(inputs[0], changed, inputs[1]), `the input ${inputs[1]} was not one of theirs`);
    await refused(start(changed, inputs[0]), 'the inputs are in another order');
    await refused([...start(inputs[0], changed), '--dimensions', '8'], '--dimensions was not given and is 8');
    await refused([...start(inputs[0], changed), '--output-dtype', 'int8'], '--output-dtype was "float" and is "int8"');
    await refused([...start(inputs[0], changed), '--rows-per-part', '60'], '--rows-per-part was 50 and is 60');
    const other = start(inputs[0], changed).with(2, model('nomic-bert-moe'));
    await refused(other, `their model is ${model('bert-mean')}, not ${model('nomic-bert-moe')}`);
    writeFileSync(changed, readFileSync(changed, 'utf8').replace('text 500', 'text 50!'));
    await refused(start(inputs[0], changed), `the input ${changed} has changed`);
    expect(filesOf('named')).toEqual(before);
  });

  it('parts without a manifest', async () => {
    mkdirSync(folder.file('bare'));
    writeFileSync(folder.file('bare/part-00000.parquet'), '');
    const { code, stderr } = await run(command('bare'));
    expect(stderr).toContain('bare/ has part-00000.parquet, but no manifest.json');
    expect(code).toBe(1);
    writeFileSync(folder.file('bare/manifest.json'), '{}');
    expect((await run(command('bare'))).stderr).toContain('manifest.json is not the manifest of a job');
  });
});

describe('a job without parts', () => {
  const input = folder.file('mended.jsonl');
  const started = (output: string, ...args: string[]) =>
    run(['embed', '-m', model('bert-mean'), input, '-o', `${folder.file(output)}/`, '--rows-per-part', '1', ...args]);
  const fail = async (output: string) => {
    writeFileSync(input, '{"body":"a"}\n{"text":"b"}\n{"text":"c"}\n');
    expect((await started(output)).stderr).toContain('line 1 has no field "text"');
    expect([...filesOf(output).keys()]).toEqual(['manifest.json']);
    writeFileSync(input, '{"text":"a"}\n{"text":"b"}\n{"text":"c"}\n');
  };
  const names = ['manifest.json', 'part-00000.parquet', 'part-00001.parquet', 'part-00002.parquet'];

  it('gives way to the mended one', async () => {
    await fail('mended');
    const { code, stderr } = await started('mended');
    expect(stderr).toContain('has no part of the job that was begun there: this one takes its place\n3 rows: ');
    expect(code).toBe(0);
    expect([...filesOf('mended').keys()]).toEqual(names);
    expect((await started('mended')).stderr).toContain('3 of 3 parts are there already');
  });

  it('gives way to shards that start together', async () => {
    await fail('mended-shards');
    const ended = await Promise.all(['1/3', '2/3', '3/3'].map((shard) => started('mended-shards', '--shard', shard)));
    for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
    expect([...filesOf('mended-shards').keys()]).toEqual(names);
  });

  it('stays while another process writes a part', async () => {
    await fail('written');
    writeFileSync(folder.file('written/.part-00000.parquet.elsewhere-1.0.partial'), '');
    expect((await started('written')).stderr).toContain(`the input ${input} has changed`);
  });
});

it('records from standard input go on, too', async () => {
  const args = ['embed', '-m', model('bert-mean'), '-o', `${folder.file('piped')}/`, '--rows-per-part', '1'];
  const records = '{"id":1,"text":"a"}\n{"id":2}\n{"id":3,"text":"c"}\n';
  expect((await run([...args, '--on-error', 'skip'], { input: records })).code).toBe(0);
  const before = filesOf('piped');
  expect(before.get('part-00001.failures.jsonl')?.toString()).toContain('"input":"standard input"');
  rmSync(folder.file('piped/part-00001.parquet'));
  const { code, stderr } = await run([...args, '--on-error', 'skip'], { input: records });
  expect(stderr).toContain('2 of 3 parts are there already');
  expect(code).toBe(0);
  expect(filesOf('piped')).toEqual(before);
  expect((await run(args, { input: '{"text":"b"}' })).stderr).toContain('the input standard input has changed');
});

it('parts in a folder of inputs are no inputs', async () => {
  mkdirSync(folder.file('corpus/vectors'), { recursive: true });
  folder.write('corpus/a.jsonl', '{"text":"a"}\n{"text":"b"}\n');
  const args = ['embed', '-m', model('bert-mean'), '-o', folder.file('corpus/vectors'), '--rows-per-part', '1'];
  for (const inputs of [folder.file('corpus'), `${folder.path}/corpus/**/*[tl]`]) {
    expect((await run([...args, inputs])).code).toBe(0);
    const before = filesOf('corpus/vectors');
    rmSync(folder.file('corpus/vectors/part-00001.parquet'));
    expect((await run([...args, inputs])).code).toBe(0);
    expect(filesOf('corpus/vectors')).toEqual(before);
  }
});

it('an input that is changed under way ends the job', async () => {
  const input = folder.write('growing.jsonl', `${rows.join('\n')}\n`);
  const child = start([...job, input, '-o', `${folder.file('growing')}/`]);
  const ended = finished(child);
  const hasPart = () => existsSync(folder.file('growing/part-00000.parquet'));
  while (child.exitCode === null && !hasPart()) await new Promise((resolve) => setTimeout(resolve, 5));
  appendFileSync(input, '{"text":"more"}\n');
  const { code, stderr } = await ended;
  expect(stderr).toContain(`${input} was changed after the job began`);
  expect(code).toBe(1);
});

it('an input that lost rows under way ends the job', async () => {
  const file: SurveyedFile = { path: inputs[0], name: 'a.jsonl', format: 'jsonl', compression: undefined, nRows: 501 };
  const read = async () => {
    for await (const _ of rowsOfJob([file], [{ from: 0, to: 501 }]));
  };
  await expect(read()).rejects.toThrow('a.jsonl was changed: it has 500 rows, and 501 when the job began');
});
