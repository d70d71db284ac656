// Time from the start of the process to the first vector on standard output, and the resident memory of a server, with the
// bundled model. Other work on the machine only ever adds to both, so the least time of several runs is what counts.
// Usage: npm run bench:start -- [--runs N] [--node PATH]
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { watchOtherLoad } from './other-load.mjs';

const { values: args } = parseArgs({
  options: { runs: { type: 'string', default: '15' }, node: { type: 'string', default: process.execPath } },
});
const main = new URL('../dist/cli/main.js', import.meta.url).pathname;
const model = new URL('../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url).pathname;

/** Least and middle milliseconds of a process. */
function time(...command) {
  const times = Array.from({ length: Number(args.runs) }, () => {
    const start = performance.now();
    const { status, stderr } = spawnSync(args.node, command, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`node ${command.join(' ')} ended with status ${status}: ${stderr}`);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  return { least: times[0], middle: times[times.length >> 1] };
}

function row(what, least, middle, unit) {
  console.log(`| ${what.padEnd(54)} | ${least.padStart(6)} | ${middle.padStart(6)} | ${unit.padEnd(4)} |`);
}

/** Resident megabytes of a process (Linux only). */
function resident(pid) {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
  return (Number(kilobytes) / 1000).toFixed(0);
}

async function serverMemory(...options) {
  const server = spawn(args.node, [main, 'serve', '-m', model, '--port', '0', ...options], {
    stdio: ['ignore', 2, 'pipe'],
  });
  try {
    let log = '';
    const url = await new Promise((resolve, reject) => {
      server.stderr.on('data', (text) => {
        log += text;
        const found = /listening on (http:\S+)/.exec(log);
        if (found !== null) resolve(found[1]);
      });
      server.on('exit', () => reject(new Error(`the server ended: ${log}`)));
    });
    const loaded = resident(server.pid);
    for (let i = 0; i < 8; i++) {
      const body = JSON.stringify({ input: Array(8).fill('word '.repeat(1 + i * 60)) });
      const answer = await fetch(`${url}/v1/embeddings`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      await answer.arrayBuffer();
    }
    return [loaded, resident(server.pid)];
  } finally {
    server.kill();
  }
}

const otherLoad = watchOtherLoad();
const version = spawnSync(args.node, ['--version'], { encoding: 'utf8' }).stdout.trim();
console.log(`Node ${version}, least and middle of ${args.runs} runs\n`);
row('', 'least', 'middle', '');
console.log(`|${'-'.repeat(56)}|-------:|-------:|------|`);
const bare = time('-e', '0');
row('node -e 0', bare.least.toFixed(0), bare.middle.toFixed(0), 'ms');
const first = time(main, 'embed', '-m', model, '-p', 'hi');
row('gguf-embed embed -p hi', first.least.toFixed(0), first.middle.toFixed(0), 'ms');
if (process.platform === 'linux') {
  console.log();
  row('resident memory of gguf-embed serve', 'loaded', 'busy', '');
  console.log(`|${'-'.repeat(56)}|-------:|-------:|------|`);
  for (const threads of ['1', '2']) row(`-t ${threads}`, ...(await serverMemory('-t', threads)), 'MB');
}
const other = otherLoad();
if (other !== undefined) console.log(`\nOther processes took ${(100 * other.share).toFixed(0)} % of the cores.`);
