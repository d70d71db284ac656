// A fleet as a queueing model, simulated event by event: requests arrive, the balancer gives each to the server with the fewest, a server
// computes what waits as one batch, and all of it shares the cores of the machine.
import { quantile } from '../turns.mjs';
import { exponential, uniform } from './random.mjs';

/** CPU work below this many seconds is done; it bounds rounding errors. */
const DONE = 1e-12;

/**
 * Simulates a load on a fleet.
 *
 * `profile` has seconds of CPU time: `client`, `balancer` and `http` for a request, `batch` for a batch and `token` for each of its tokens; and
 * `delays`, seconds that pass in a request without work, of which each request takes one by chance.
 * `cores` are those that all share (Infinity: each server has a machine of its own); `capacity` is the work that they do together if all are
 * busy, in units of a core that works alone (less than `cores` where cores share caches or pipelines).
 * @returns requests a second, and latencies in seconds: `{rate, mean, p50, p99}`
 */
export function simulate({
  profile,
  servers: nServers = 3,
  cores = Number.POSITIVE_INFINITY,
  capacity = cores,
  lengths,
  batchTokens = 512,
  rate,
  clients,
  requests = 20_000,
  seed = 1,
}) {
  const random = uniform(seed);
  const choose = (list) => list[Math.floor(random() * list.length)];
  const servers = Array.from({ length: nServers }, () => ({ requests: 0, waiting: [], isBusy: false }));
  /** Work in progress on the cores: seconds left, and what follows. */
  const tasks = new Set();
  /** What happens at a time without work, soonest last. */
  const timers = [];
  const latencies = [];
  let now = 0;
  let started = 0;
  let turn = 0;

  const work = (seconds, then) => tasks.add({ left: seconds, then });
  const after = (seconds, then) => {
    const at = now + seconds;
    let i = timers.length;
    while (i > 0 && timers[i - 1].at <= at) i--;
    timers.splice(i, 0, { at, then });
  };
  /** Work that each task gets in a second. */
  const speed = () => {
    const n = tasks.size;
    if (n <= 1 || cores === Number.POSITIVE_INFINITY) return 1;
    return (1 + ((capacity - 1) * (Math.min(n, cores) - 1)) / Math.max(1, cores - 1)) / n;
  };

  function begin() {
    if (started++ >= requests) return;
    const request = { since: now, nTokens: choose(lengths), delay: choose(profile.delays) };
    work(profile.client / 2 + profile.balancer / 2, () => arrive(request));
  }
  function arrive(request) {
    const fewest = Math.min(...servers.map(({ requests }) => requests));
    // Among equals in turn.
    let i = turn++ % nServers;
    while (servers[i].requests !== fewest) i = (i + 1) % nServers;
    const server = servers[i];
    server.requests++;
    after(request.delay, () =>
      work(profile.http / 2, () => {
        server.waiting.push(request);
        compute(server);
      }),
    );
  }
  function compute(server) {
    if (server.isBusy || server.waiting.length === 0) return;
    server.isBusy = true;
    let n = 1;
    let nTokens = server.waiting[0].nTokens;
    while (n < server.waiting.length && nTokens + server.waiting[n].nTokens <= batchTokens)
      nTokens += server.waiting[n++].nTokens;
    const batch = server.waiting.splice(0, n);
    work(profile.batch + profile.token * nTokens, () => {
      server.isBusy = false;
      for (const request of batch) work(profile.http / 2, () => answer(server, request));
      compute(server);
    });
  }
  function answer(server, request) {
    work(profile.balancer / 2 + profile.client / 2, () => {
      server.requests--;
      latencies.push(now - request.since);
      if (clients !== undefined) begin();
    });
  }

  const arriveAtRandom = () =>
    after(exponential(random, 1 / rate), () => {
      begin();
      if (started < requests) arriveAtRandom();
    });
  if (clients === undefined) arriveAtRandom();
  else for (let i = 0; i < clients; i++) begin();

  while (tasks.size > 0 || timers.length > 0) {
    const each = speed();
    let next;
    for (const task of tasks) if (next === undefined || task.left < next.left) next = task;
    const taskAt = next === undefined ? Number.POSITIVE_INFINITY : now + next.left / each;
    const timer = timers.at(-1);
    const at = Math.min(taskAt, timer?.at ?? Number.POSITIVE_INFINITY);
    for (const task of tasks) task.left -= (at - now) * each;
    now = at;
    if (timer !== undefined && timer.at <= taskAt) {
      timers.pop();
      timer.then();
      continue;
    }
    const done = [...tasks].filter(({ left }) => left <= DONE);
    for (const task of done) tasks.delete(task);
    for (const task of done) task.then();
  }
  // Without the beginning, when the fleet was empty.
  const steady = latencies.slice(latencies.length >> 4);
  const sorted = steady.toSorted((a, b) => a - b);
  return {
    rate: latencies.length / now,
    mean: steady.reduce((sum, value) => sum + value, 0) / steady.length,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  };
}

/** The `capacity` with which the simulation of a load has the measured rate. Below `rate` 1 core, or above all, it is that bound. */
export function fitCapacity(options, measuredRate) {
  let low = 1;
  let high = options.cores;
  for (let i = 0; i < 12; i++) {
    const middle = (low + high) / 2;
    if (simulate({ ...options, capacity: middle, requests: 3000 }).rate < measuredRate) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
