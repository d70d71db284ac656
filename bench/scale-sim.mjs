// Throughput and latency of larger fleets, simulated with the times that `npm run bench:fleet -- --write` has measured.
// Each server has a machine of its own, with one core for it.
import { readFileSync } from 'node:fs';
import { simulate } from './fleet/simulate.mjs';
import { table } from './fleet/table.mjs';
import { readOptions } from './options.mjs';

const help = `node bench/scale-sim.mjs [options]
  --servers LIST  default 1,3,10,100
  --busy LIST     shares of what they can do (default 0.2,0.5,0.8,0.9)
  --profile FILE  default: bench/fleet/profile.json`;
const { values: options } = readOptions(help, {
  options: {
    servers: { type: 'string', default: '1,3,10,100', kind: 'counts' },
    busy: { type: 'string', default: '0.2,0.5,0.8,0.9' },
    profile: { type: 'string', kind: 'file' },
  },
});
const numbers = (list) => list.split(',').map(Number);
const file = options.profile ?? new URL('fleet/profile.json', import.meta.url);
const { measuredOn, lengths, batchTokens, ...profile } = JSON.parse(readFileSync(file, 'utf8'));
const mean = lengths.reduce((sum, n) => sum + n, 0) / lengths.length;
console.log(`Times measured on ${measuredOn}; texts of ${mean.toFixed(0)} tokens on average\n`);

const rows = [];
for (const servers of options.servers) {
  const base = { profile, lengths, batchTokens, servers };
  // Many clients without pauses: what the fleet can do.
  const most = simulate({ ...base, clients: 16 * servers, requests: 4000 * Math.min(servers, 10) }).rate;
  for (const busy of numbers(options.busy)) {
    const { rate, mean, p50, p99 } = simulate({ ...base, rate: busy * most });
    const times = [mean, p50, p99].map((seconds) => (1000 * seconds).toFixed(0));
    rows.push([servers, most.toFixed(0), `${(100 * busy).toFixed(0)} %`, rate.toFixed(0), ...times]);
  }
}
console.log(table(['servers', 'at most, requests/s', 'load', 'requests/s', 'mean ms', 'p50 ms', 'p99 ms'], rows));
