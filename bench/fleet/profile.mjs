// Where the time of a request goes, measured with one request at a time: what the simulation needs.
import { readdirSync, readFileSync } from 'node:fs';
import { closedLoop } from './load.mjs';

/** Seconds of CPU time that a process and its children have used (Linux, in steps of 10 ms). */
function cpuSeconds(root) {
  const fieldsOf = (pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  };
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = fieldsOf(pid);
      if (Number(pid) === root || Number(fields[1]) === root) ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has ended.
    }
  }
  return ticks / 100;
}

/** Seconds that the servers spent computing, as their metrics tell. */
async function computeSeconds(ports) {
  let sum = 0;
  for (const port of ports) {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    sum += Number(/^llamacpp:prompt_seconds_total (\S+)$/m.exec(text)[1]);
  }
  return sum;
}

/** Measures a fleet with one client. @returns the profile of `simulate` */
export async function measureProfile(fleet, load) {
  const { balancer, servers } = fleet.pids();
  const all = async () => ({
    client: process.cpuUsage(),
    balancer: cpuSeconds(balancer),
    servers: servers.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    compute: await computeSeconds(fleet.ports),
  });
  const before = await all();
  const { user: userBefore, system: systemBefore } = before.client;
  const { samples, failures } = await closedLoop({ ...load, clients: 1 });
  const after = await all();
  if (failures.length > 0) throw new Error(`a request failed: ${failures[0]}`);
  const n = samples.length;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / n;
  const tokens = samples.map(({ nTokens }) => nTokens);
  const latencies = samples.map(({ milliseconds }) => milliseconds / 1000);
  const token = slope(tokens, latencies);
  const compute = (after.compute - before.compute) / n;
  const client = (after.client.user + after.client.system - userBefore - systemBefore) / 1e6 / n;
  const forBalancer = (after.balancer - before.balancer) / n;
  const http = Math.max(0, (after.servers - before.servers) / n - compute);
  const batch = Math.max(0, compute - token * mean(tokens));
  // What is left of each latency; a sum of all of it is right, even if single ones are not.
  const work = client + forBalancer + http + batch;
  const delays = latencies.map((latency, i) => Math.max(0, latency - work - token * tokens[i]));
  return { client, balancer: forBalancer, http, batch, token, delays };
}

/** The slope of the line through points with the least squares. */
function slope(xs, ys) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(xs), mean(ys)];
  let above = 0;
  let below = 0;
  for (const [i, value] of xs.entries()) {
    above += (value - x) * (ys[i] - y);
    below += (value - x) ** 2;
  }
  return above / below;
}
