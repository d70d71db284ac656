// `npm run bench:server`: requests per second of gguf-embed's server and of a native llama-server, driven the same way
// over loopback in alternating rounds.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { nodeVersion, precisions, readOptions, refuse } from '../options.mjs';
import { loadLine, median, spreadOf, steadiest, takeTurns, whyNotWritten } from '../turns.mjs';
import { startLlama, startOurs } from './servers.mjs';
import { workloads } from './workloads.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const help = `npm run bench:server -- [options]
  --against PATH   native llama-server to compare with (default: bench/.cache/llama.cpp/build/bin/llama-server,
                   made by bench/native/build.sh); without one only ours is measured
  -m FILE          model          --node PATH    run ours under this Node
  -t N             threads (2)    --clients LIST 1,8,64
  --only NAME      this workload, as the table names it; may be repeated (default: all)
  --seconds N      length of a round once all clients have had an answer, for which they have 20 s (3)
  --rounds N       rounds of a row (3); 2 where an unmeasured one of both servers takes more than 10 s, and such a row
                   is measured again for --write only if its ratios spread over 15 %
  --precision high|fast|exact
  --pin LIST       the load generator runs on these cores only, as in 1 or 2-3 (taskset of util-linux)
  --json           print JSON     --write        write bench/SERVER-RESULTS.md; refused without llama-server, and if the
                                                 ratios of a row spread over 15 %
Latencies are those of a client's second request and later ones. They are empty where a round has none, p99 below a hundred.`;
const { values: options } = readOptions(help, {
  options: {
    model: { type: 'string', short: 'm', default: `${root}models/all-MiniLM-L6-v2-Q8_0.gguf`, kind: 'file' },
    against: { type: 'string', kind: 'program' },
    node: { type: 'string', default: process.execPath, kind: 'program' },
    threads: { type: 'string', short: 't', default: '2', kind: 'count' },
    clients: { type: 'string', default: '1,8,64', kind: 'counts' },
    only: { type: 'string', multiple: true, of: workloads.map(([name]) => name) },
    seconds: { type: 'string', default: '3', kind: 'number' },
    rounds: { type: 'string', default: '3', kind: 'count' },
    precision: { type: 'string', default: 'high', of: precisions },
    pin: { type: 'string' },
    json: { type: 'boolean' },
    write: { type: 'boolean' },
  },
});

const binary = options.against ?? `${root}bench/.cache/llama.cpp/build/bin/llama-server`;
const hasLlama = options.against !== undefined || existsSync(binary);
if (!hasLlama && options.write)
  refuse(
    `--write compares with llama-server, and there is none at ${binary}: bench/native/build.sh builds one, --against names another`,
  );
const { threads } = options;
const servers = {
  ours: await startOurs({
    node: options.node,
    model: options.model,
    threads,
    args: ['--precision', options.precision],
  }),
};
if (hasLlama) servers.llama = await startLlama({ binary, model: options.model, threads });
else console.error(`no llama-server at ${binary}: only ours is measured (bench/native/build.sh builds one)`);

/** Resident memory of a process in MB; only Linux tells. */
function memory({ pid }) {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return undefined;
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(status, 'utf8'))[1]) / 1024);
}

/** A row is slow if the unmeasured round of all servers takes longer than this, in milliseconds. */
const slow = 10_000;

/** One unmeasured round of each server. Resolves to whether the row is slow. */
async function warmUp(clients, bodies) {
  const begin = performance.now();
  for (const server of Object.values(servers)) await server.load({ clients, bodies, seconds: 0.5, patience: 5 });
  return performance.now() - begin > slow;
}

/** The median, unless a round has no value. */
const medianOfAll = (values) => (values.includes(undefined) ? undefined : median(values));

/** One row: both servers by turns, each loaded for the same time. */
async function measure(name, clients, bodies, rounds) {
  const how = { clients, seconds: options.seconds, bodies };
  const turns = Object.fromEntries(Object.entries(servers).map(([side, server]) => [side, () => server.load(how)]));
  const begin = { cpu: process.cpuUsage(), ms: performance.now() };
  const { runs, ...load } = await takeTurns(turns, rounds, { warmUp: false });
  const { user, system } = process.cpuUsage(begin.cpu);
  const generator = (user + system) / 1000 / (performance.now() - begin.ms) / cpus().length;
  const row = { name: `${name}, ${clients} client(s)`, workload: name, clients, generator, spread: 0, ...load };
  for (const [side, values] of Object.entries(runs)) {
    row[side] = Object.fromEntries(
      ['requestsPerSecond', 'tokensPerSecond', 'p50', 'p99'].map((key) => [
        key,
        medianOfAll(values.map((v) => v[key])),
      ]),
    );
  }
  if (runs.llama) {
    const ratios = runs.ours.map((v, i) => v.requestsPerSecond / runs.llama[i].requestsPerSecond);
    row.ratio = median(ratios);
    row.spread = spreadOf(ratios);
  }
  return row;
}

const percent = (share) => (100 * share).toFixed(0);
const milliseconds = (value) => value?.toFixed(1) ?? '';

/** `17 tokens, 64 client(s): ours 585.9/s, p99 168.4 ms; llama 284.4/s, p99 241.4 ms; × 2.07, spread 3 %`. */
function summary({ name, ratio, spread, ...row }) {
  const sides = Object.keys(servers).map((side) => {
    const { requestsPerSecond, p99 } = row[side];
    return `${side} ${requestsPerSecond.toFixed(1)}/s${p99 === undefined ? '' : `, p99 ${milliseconds(p99)} ms`}`;
  });
  const compared = ratio === undefined ? [] : [`× ${ratio.toFixed(2)}, spread ${percent(spread)} %`];
  return `${name}: ${[...sides, ...compared].join('; ')}`;
}

// The servers have started, so that they may run on all cores.
if (options.pin) execFileSync('taskset', ['-acp', options.pin, String(process.pid)]);
const results = [];
const used = {};
try {
  for (const [name, bodies] of workloads.filter(([name]) => options.only?.includes(name) ?? true)) {
    for (const clients of options.clients) {
      const isSlow = await warmUp(clients, bodies);
      const rounds = Math.min(options.rounds, isSlow ? 2 : Infinity);
      const once = () => measure(name, clients, bodies, rounds);
      const row = isSlow && !options.write ? await once() : await steadiest(once);
      results.push(row);
      process.stderr.write(`  ${summary(row)}\n`);
    }
  }
  for (const [side, server] of Object.entries(servers)) used[side] = memory(server);
} finally {
  for (const server of Object.values(servers)) await server.stop();
}

const cells = (side) =>
  side
    ? [
        side.requestsPerSecond.toFixed(1),
        String(Math.round(side.tokensPerSecond)),
        milliseconds(side.p50),
        milliseconds(side.p99),
      ]
    : ['', '', '', ''];
const shares = results.map(({ generator }) => generator);
const version = nodeVersion(options.node);
const lines = [
  `${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${version}, ${threads} threads, precision ${options.precision}, ${new Date().toISOString().slice(0, 10)}`,
  `Resident memory after the run: ${Object.entries(used)
    .map(([side, mb]) => (mb === undefined ? `${side} unknown` : `${side} ${mb} MB`))
    .join(', ')}`,
  `The load generator${options.pin ? `, pinned to ${options.pin},` : ''} took ${percent(Math.min(...shares))} to ${percent(Math.max(...shares))} % of the cores; ${loadLine(results)}`,
  '',
  '| workload | clients | ours req/s | tokens/s | p50 ms | p99 ms | llama-server req/s | tokens/s | p50 ms | p99 ms | × |',
  '|---|---|---|---|---|---|---|---|---|---|---|',
  ...results.map(
    (r) => `| ${[r.workload, r.clients, ...cells(r.ours), ...cells(r.llama), r.ratio?.toFixed(2) ?? ''].join(' | ')} |`,
  ),
];
if (options.json) console.log(JSON.stringify({ memory: used, results }, null, 2));
else console.log(lines.join('\n'));
const refusal = options.write ? whyNotWritten(results, 'bench/SERVER-RESULTS.md') : undefined;
if (refusal !== undefined) {
  console.error(refusal);
  process.exitCode = 1;
} else if (options.write) {
  const title =
    '# Results of `npm run bench:server`\n\nWritten by `npm run bench:server -- --write`. Compare within one table only: machines differ.\n\n';
  writeFileSync(new URL('../SERVER-RESULTS.md', import.meta.url), `${title}${lines.join('\n')}\n`);
}
