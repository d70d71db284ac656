/**
 * @file `npm run bench:bulk`: embeds one corpus in every way that docs/bulk.md describes, and compares all vectors bit for bit with those of one
 * process; then, by turns, the speed of a job beside that of `embedder.embed` on the same texts, and its time beside that of sentence-transformers.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { parquetWriteFile } from 'hyparquet-writer';
import { temporaryFolder } from '../at-exit.mjs';
import { readOptions } from '../options.mjs';
import { spawn } from '../spawn.mjs';
import { median } from '../turns.mjs';
import { corpusOf } from './corpus.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const help = `npm run bench:bulk -- [options]
  -m FILE         model (test/fixtures/models/bert-mean.gguf)
  --rows N        rows of the corpus (100000)
  --pairs N       turns of a job and of embedder.embed (5)   --pair-rows N  rows of each (20000)
  --python PATH   a Python with test/clients/scale-requirements.txt, for Spark and Ray, which are left out without it
  --baseline PATH a Python with sentence-transformers, gguf and pyarrow, to compare whole jobs with (BERT models with mean pooling)
  DATABASE_URL    an empty PostgreSQL database, for the queue; without it the queue is left out`;
const { values: options } = readOptions(help, {
  options: {
    model: { type: 'string', short: 'm', default: join(root, 'test/fixtures/models/bert-mean.gguf'), kind: 'file' },
    rows: { type: 'string', default: '100000', kind: 'count' },
    pairs: { type: 'string', default: '5', kind: 'count' },
    'pair-rows': { type: 'string', default: '20000', kind: 'count' },
    python: { type: 'string', kind: 'program' },
    baseline: { type: 'string', kind: 'program' },
  },
});

const main = join(root, 'dist/cli/main.js');
const folder = temporaryFolder();
const nRows = options.rows;
const rows = corpusOf(nRows);
const input = writeParquet('corpus.parquet', rows);
const rowsPerPart = Math.max(1, Math.ceil(nRows / 100));
const job = (output, ...more) =>
  start(process.execPath, [
    ...[main, 'embed', '-m', options.model, input, '-o', `${join(folder, output)}/`, '--on-error', 'skip'],
    ...['--rows-per-part', String(rowsPerPart), ...more],
  ]);

console.log(
  `${nRows} rows, ${options.model.replace(root, '')}; Node ${process.version}; load average ${loadavg()[0].toFixed(1)}\n`,
);
console.log('| way | seconds | rows with a vector | compared with one process |');
console.log('|---|---:|---:|---|');
const one = await timed(() => job('one').ended);
const expected = await digests('one');
console.log(`| one process | ${one.toFixed(1)} | ${expected.size} | |`);

let nKilled = 0;
await row(
  () => `killed ${nKilled} times and resumed`,
  'killed',
  async () => {
    for (; nKilled < 10; nKilled++) {
      const running = job('killed');
      running.ended.catch(() => {});
      await sleep((one / 11) * 1000 * (0.7 + 0.6 * Math.random()));
      if (!running.child.kill('SIGKILL')) break;
      await running.closed;
    }
    await job('killed').ended;
  },
);
await row('four shards at a time', 'shards', () =>
  Promise.all([1, 2, 3, 4].map((i) => job('shards', '--shard', `${i}/4`, '--threads', '1').ended)),
);
if (options.python !== undefined) {
  for (const [name, engine] of [
    ['Apache Spark', 'spark'],
    ['Ray Data', 'ray'],
  ]) {
    const env = { ...process.env, GGUF_EMBED: `${process.execPath} ${main}`, PYSPARK_PYTHON: options.python };
    const script = join(root, `examples/scale/${engine}_embed.py`);
    const args = [script, options.model, input, join(folder, engine), '--on-error', 'skip'];
    await row(name, engine, () => start(options.python, args, { env }).ended);
  }
}
if (process.env.DATABASE_URL !== undefined) await queue();

console.log('\n| turn | job, tokens/s | embedder.embed, tokens/s | ratio |\n|---:|---:|---:|---:|');
const pairs = [];
const texts = writeParquet(
  'pair.parquet',
  rows.filter(({ text }) => text !== null && text.length < 1500).slice(0, options['pair-rows']),
);
for (let i = 0; i < options.pairs; i++) {
  const output = join(folder, `pair-${i}.parquet`);
  const { errors } = await start(process.execPath, [main, 'embed', '-m', options.model, texts, '-o', output]).ended;
  const command = Number(/ (\d+) tokens\/s\s*$/.exec(errors)?.[1]);
  const inProcess = [join(root, 'bench/bulk/in-process.mjs'), options.model, texts];
  const library = Number((await start(process.execPath, inProcess).ended).printed);
  pairs.push(command / library);
  console.log(`| ${i + 1} | ${command} | ${Math.round(library)} | ${(command / library).toFixed(3)} |`);
}
console.log(`\nMedian ratio ${median(pairs).toFixed(3)}.`);
if (options.baseline !== undefined) await compareWithBaseline(options.baseline);

/** Whole jobs, from the start of the program to the written file, in turns: ours, then that of sentence-transformers in float32. */
async function compareWithBaseline(python) {
  const script = join(root, 'bench/bulk/baseline.py');
  const checkout = join(folder, 'checkout');
  await start(python, [script, 'checkout', options.model, checkout]).ended;
  console.log('\n| turn | embed, s | sentence-transformers, s | ratio | lowest cosine |\n|---:|---:|---:|---:|---:|');
  const ratios = [];
  for (let i = 0; i < options.pairs; i++) {
    const [ours, theirs] = ['ours', 'theirs'].map((name) => join(folder, `${name}-${i}.parquet`));
    const seconds = await timed(
      () => start(process.execPath, [main, 'embed', '-m', options.model, texts, '-o', ours]).ended,
    );
    const baseline = await timed(() => start(python, [script, 'embed', checkout, texts, theirs]).ended);
    ratios.push(baseline / seconds);
    const cells = [
      i + 1,
      seconds.toFixed(1),
      baseline.toFixed(1),
      ratios[i].toFixed(2),
      (await lowestCosine(ours, theirs)).toFixed(6),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  console.log(`\nMedian ratio ${median(ratios).toFixed(2)}.`);
}

/** The lowest cosine of the vectors of two files, row by row. */
async function lowestCosine(...paths) {
  const [a, b] = await Promise.all(
    paths.map(async (path) => parquetReadObjects({ file: await asyncBufferFromFile(path), columns: ['embedding'] })),
  );
  if (a.length !== b.length) throw new Error(`${a.length} rows beside ${b.length}`);
  const dot = (u, v) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  return Math.min(
    ...a.map(({ embedding: u }, i) => {
      const v = b[i].embedding;
      return dot(u, v) / Math.sqrt(dot(u, u) * dot(v, v));
    }),
  );
}

/** Runs a way into the folder `output`, and prints its line. */
async function row(name, output, run, read = () => digests(output)) {
  const seconds = await timed(run);
  const found = await read();
  const nDifferent = [...expected].filter(([id, digest]) => found.get(id) !== digest).length;
  const isSame = nDifferent === 0 && found.size === expected.size;
  if (!isSame) process.exitCode = 1;
  const verdict = isSame ? 'the same bits, each row once' : `${nDifferent} rows differ or are missing`;
  console.log(`| ${typeof name === 'string' ? name : name()} | ${seconds.toFixed(1)} | ${found.size} | ${verdict} |`);
}

async function queue() {
  const place = join(folder, 'queue');
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "private": true, "type": "module" }\n');
  await start('npm', ['install', '--no-audit', '--no-fund', 'pg@8', 'pg-boss@10'], { cwd: place }).ended;
  symlinkSync(root, join(place, 'node_modules/gguf-embed'), 'dir');
  for (const [from, to] of [
    ['examples/scale/queue.mjs', 'queue.mjs'],
    ['bench/bulk/stored.mjs', 'stored.mjs'],
  ]) {
    copyFileSync(join(root, from), join(place, to));
  }
  const script = (name, ...args) => start(process.execPath, [join(place, name), ...args], { cwd: place });
  const send = async () => {
    const sending = script('queue.mjs', 'send');
    sending.child.stdin.end(rows.map(({ id, text }) => `${JSON.stringify({ id: String(id), text })}\n`).join(''));
    await sending.ended;
  };
  await row(
    'queue, two workers',
    'queue',
    async () => {
      await send();
      await Promise.all([1, 2].map(() => script('queue.mjs', 'drain', options.model).ended));
    },
    async () => {
      const lines = (await script('stored.mjs').ended).printed
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      return digestsOf(lines);
    },
  );
}

function writeParquet(name, content) {
  const filename = join(folder, name);
  const column = (field, type) => ({
    name: field,
    type,
    data: content.map((entry) => entry[field]),
    nullable: field === 'text',
  });
  parquetWriteFile({ filename, columnData: [column('id', 'INT32'), column('text', 'STRING')] });
  return filename;
}

/** The digest of each row with a vector, by its id. @throws for a row that comes twice */
async function digests(output) {
  const rowsOfAll = [];
  for (const name of readdirSync(join(folder, output)).filter((file) => /^[^._].*\.parquet$/.test(file))) {
    const file = await asyncBufferFromFile(join(folder, output, name));
    for (const { id, embedding } of await parquetReadObjects({ file, columns: ['id', 'embedding'] })) {
      rowsOfAll.push({ id: Number(id), embedding });
    }
  }
  return digestsOf(rowsOfAll);
}

function digestsOf(found) {
  const byId = new Map();
  for (const { id, embedding } of found) {
    if (embedding === null || embedding === undefined) continue;
    if (byId.has(Number(id))) throw new Error(`row ${id} comes twice`);
    byId.set(Number(id), createHash('sha256').update(new Float32Array(embedding)).digest('base64'));
  }
  return byId;
}

async function timed(run) {
  const before = performance.now();
  await run();
  return (performance.now() - before) / 1000;
}

function start(program, args, how = {}) {
  const child = spawn(program, args, how);
  const output = { printed: '', errors: '' };
  child.stdout.on('data', (data) => (output.printed += data));
  child.stderr.on('data', (data) => (output.errors += data));
  const closed = new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  const ended = closed.then((code) => {
    if (code !== 0)
      throw new Error(`${program} ${args.slice(0, 2).join(' ')} ended with ${code}: ${output.errors.slice(-2000)}`);
    return output;
  });
  return { child, closed, ended };
}
