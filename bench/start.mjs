// Time from the start of a process to the first vector, with the bundled model: on the command line, in a program that uses the library on
// its own thread, with its defaults and in workers, and from a server. Other work on the machine only adds to the times, so the least of several runs counts.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readOptions, refuse } from './options.mjs';
import { watchOtherLoad } from './other-load.mjs';
import { freePort } from './server/servers.mjs';
import { spawn } from './spawn.mjs';

const help = `npm run bench:start -- [options]
  --runs N          default 15
  --node PATH       run under this Node (default: the one that runs the bench)
  --only LIST       of node,embed,library,default,texts,worker,workers,serve,serve-cpu (default: all but texts and serve-cpu);
                    texts goes on for 100 texts, serve-cpu is the processor time of a server's start (Linux only)
  --steps           instead, the processor time of the steps of a program that computes on its own thread, which other work
                    disturbs less
  --against FOLDER  another build, in which npm run build has run, takes turns with this one`;
const measured = ['node', 'embed', 'library', 'default', 'texts', 'worker', 'workers', 'serve', 'serve-cpu'];
const { values: args } = readOptions(help, {
  options: {
    runs: { type: 'string', default: '15', kind: 'count' },
    node: { type: 'string', default: process.execPath, kind: 'program' },
    only: { type: 'string', default: 'node,embed,library,default,worker,workers,serve', listOf: measured },
    steps: { type: 'boolean', default: false },
    against: { type: 'string', kind: 'file' },
  },
});
const model = fileURLToPath(new URL('../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
const here = new URL('../dist/', import.meta.url);
const builds = args.against === undefined ? [here] : [pathToFileURL(`${args.against}/dist/`), here];
for (const dist of builds) {
  if (!existsSync(new URL('index.js', dist)))
    refuse(`nothing is built in ${fileURLToPath(dist)}: run npm run build there`);
}

/** Runs Node until it ends. @returns what it has written */
async function output(...command) {
  const child = spawn(args.node, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [written, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks = [];
    stream.on('data', (data) => chunks.push(data));
    return chunks;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`node ${command.join(' ')} ended with status ${status}: ${stderr.join('')}`);
  return written.join('');
}

/** @returns milliseconds */
async function untilEnd(...command) {
  const start = performance.now();
  await output(...command);
  return performance.now() - start;
}

/** A program that embeds so many texts, one after the other, and ends at once. */
function program(dist, options, nTexts = 1) {
  const index = JSON.stringify(new URL('index.js', dist).href);
  return `import { writeSync } from 'node:fs';
import { Embedder } from ${index};
const embedder = await Embedder.load(${JSON.stringify(model)}, ${JSON.stringify(options)});
let vectors;
for (let i = 0; i < ${nTexts}; i++) ({ vectors } = await embedder.embed(i === 0 ? 'hi' : 'a text of some words, number ' + i));
writeSync(1, String(vectors[0]));
process.exit(0);`;
}

const steps = [
  'Node, until the program runs',
  'importing the library',
  'opening the file, header, vocabulary, kernels',
  'weights: reading and packing',
  'first vector',
];

/** As `program` on its own thread, but prints the processor time of each of `steps`, of all threads of the process. */
function steppedProgram(dist) {
  const index = JSON.stringify(new URL('index.js', dist).href);
  return `import module from 'node:module';
module.enableCompileCache?.();
const marks = [];
const mark = () => {
  const { user, system } = process.cpuUsage();
  marks.push((user + system) / 1000);
};
mark();
const { Embedder } = await import(${index});
mark();
const onProgress = ({ stage, done }) => {
  if (stage === 'load' && done === 0) mark();
};
const options = { worker: false, backend: 'wasm', onProgress };
const embedder = await Embedder.load(${JSON.stringify(model)}, options);
mark();
await embedder.embed('hi');
mark();
console.log(JSON.stringify(marks.map((time, i) => time - (marks[i - 1] ?? 0))));
process.exit(0);`;
}

const library = (dist, ...how) => untilEnd('--input-type=module', '-e', program(dist, ...how));
const main = (dist) => fileURLToPath(new URL('cli/main.js', dist));

/** Processor time of all threads of a process, in milliseconds. Linux only. */
function processorTime(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const times = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]));
  return times.reduce((sum, time) => sum + time, 0) / 1e6;
}

/**
 * Starts a server and asks for a vector until it answers.
 * @param measure of the id of the process and when it was started; default: the time since then
 * @returns milliseconds
 */
async function untilAnswer(dist, measure = (_pid, start) => performance.now() - start) {
  const port = await freePort();
  const start = performance.now();
  const child = spawn(args.node, [main(dist), 'serve', '-m', model, '--port', String(port)], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    for (;;) {
      if (child.exitCode !== null) throw new Error(`serve ended with status ${child.exitCode}`);
      const body = JSON.stringify({ input: 'hi' });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`http://127.0.0.1:${port}/v1/embeddings`, { method: 'POST', headers, body }).catch(
        () => undefined,
      );
      await answer?.arrayBuffer();
      if (answer?.ok) return measure(child.pid, start);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  } finally {
    // It stores its compile cache when it ends by itself.
    child.kill('SIGTERM');
    await ended;
  }
}

const rows = {
  node: ['node -e 0', () => untilEnd('-e', '0')],
  embed: ['gguf-embed embed -p hi', (dist) => untilEnd(main(dist), 'embed', '-m', model, '-p', 'hi')],
  library: ['library, on the calling thread', (dist) => library(dist, { worker: false })],
  default: ['library, with its defaults', (dist) => library(dist, {})],
  texts: ['the same, 100 texts one after the other', (dist) => library(dist, {}, 100)],
  worker: ['library, in one worker from the first batch on', (dist) => library(dist, { worker: true, threads: 1 })],
  workers: ['library, in as many workers as cores', (dist) => library(dist, { worker: true })],
  serve: ['gguf-embed serve, until its first answer', (dist) => untilAnswer(dist)],
  'serve-cpu': ['the same, processor time of all threads', (dist) => untilAnswer(dist, processorTime)],
};

/** Runs `measure` for all builds by turns, after a run of each that fills Node's compile cache. @returns results by build */
async function byTurns(measure) {
  const results = builds.map(() => []);
  for (const dist of builds) await measure(dist);
  for (let i = 0; i < args.runs; i++) {
    for (const [side, dist] of builds.entries()) results[side].push(await measure(dist));
  }
  return results;
}

function printRow(title, cells) {
  console.log(`| ${title} | ${cells.join(' | ')} |`);
}

/** Least and middle time of each row. */
async function printTimes() {
  printRow(
    '',
    sides.map((side) => `${side}least | ${side}middle`),
  );
  console.log(`|---|${'---:|---:|'.repeat(sides.length)}`);
  for (const name of args.only) {
    const [title, measure] = rows[name];
    const times = await byTurns(measure);
    const sorted = times.map((all) => all.toSorted((a, b) => a - b));
    printRow(
      title,
      sorted.map((all) => `${all[0].toFixed(0)} | ${all[all.length >> 1].toFixed(0)}`),
    );
  }
}

/** Least processor time of each step. */
async function printSteps() {
  const all = await byTurns(async (dist) =>
    JSON.parse(await output('--input-type=module', '-e', steppedProgram(dist))),
  );
  const least = all.map((runs) => steps.map((_, step) => Math.min(...runs.map((run) => run[step]))));
  printRow(
    '',
    sides.map((side) => side.replace(': ', '') || 'processor time'),
  );
  console.log(`|---|${'---:|'.repeat(sides.length)}`);
  for (const [step, title] of steps.entries()) {
    printRow(
      title,
      least.map((times) => times[step].toFixed(1)),
    );
  }
}

const otherLoad = watchOtherLoad();
const sides = builds.length === 1 ? [''] : ['before: ', 'now: '];
const version = (await output('--version')).trim();
const what = args.steps ? 'processor time in milliseconds, least' : 'milliseconds, least and middle';
console.log(`Node ${version}, ${what} of ${args.runs} runs\n`);
await (args.steps ? printSteps() : printTimes());
const other = otherLoad();
if (other !== undefined) console.log(`\nOther processes took ${(100 * other.share).toFixed(0)} % of the cores.`);
