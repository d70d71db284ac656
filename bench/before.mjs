// `npm run bench:before -- FOLDER`: this build against another one of gguf-embed (a checkout of an earlier commit, built),
// by turns in one run: tokens a second in the process, requests a second of the server, time to the first vector.
// A ratio over 1 means that this build is faster.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { alternate, countTokens, makeTexts, mixedTexts } from './compare/measure.mjs';
import { startPeer } from './compare/peers/protocol.mjs';
import { nodeVersion, precisions, readOptions, refuse } from './options.mjs';
import { startOurs } from './server/servers.mjs';
import { workloads } from './server/workloads.mjs';
import { isApart, loadLine } from './turns.mjs';

const help = `npm run bench:before -- FOLDER [options]
  FOLDER            a checkout of the earlier commit, in which npm run build has run
  --only LIST       of process,server,start (default: all three)
  --model FILE      may be repeated (default: the bundled model)
  --node PATH       run both sides under this Node (default: the one that runs the bench)
  --tokens LIST     tokens a text in the process, or mixed (default 8,32,128,512,mixed)
  --threads LIST    default 1,2
  --precision LIST  default high,fast
  --clients LIST    clients of the server (default 1,8,64)
  --rounds N        default 7`;

const bundled = fileURLToPath(new URL('../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
const { values: options, positionals } = readOptions(help, {
  allowPositionals: true,
  options: {
    only: { type: 'string', default: 'process,server,start', listOf: ['process', 'server', 'start'] },
    model: { type: 'string', multiple: true, default: [bundled], kind: 'file' },
    node: { type: 'string', default: process.execPath, kind: 'program' },
    tokens: { type: 'string', default: '8,32,128,512,mixed', kind: 'lengths' },
    threads: { type: 'string', default: '1,2', kind: 'counts' },
    precision: { type: 'string', default: 'high,fast', listOf: precisions },
    clients: { type: 'string', default: '1,8,64', kind: 'counts' },
    rounds: { type: 'string', default: '7', kind: 'count' },
  },
});
if (positionals.length !== 1) refuse('Which build? npm run bench:before -- FOLDER');
const dists = {
  before: pathToFileURL(`${resolve(positionals[0])}/dist/`),
  now: new URL('../dist/', import.meta.url),
};
for (const dist of Object.values(dists)) {
  if (existsSync(new URL('index.js', dist))) continue;
  refuse(`nothing is built in ${fileURLToPath(dist)}: run npm run build there`);
}

const { rounds } = options;
/** The least ratio of a build that is not slower. */
const least = 0.97;
const both = async (make) => ({ before: await make(dists.before), now: await make(dists.now) });
const low = [];
const cells = [];

/**
 * Measures both sides by turns (`run` does one round of a side and gives seconds) and prints a row. A row that looks slower or
 * faster is measured again with three times the rounds, since other work on the machine disturbs single rounds.
 */
async function row(name, sides, run, nUnits, unit) {
  const rounded = Object.fromEntries(Object.keys(sides).map((side) => [side, () => run(sides[side])]));
  const measure = (nRounds) => alternate(rounded, nUnits, nRounds, 'before');
  let cell = await measure(rounds);
  if (isApart(cell.results.now.ratio, least)) cell = await measure(3 * rounds);
  const { before, now } = cell.results;
  cells.push(cell);
  if (now.ratio < least) low.push(name);
  const number = ({ tokensPerSecond }) => tokensPerSecond.toPrecision(4);
  const spread = `${now.low.toFixed(2)}-${now.high.toFixed(2)}`;
  console.log(`| ${name} | ${number(before)} | ${number(now)} | ${unit} | ${now.ratio.toFixed(2)} (${spread}) |`);
}

async function inProcess() {
  const script = fileURLToPath(new URL('./compare/peers/ours.mjs', import.meta.url));
  const sides = await both((dist) => startPeer(options.node, script, { env: { BENCH_DIST: dist.href } }));
  for (const model of options.model) {
    for (const threads of options.threads) {
      for (const precision of options.precision) {
        const { nVocab } = await sides.before.call('load', { model: resolve(model), threads, precision });
        await sides.now.call('load', { model: resolve(model), threads, precision });
        for (const length of options.tokens) {
          const texts = length === 'mixed' ? mixedTexts(nVocab) : makeTexts(Math.ceil(2048 / length), length, nVocab);
          for (const single of length === 'mixed' ? [false] : [false, true]) {
            const how = single ? 'one by one' : 'in one call';
            const name = `${basename(model)}, ${length} tokens ${how}, ${precision}, ${threads} thread(s)`;
            const run = async (side) => (await side.call('run', { texts, single })).seconds;
            await row(name, sides, run, countTokens(texts), 'tokens/s');
          }
        }
      }
    }
  }
  await Promise.all(Object.values(sides).map((side) => side.stop()));
}

async function server() {
  const threads = Math.max(...options.threads);
  const start = (dist) => startOurs({ node: options.node, model: options.model[0], threads, dist });
  const sides = await both(start);
  for (const [name, bodies] of workloads) {
    for (const clients of options.clients) {
      const run = async (side) => 1 / (await side.load({ clients, seconds: 1, bodies })).requestsPerSecond;
      await row(`server, ${name}, ${clients} client(s)`, sides, run, 1, 'requests/s');
    }
  }
  await Promise.all(Object.values(sides).map((side) => side.stop()));
}

async function firstVector() {
  const run = async (dist) => {
    const started = performance.now();
    const command = [fileURLToPath(new URL('cli/main.js', dist)), 'embed', '-m', options.model[0], '-p', 'hi'];
    const { status, stderr } = spawnSync(options.node, command, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`node ${command.join(' ')} ended with status ${status}: ${stderr}`);
    return (performance.now() - started) / 1000;
  };
  await row('process start to first vector', dists, run, 1, '1/s');
}

const version = nodeVersion(options.node);
console.log(`${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${version}, ${rounds} rounds by turns\n`);
console.log('| what | before | now | unit | now / before (lowest-highest) |\n|---|---:|---:|---|---|');
const parts = { process: inProcess, server, start: firstVector };
for (const part of options.only) await parts[part]();
console.log(`\n${loadLine(cells)}`);
console.log(low.length === 0 ? `\nNo row is under ${least}.` : `\nUnder ${least}: ${low.join('; ')}`);
