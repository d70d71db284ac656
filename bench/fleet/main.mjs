// `npm run bench:fleet`: three servers behind a balancer on this machine, while one is killed, drained or overloaded, and what a simulation
// predicts for the quiet fleet.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { readOptions } from '../options.mjs';
import { loadLine, median, takeTurns } from '../turns.mjs';
import { balancerVersion } from './balancers.mjs';
import { expectedVectors, startFleet } from './fleet.mjs';
import { closedLoop, skewedTexts, summary } from './load.mjs';
import { phases } from './phases.mjs';
import { measureProfile } from './profile.mjs';
import { fitCapacity, simulate } from './simulate.mjs';
import { table } from './table.mjs';

const help = `npm run bench:fleet -- [options]
  -m FILE            model        --balancers LIST  haproxy,nginx; envoy, too ($ENVOY: its program)
  --rate N           requests a second that arrive at random times (15)
  --clients N        clients of the run without pauses (6)
  --seconds N        length of a phase (20)    --rounds N (3)
  --max-queue N      of each server (80)       --ubatch N  tokens in a batch (128)
  --write            write bench/FLEET-RESULTS.md and bench/fleet/profile.json`;
const { values: options } = readOptions(help, {
  options: {
    model: { type: 'string', short: 'm', default: 'models/all-MiniLM-L6-v2-Q8_0.gguf', kind: 'file' },
    balancers: { type: 'string', default: 'haproxy,nginx', listOf: ['haproxy', 'nginx', 'envoy'] },
    rate: { type: 'string', default: '15', kind: 'number' },
    clients: { type: 'string', default: '6', kind: 'count' },
    seconds: { type: 'string', default: '20', kind: 'number' },
    rounds: { type: 'string', default: '3', kind: 'count' },
    'max-queue': { type: 'string', default: '80', kind: 'count' },
    ubatch: { type: 'string', default: '128', kind: 'count' },
    write: { type: 'boolean' },
  },
});
/** Beyond this share of the cores for other work, a simulation that knows nothing of it is no prediction. */
const MOST_OTHER_LOAD = 0.2;

const { rate, clients, seconds, rounds, 'max-queue': maxQueue, ubatch: batchTokens } = options;
const flags = ['--max-queue', String(maxQueue), '--ubatch-size', String(batchTokens), '--drain-seconds', '3'];
const texts = skewedTexts(200);
const lengths = texts.map(({ nTokens }) => nTokens);
const cores = cpus().length;
/** One client for each server: fewer leave cores idle, and say little about what they do together. */
const atOnce = 3;
const quietName = Object.keys(phases)[0];
const withPauses = 'profile, with pauses';
const withoutPauses = 'profile';

/** All numbers about one balancer. */
async function measure(balancer) {
  const fleet = await startFleet({ balancer, model: options.model, flags });
  try {
    const load = { port: fleet.port, texts, expected: await expectedVectors(fleet.ports, texts), seconds };
    const half = { ...load, seconds: seconds / 2 };
    const sides = {
      [withPauses]: (seed) => measureProfile(fleet, { ...load, seed, pause: 1 / rate }),
      [withoutPauses]: (seed) => measureProfile(fleet, { ...half, seed }),
      calibration: (seed) => closedLoop({ ...half, seed, clients: atOnce }),
      [`${clients} clients`]: (seed) => closedLoop({ ...half, seed, clients }),
    };
    for (const [name, run] of Object.entries(phases)) {
      sides[name] = (seed) => run(fleet, { ...load, seed, rate, maxQueue });
    }
    // All phases of a round have the same requests, and each round has others.
    for (const [name, run] of Object.entries(sides)) {
      let seed = 100;
      sides[name] = () => run(seed++);
    }
    const { runs, ...otherLoad } = await takeTurns(sides, rounds, { warmUp: false });
    return { name: `${balancer} ${balancerVersion(balancer)}`, runs, ...otherLoad };
  } finally {
    await fleet.stop();
  }
}

const results = [];
for (const balancer of options.balancers) {
  if (balancerVersion(balancer) === undefined) console.error(`${balancer} is not installed: left out`);
  else results.push(await measure(balancer));
}
if (results.length === 0) throw new Error('no balancer: apt-get install haproxy nginx-light');

/** The median of the rounds. */
const of = (runs, key) => median(runs.map((run) => run[key]));
/** All rounds as one. */
const pooled = (runs) =>
  summary(
    { samples: runs.flatMap(({ samples }) => samples), failures: runs.flatMap(({ failures }) => failures) },
    runs.reduce((sum, run) => sum + run.seconds, 0),
  );
const milliseconds = (value) => value.toFixed(1);
const ratio = (value) => value.toFixed(2);

const failureRows = [];
const problems = [];
for (const { name, runs } of results) {
  const quiet = pooled(runs[quietName]);
  for (const phase of Object.keys(phases)) {
    const all = pooled(runs[phase]);
    const slower = all.p99 / quiet.p99;
    if (all.failures.length > 0)
      problems.push(`${name}, ${phase}: ${all.failures.length} failed, such as: ${all.failures[0]}`);
    if (slower >= 2) problems.push(`${name}, ${phase}: p99 is ${ratio(slower)} times that of the quiet fleet`);
    failureRows.push([
      name,
      phase,
      all.n,
      all.failures.length,
      ...['mean', 'p50', 'p99', 'max'].map((key) => milliseconds(all[key])),
      phase === quietName ? '' : ratio(slower),
    ]);
  }
}

/** The profile in the middle of those that were measured, with the delays of all. */
function middleProfile(profiles) {
  const parts = ['client', 'balancer', 'http', 'batch', 'token'].map((key) => [key, of(profiles, key)]);
  return { ...Object.fromEntries(parts), delays: profiles.flatMap(({ delays }) => delays) };
}

const predictionRows = [];
let written;
for (const { name, runs, otherLoad = 0 } of results) {
  if (otherLoad > MOST_OTHER_LOAD) {
    problems.push(
      `${name}: nothing is predicted, since other work took ${(100 * otherLoad).toFixed(0)} % of the cores`,
    );
    continue;
  }
  const busy = { profile: middleProfile(runs[withoutPauses]), lengths, cores, batchTokens };
  const capacity = fitCapacity({ ...busy, clients: atOnce }, of(runs.calibration, 'rate'));
  written ??= { measuredOn: machine(), batchTokens, lengths, ...rounded(busy.profile) };
  for (const [label, run, profile, load] of [
    [`${rate} requests a second`, quietName, withPauses, { rate }],
    [`${clients} clients without pauses`, `${clients} clients`, withoutPauses, { clients }],
  ]) {
    const measured = pooled(runs[run]);
    // As many requests as came by chance, and of the lengths that were drawn.
    const predicted = simulate({
      ...busy,
      profile: middleProfile(runs[profile]),
      lengths: measured.samples.map(({ nTokens }) => nTokens),
      capacity,
      ...load,
      ...(load.rate !== undefined && { rate: measured.rate }),
    });
    for (const [key, unit, scale] of [
      ['rate', 'requests/s', 1],
      ['mean', 'ms', 1000],
      ['p99', 'ms', 1000],
    ]) {
      const error = (predicted[key] * scale) / measured[key] - 1;
      const cells = [name, label, `${key}, ${unit}`, (predicted[key] * scale).toFixed(1), measured[key].toFixed(1)];
      predictionRows.push([...cells, `${(100 * error).toFixed(0)} %`]);
      if (Math.abs(error) > 0.15) problems.push(`${cells.join(', ')}: more than 15 % off`);
    }
  }
}

/** The profile as it is kept: a hundred delays, in microseconds. */
function rounded({ delays, ...work }) {
  const sorted = delays.toSorted((a, b) => a - b);
  const micro = (value) => Number(value.toFixed(6));
  const hundred = Array.from({ length: 100 }, (_, i) => micro(sorted[Math.floor(((i + 0.5) / 100) * sorted.length)]));
  return { ...Object.fromEntries(Object.entries(work).map(([key, value]) => [key, micro(value)])), delays: hundred };
}

function machine() {
  const day = new Date().toISOString().slice(0, 10);
  return `${cpus()[0].model.trim()}, ${cores} cores, Node ${process.version}, ${day}`;
}

const meanTokens = lengths.reduce((sum, n) => sum + n, 0) / lengths.length;
const lines = [
  `${machine()}; ${loadLine(results)}.`,
  '',
  `Three servers of one thread each (\`${flags.join(' ')}\`), the balancer and the clients share these cores. Texts of ${Math.min(...lengths)} to ${Math.max(...lengths)} tokens, ${meanTokens.toFixed(0)} on average;`,
  `${rate} requests a second arrive at random times, and none is sent twice by the clients. The event comes after a quarter of a phase of ${seconds} seconds. "Overloaded" is a server whose queue other`,
  `clients keep full past the balancer, with texts of 40 to 64 tokens. Latencies are those of ${rounds} rounds together; an answer with another vector than that of a single server counts as a failure.`,
  '',
  table(
    ['balancer', 'phase', 'requests', 'failed', 'mean ms', 'p50 ms', 'p99 ms', 'longest ms', 'p99 × quiet'],
    failureRows,
  ),
  '',
  predictionRows.length > 0
    ? `What a simulation predicts (\`bench/fleet/simulate.mjs\`) from the times of single requests (with pauses between them for the first load)
and from how much the cores do together (${atOnce} clients), beside what was measured:

${table(['balancer', 'load', 'what', 'predicted', 'measured', 'error'], predictionRows)}`
    : 'Nothing is predicted: other work took too much of the cores.',
];
console.log(lines.join('\n'));

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

if (options.write) {
  const title =
    '# Results of `npm run bench:fleet`\n\nWritten by `npm run bench:fleet -- --write`. Compare within one table only: machines differ.\n\n';
  writeFileSync(new URL('../FLEET-RESULTS.md', import.meta.url), `${title}${lines.join('\n')}\n`);
  if (written !== undefined) {
    const text = JSON.stringify(written, null, 2).replaceAll(/\[[^\]]*\]/g, (list) => JSON.stringify(JSON.parse(list)));
    writeFileSync(new URL('profile.json', import.meta.url), `${text}\n`);
  }
}
