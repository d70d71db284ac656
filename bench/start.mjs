// Time from the start of the process to the first vector on standard output, with the bundled model. Other work on the machine
// only ever adds to it, so the least time of several runs is what counts.
// Usage: npm run bench:start -- [--runs N] [--node PATH]
import { spawnSync } from 'node:child_process';
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

const otherLoad = watchOtherLoad();
const version = spawnSync(args.node, ['--version'], { encoding: 'utf8' }).stdout.trim();
console.log(`Node ${version}, least and middle of ${args.runs} runs\n`);
row('', 'least', 'middle', '');
console.log(`|${'-'.repeat(56)}|-------:|-------:|------|`);
const bare = time('-e', '0');
row('node -e 0', bare.least.toFixed(0), bare.middle.toFixed(0), 'ms');
const first = time(main, 'embed', '-m', model, '-p', 'hi');
row('gguf-embed embed -p hi', first.least.toFixed(0), first.middle.toFixed(0), 'ms');
const other = otherLoad();
if (other !== undefined) console.log(`\nOther processes took ${(100 * other.share).toFixed(0)} % of the cores.`);
