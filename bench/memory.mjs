// Resident memory of servers: after loading, and after requests of texts of so many words, with the peak. Linux only.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { makeSynthetic } from './compare/synthetic.mjs';
import { nodeVersion, readOptions, refuse } from './options.mjs';
import { startLlama, startOurs } from './server/servers.mjs';
import { workloads } from './server/workloads.mjs';
import { median } from './turns.mjs';

const help = `npm run bench:memory -- [options]
  --model FILE       may be repeated (default: the bundled model)
  --shape NAME:TYPE  a synthetic model of this shape, as in bge-base:F16; may be repeated
  --threads LIST     default 1,2
  --words LIST       of the texts of each request (default 1,60,180,300,421)
  --node PATH        run under this Node (default: the one that runs the bench)
  --llama PATH       llama-server, too
  --setting OPTION   another server with an option of Node (--setting=--v8-pool-size=1) or a variable of the environment
                     (MALLOC_ARENA_MAX=1); may be repeated
  --against FOLDER   a server of another build, in which npm run build has run
  --runs N           servers take turns in so many runs, and the middle of each number counts (default 1)
  --seconds N        then texts of 8 to 32 tokens from eight clients for so long: a server under load compiles more of its
                     code, and its heaps grow

The column of files is the part of the busy memory that is pages of files: the program, its libraries and what else it has
mapped. Linux only.`;
const { values: args } = readOptions(help, {
  options: {
    model: { type: 'string', multiple: true, default: [], kind: 'file' },
    shape: { type: 'string', multiple: true, default: [] },
    threads: { type: 'string', default: '1,2', kind: 'counts' },
    words: { type: 'string', default: '1,60,180,300,421', kind: 'counts' },
    node: { type: 'string', default: process.execPath, kind: 'program' },
    llama: { type: 'string', kind: 'program' },
    setting: { type: 'string', multiple: true, default: [] },
    against: { type: 'string', kind: 'file' },
    runs: { type: 'string', default: '1', kind: 'count' },
    seconds: { type: 'string', kind: 'number' },
  },
});
if (!existsSync('/proc/self/status')) refuse('Only Linux tells how much memory a process has.');
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const models = [...args.model];
for (const shape of args.shape) {
  const [name, type] = shape.split(':');
  if (type === undefined) refuse(`--shape ${shape}: give its type too, as in ${shape}:Q8_0`);
  models.push(await makeSynthetic(name, type, here('.cache')));
}
if (models.length === 0) models.push(here('../models/all-MiniLM-L6-v2-Q8_0.gguf'));

/** A field of `/proc/PID/status` in megabytes. */
function megabytes(pid, field) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)[1]) * 1024) / 1e6;
}

const seconds = args.seconds ?? 0;
const [, shortTexts] = workloads.find(([name]) => name === '8-32 tokens');

/** Resident megabytes after loading and after the requests, and the most of the whole time. */
async function measure(server, nTexts) {
  const { port, pid } = server;
  const ask = async (body) => {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/embeddings`, { method: 'POST', body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`status ${answer.status}: ${text}`);
  };
  try {
    const idle = megabytes(pid, 'VmRSS');
    for (const nWords of args.words) {
      const input = Array(nTexts).fill('word '.repeat(nWords));
      await server.answered(ask(JSON.stringify({ input, truncate: true })));
    }
    const [busy, files] = ['VmRSS', 'RssFile'].map((field) => megabytes(pid, field));
    if (seconds > 0) await server.load({ clients: 8, seconds, bodies: shortTexts });
    const [later, peak] = ['VmRSS', 'VmHWM'].map((field) => megabytes(pid, field));
    return { idle, busy, files, later, peak };
  } finally {
    await server.stop();
  }
}

/** What `startOurs` needs for an option of Node or `NAME=VALUE`. */
function parseSetting(setting) {
  if (setting.startsWith('-')) return { nodeArgs: [setting] };
  const [name, value] = setting.split('=', 2);
  if (value === undefined) refuse(`--setting ${setting}: give an option of Node or NAME=VALUE`);
  return { env: { [name]: value } };
}

/** Functions by name that start a server with so many threads. */
function sidesOf(model) {
  const ours = (how) => (threads) =>
    startOurs({ node: args.node, model, threads, args: ['--backend', 'wasm'], ...how });
  const sides = { ours: ours({}) };
  if (args.against) sides.against = ours({ dist: pathToFileURL(`${resolve(args.against)}/dist/`) });
  for (const setting of args.setting) sides[setting] = ours(parseSetting(setting));
  if (args.llama) sides['llama-server'] = (threads) => startLlama({ binary: args.llama, model, threads });
  return sides;
}

const version = nodeVersion(args.node);
console.log(`Node ${version}, megabytes, ${args.runs} run(s)\n`);
const columns = { idle: 'loaded', busy: 'busy', files: 'of it files' };
if (seconds > 0) columns.later = `after ${seconds} s`;
columns.peak = 'peak';
console.log(`| model | MB of file | server | threads | ${Object.values(columns).join(' | ')} | busy / file |`);
console.log(`|---|---:|---|---:|${'---:|'.repeat(Object.keys(columns).length + 1)}`);
for (const model of models) {
  const size = statSync(model).size / 1e6;
  const sides = sidesOf(model);
  for (const threads of args.threads) {
    const runs = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
    for (let run = 0; run < args.runs; run++) {
      for (const [name, start] of Object.entries(sides)) {
        runs[name].push(await measure(await start(threads), size < 100 ? 8 : 1));
      }
    }
    for (const [name, results] of Object.entries(runs)) {
      const middle = (field) => median(results.map((result) => result[field]));
      const numbers = Object.keys(columns)
        .map((field) => middle(field).toFixed(0))
        .join(' | ');
      const share = (middle('busy') / size).toFixed(2);
      console.log(`| ${basename(model)} | ${size.toFixed(0)} | ${name} | ${threads} | ${numbers} | ${share} |`);
    }
  }
}
