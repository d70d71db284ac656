// Time from the start of a process to the first vector, with the bundled model: on the command line, in a program that uses the library on
// its own thread and in workers, and from a server. Other work on the machine only adds to the times, so the least of several runs counts.
// With --against, another build takes turns with this one.
// Usage: npm run bench:start -- [--runs N] [--node PATH] [--only LIST] [--against FOLDER]
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { watchOtherLoad } from './other-load.mjs';
import { freePort } from './server/servers.mjs';

const { values: args } = parseArgs({
  options: {
    runs: { type: 'string', default: '15' },
    node: { type: 'string', default: process.execPath },
    only: { type: 'string', default: 'node,embed,library,worker,workers,serve' },
    against: { type: 'string' },
  },
});
const model = fileURLToPath(new URL('../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
const here = new URL('../dist/', import.meta.url);
const builds = args.against === undefined ? [here] : [pathToFileURL(`${args.against}/dist/`), here];
for (const dist of builds) {
  if (!existsSync(new URL('index.js', dist)))
    throw new Error(`nothing is built in ${fileURLToPath(dist)}: run npm run build there`);
}

/** Runs Node until it ends. @returns milliseconds */
async function untilEnd(...command) {
  const start = performance.now();
  const child = spawn(args.node, command, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => (stderr += data));
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`node ${command.join(' ')} ended with status ${status}: ${stderr}`);
  return performance.now() - start;
}

/** A program that embeds one text and ends at once. */
function program(dist, options) {
  const index = JSON.stringify(new URL('index.js', dist).href);
  return `import { writeSync } from 'node:fs';
import { Embedder } from ${index};
const embedder = await Embedder.load(${JSON.stringify(model)}, ${JSON.stringify(options)});
const { vectors } = await embedder.embed('hi');
writeSync(1, String(vectors[0]));
process.exit(0);`;
}

const library = (dist, options) => untilEnd('--input-type=module', '-e', program(dist, options));
const main = (dist) => fileURLToPath(new URL('cli/main.js', dist));

/** Starts a server and asks for a vector until it answers. @returns milliseconds */
async function untilAnswer(dist) {
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
      if (answer?.ok) return performance.now() - start;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

const rows = {
  node: ['node -e 0', () => untilEnd('-e', '0')],
  embed: ['gguf-embed embed -p hi', (dist) => untilEnd(main(dist), 'embed', '-m', model, '-p', 'hi')],
  library: ['library, on the calling thread', (dist) => library(dist, { worker: false })],
  worker: ['library, one worker', (dist) => library(dist, { threads: 1 })],
  workers: ['library, as many workers as cores', (dist) => library(dist, {})],
  serve: ['gguf-embed serve, until its first answer', untilAnswer],
};

const otherLoad = watchOtherLoad();
const sides = builds.length === 1 ? [''] : ['before: ', 'now: '];
const version = await new Promise((resolve) => {
  spawn(args.node, ['--version']).stdout.once('data', (data) => resolve(String(data).trim()));
});
console.log(`Node ${version}, milliseconds, least and middle of ${args.runs} runs\n`);
console.log(`| | ${sides.map((side) => `${side}least | ${side}middle`).join(' | ')} |`);
console.log(`|---|${'---:|---:|'.repeat(sides.length)}`);
for (const name of args.only.split(',')) {
  const [title, measure] = rows[name];
  const times = builds.map(() => []);
  // The first run of a build fills Node's compile cache.
  for (const dist of builds) await measure(dist);
  for (let i = 0; i < Number(args.runs); i++) {
    for (const [side, dist] of builds.entries()) times[side].push(await measure(dist));
  }
  const cells = times.map((all) => {
    const sorted = all.toSorted((a, b) => a - b);
    return `${sorted[0].toFixed(0)} | ${sorted[sorted.length >> 1].toFixed(0)}`;
  });
  console.log(`| ${title} | ${cells.join(' | ')} |`);
}
const other = otherLoad();
if (other !== undefined) console.log(`\nOther processes took ${(100 * other.share).toFixed(0)} % of the cores.`);
