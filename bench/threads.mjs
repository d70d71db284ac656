// `npm run bench:threads`: texts a second and efficiency from one thread to all cores of the machine, by turns in one run. Each number of
// threads has a process of its own, so that none waits for the pages or the heap of another.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate, makeTexts, withoutThreads } from './compare/measure.mjs';
import { startPeer } from './compare/peers/protocol.mjs';
import { precisions, readOptions } from './options.mjs';
import { efficiencies, threadCounts } from './thread-counts.mjs';
import { loadLine, steadiest, whyNotWritten } from './turns.mjs';

/** Texts of one call, and tokens of each text. */
const workloads = [
  { texts: 1, tokens: 512 },
  { texts: 1, tokens: 17 },
  { texts: 64, tokens: 17 },
  { texts: 8, tokens: 128 },
];

const help = `npm run bench:threads -- [options]
  --threads LIST    numbers of threads (default: from 1 to all cores); always with 1, which the others are compared with
  --model FILE      default: the bundled model
  --node PATH       run under this Node (default: the one that runs the bench)
  --precision NAME  high, fast or exact (default high)
  --rounds N        default 7
  --seconds N       length of a round with one thread (default 0.3)
  --json            print the results as JSON
  --write           write bench/THREADS-RESULTS.md; refused if ratios spread over 15 %`;

const bundled = fileURLToPath(new URL('../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
const { values: options } = readOptions(help, {
  options: {
    threads: { type: 'string', kind: 'counts' },
    model: { type: 'string', default: bundled, kind: 'file' },
    node: { type: 'string', default: process.execPath, kind: 'program' },
    precision: { type: 'string', default: 'high', of: precisions },
    rounds: { type: 'string', default: '7', kind: 'count' },
    seconds: { type: 'string', default: '0.3', kind: 'number' },
    json: { type: 'boolean' },
    write: { type: 'boolean' },
  },
});
const { model, node, precision } = options;
const counts = threadCounts(availableParallelism(), options.threads);
const script = fileURLToPath(new URL('./compare/peers/ours.mjs', import.meta.url));
const peers = Object.fromEntries(counts.map((threads) => [threads, startPeer(node, script)]));
const cells = [];
let info;

/** Seconds of `calls` calls of `embed` with `texts`. */
async function seconds(peer, texts, calls) {
  let sum = 0;
  for (let i = 0; i < calls; i++) sum += (await peer.call('run', { texts })).seconds;
  return sum;
}

try {
  for (const [threads, peer] of Object.entries(peers))
    info = await peer.call('load', { model: resolve(model), threads: Number(threads), precision, backend: 'wasm' });
  for (const { texts: nTexts, tokens } of workloads) {
    if (tokens > info.nCtx) continue;
    const texts = makeTexts(nTexts, tokens, info.nVocab);
    await seconds(peers[1], texts, 20);
    const calls = Math.ceil(options.seconds / ((await seconds(peers[1], texts, 5)) / 5));
    const sides = Object.fromEntries(
      Object.entries(peers).map(([threads, peer]) => [threads, () => seconds(peer, texts, calls)]),
    );
    const cell = await steadiest(() => alternate(sides, calls * nTexts, options.rounds, '1'));
    const name = nTexts === 1 ? `1 text of ${tokens} tokens` : `${nTexts} texts of ${tokens} tokens`;
    cells.push({ name, ...cell, threads: efficiencies(cell.results) });
    process.stderr.write(
      `  ${name}: ${cells
        .at(-1)
        .threads.map((t) => `${t.threads}: ${t.rate.toFixed(1)}/s`)
        .join(', ')}\n`,
    );
  }
} finally {
  await Promise.all(Object.values(peers).map((peer) => peer.stop()));
}

const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
const lines = [
  `- ${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${version}, ${basename(model)}, precision ${precision}, ${new Date().toISOString().slice(0, 10)}`,
  `- ${withoutThreads(info.description)}`,
  `- ${options.rounds} rounds by turns; texts/s are medians, efficiency is the median of texts/s over those of one thread, divided by the threads; the spread is that of these ratios`,
  `- ${loadLine(cells)}`,
  '',
  '| one call | threads | texts/s | efficiency | spread |',
  '|---|---:|---:|---:|---:|',
  ...cells.flatMap(({ name, threads }) =>
    threads.map(
      (t) =>
        `| ${name} | ${t.threads} | ${t.rate.toFixed(1)} | ${t.efficiency.toFixed(2)} | ${(100 * t.spread).toFixed(0)} % |`,
    ),
  ),
];
if (options.json) console.log(JSON.stringify({ node: version, description: info.description, cells }, null, 2));
else console.log(lines.join('\n'));
const refusal = options.write ? whyNotWritten(cells, 'bench/THREADS-RESULTS.md') : undefined;
if (refusal !== undefined) {
  console.error(refusal);
  process.exitCode = 1;
} else if (options.write) {
  const title =
    '# Results of `npm run bench:threads`\n\nWritten by `npm run bench:threads -- --write`. Compare within one table only: machines differ.\n\n';
  writeFileSync(new URL('THREADS-RESULTS.md', import.meta.url), `${title}${lines.join('\n')}\n`);
}
