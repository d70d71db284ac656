// `npm run bench:request`: where the time of a request goes, from the client's socket to the vector and back, for texts of 17 tokens from
// one client and from eight, and for calls in the process, in workers and without. Medians; the spans of one column add up to about the latency of the client.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { precisions, readOptions } from '../options.mjs';
import { watchOtherLoad } from '../other-load.mjs';
import { load } from '../server/client.mjs';
import { workloads } from '../server/workloads.mjs';
import { fork } from '../spawn.mjs';
import { median } from '../turns.mjs';

const help = `npm run bench:request -- [options]
  -m FILE         model            --node PATH    run the server under this Node
  -t N            threads (2)      --clients LIST 1,8
  --seconds N     length of a column (3)          --precision high|fast|exact
  --write         write bench/REQUEST-RESULTS.md; refused if other processes took more than 5 % of the cores`;
const bundled = fileURLToPath(new URL('../../models/all-MiniLM-L6-v2-Q8_0.gguf', import.meta.url));
const { values: options } = readOptions(help, {
  options: {
    model: { type: 'string', short: 'm', default: bundled, kind: 'file' },
    node: { type: 'string', default: process.execPath, kind: 'program' },
    threads: { type: 'string', short: 't', default: String(Math.min(2, cpus().length)), kind: 'count' },
    precision: { type: 'string', default: 'high', of: precisions },
    clients: { type: 'string', default: '1,8', kind: 'counts' },
    seconds: { type: 'string', default: '3', kind: 'number' },
    write: { type: 'boolean' },
  },
});

/** A table is written if other processes took at most this share of the cores. */
const mostOtherLoad = 0.05;

const [, bodies] = workloads[0];
const setup = {
  model: options.model,
  threads: options.threads,
  precision: options.precision,
  text: JSON.parse(bodies[0]).input,
};
const server = fork(fileURLToPath(new URL('./server.mjs', import.meta.url)), [JSON.stringify(setup)], {
  execPath: options.node,
  serialization: 'advanced',
});
server.once('exit', (code, signal) => {
  if (code !== 0) throw new Error(`the server of the bench ended with ${signal ?? `code ${code}`}`);
});
const [{ port, description, version }] = await once(server, 'message');
async function ask(name, params = {}) {
  server.send({ name, ...params });
  const [answer] = await once(server, 'message');
  return answer;
}

/** What the steps of a run are, in the rows of the table. */
const kinds = { linear: 'products', moe: 'products', attention: 'attention' };

/** Milliseconds of one batch by kind, in the mean of the ranks that computed it. */
function timeInside(runs) {
  const sums = { products: 0, attention: 0, 'other steps': 0, 'waiting for other ranks': 0, 'plan, copy the rows': 0 };
  for (const { begin, end, barrier, ops } of runs) {
    let inSteps = 0;
    for (const [op, ms] of Object.entries(ops)) {
      sums[kinds[op] ?? 'other steps'] += ms;
      inSteps += ms;
    }
    sums['waiting for other ranks'] += barrier;
    sums['plan, copy the rows'] += end - begin - inSteps - barrier;
  }
  return Object.fromEntries(Object.entries(sums).map(([name, ms]) => [name, ms / runs.length]));
}

/** Medians of objects with the same keys. */
const mediansOf = (rows) =>
  Object.fromEntries(Object.keys(rows[0] ?? {}).map((key) => [key, median(rows.map((row) => row[key]))]));

function spansOf({ finished, batches, ranks }) {
  for (const batch of batches) {
    const runs = batch.ranks.map((rank) => ranks[rank]?.find(({ begin }) => begin >= batch.posted));
    batch.first = runs[0];
    batch.runs = runs.filter((run) => run !== undefined);
  }
  const whole = batches.filter(({ first }) => first !== undefined);
  const spans = finished.flatMap(({ batch, ...r }) => {
    if (batch?.first === undefined) return [];
    return [
      {
        'headers, body': r.read - r.request,
        'JSON, checks': r.embed - r.read,
        tokenize: r.submit - r.embed,
        'wait for the batch before': batch.posted - r.submit,
        'wake-up of the worker': batch.first.begin - batch.posted,
        compute: batch.first.end - batch.first.begin,
        'wake-up of the server': r.computed - batch.first.end,
        normalise: r.embedded - r.computed,
        'JSON of the answer': r.answer - r.embedded,
        write: r.written - r.answer,
        whole: r.written - r.request,
      },
    ];
  });
  const { whole: inServer, ...rows } = mediansOf(spans);
  return { rows, inServer, inside: mediansOf(whole.map(({ runs }) => timeInside(runs))), batches: whole };
}

const columns = [];
const otherLoad = watchOtherLoad();
for (const clients of options.clients) {
  const how = { port, clients, bodies };
  await load({ ...how, seconds: 1 });
  const before = await ask('begin');
  const { requestsPerSecond, p50, p99 } = await load({ ...how, seconds: options.seconds });
  if (p50 === undefined)
    throw new Error(`${options.seconds} s are too short: no client has had a second answer. Give more with --seconds`);
  const seen = await ask('end', { before });
  const { rows, inServer, inside, batches } = spansOf(seen);
  columns.push({
    name: `${clients} client${clients === 1 ? '' : 's'}`,
    rows: { 'client, socket': p50 - inServer, ...rows },
    inside,
    facts: {
      'latency, median': p50,
      'latency, p99': p99,
      ...(seen.cpu && { 'processor time of the thread of the server': seen.cpu / seen.finished.length }),
    },
    counts: {
      'requests a second': requestsPerSecond,
      'texts a batch': batches.reduce((sum, { nInputs }) => sum + nInputs, 0) / batches.length,
    },
  });
}
const here = await ask('here', { n: 300 });
const ofCalls = here.ranks[0].map((_, i) => timeInside(here.ranks.flatMap((runs) => runs[i] ?? [])));
const inside = mediansOf(ofCalls);
columns.push({
  name: 'in the process',
  rows: { compute: median(here.ranks[0].map(({ begin, end }) => end - begin)) },
  inside,
  facts: { 'latency, median': median(here.times) },
  counts: { 'call / its products': median(here.times) / inside.products },
});
const calls = await ask('withoutWorker', { n: 300 });
const insideCall = mediansOf(calls.map((call) => timeInside([call])));
const ofCall = median(calls.map(({ begin, end }) => end - begin));
columns.push({
  name: 'without a worker',
  rows: {},
  // The rest of a call is more than plans and rows: tokenizing, the queue, normalising.
  inside: { ...insideCall, 'waiting for other ranks': undefined, 'plan, copy the rows': undefined },
  facts: { 'latency, median': ofCall },
  counts: { 'call / its products': ofCall / insideCall.products },
});
server.disconnect();

const other = otherLoad();
const lines = [
  `${cpus()[0].model.trim()}, ${cpus().length} cores; ${version}; ${description}; ${new Date().toISOString().slice(0, 10)}; milliseconds.`,
  ...(other === undefined ? [] : [`Other processes took ${(100 * other.share).toFixed(0)} % of the cores.`]),
  '',
  `| | ${columns.map(({ name }) => name).join(' | ')} |`,
  `|---|${'---:|'.repeat(columns.length)}`,
];
function section(key, indent = '') {
  const names = new Set(columns.flatMap((column) => Object.keys(column[key])));
  for (const name of names) {
    const cells = columns.map((column) => column[key][name]?.toFixed(key === 'counts' ? 2 : 3) ?? '');
    lines.push(`| ${indent}${name} | ${cells.join(' | ')} |`);
    if (name === 'compute') section('inside', 'of it ');
  }
}
section('rows');
section('facts');
section('counts');
console.log(lines.join('\n'));
if (options.write && (other?.share ?? 0) > mostOtherLoad) {
  console.error('bench/REQUEST-RESULTS.md was not written: run it again on a quiet machine.');
  process.exitCode = 1;
} else if (options.write) {
  const title = `# Results of \`npm run bench:request\`

Written by \`npm run bench:request -- --write\`. The rows follow one request with a text of 17 tokens from the client to the vector and back:
medians of all requests of a column. A row is the time since the row before it; waiting for a core that another thread uses counts, too.
"In the process" is \`embedder.embed\` without HTTP, and "without a worker" the same on the calling thread, with one thread. "Plan, copy the rows" is the rest of compute: what happens before, between and after the steps, and
the marks that measure it.

`;
  writeFileSync(new URL('../REQUEST-RESULTS.md', import.meta.url), `${title}${lines.join('\n')}\n`);
}
