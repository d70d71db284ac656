// The server of `npm run bench:request`, in a process of its own. It wraps methods of the unbundled build, so that the code that users run
// has no hooks: each request keeps the times at which it passed them.
import { AsyncLocalStorage } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Queue } from '../../build/modules/engine/batching/queue.js';
import { Scheduler } from '../../build/modules/engine/batching/scheduler.js';
import { Embedder } from '../../build/modules/engine/index.js';
import { createApp } from '../../build/modules/server/index.js';
import { listen } from '../../build/modules/server/sockets/listen.node.js';
import { NodeRequest } from '../../build/modules/server/sockets/node-request.node.js';
import { TrackedResponse } from '../../build/modules/server/sockets/response.node.js';
import { RequestSender } from '../../build/modules/workers/shared-requests.js';
import { explained } from '../options.mjs';
import { now } from './clock.mjs';

const { model, threads, precision, text } = JSON.parse(process.argv[2]);
process.once('uncaughtException', (error) => {
  console.error(explained(error));
  process.exit(1);
});
const requests = new AsyncLocalStorage();
let finished = [];
let batches = [];

/** Replaces a method; `around` gets the record of the request that calls it, and the call. */
function wrap(kind, name, around) {
  const method = kind.prototype[name];
  kind.prototype[name] = function (...args) {
    return around(requests.getStore() ?? {}, () => Reflect.apply(method, this, args), args);
  };
}

diagnostics.subscribe('http.server.request.start', () => requests.enterWith({ request: now() }));
wrap(NodeRequest, 'read', async (record, call) => {
  await call();
  record.read = now();
});
wrap(Embedder, 'embed', async (record, call) => {
  record.embed = now();
  const result = await call();
  record.embedded = now();
  return result;
});
/** The record of the request whose inputs these are. */
const recordOf = new WeakMap();
wrap(Scheduler, 'submit', async (record, call, [{ inputs }]) => {
  recordOf.set(inputs, record);
  record.submit = now();
  const rows = await call();
  record.computed = now();
  return rows;
});
wrap(TrackedResponse, 'end', (record, call) => {
  record.answer = now();
  const response = call();
  record.written = now();
  if (record.embedded !== undefined) finished.push(record);
  return response;
});
/** What was taken from the queue and not posted yet: a batch is posted in the turn in which it is taken. */
let taken = [];
wrap(Queue, 'take', (_, call) => {
  taken = call();
  return taken;
});
wrap(RequestSender, 'send', (_, call, [n]) => {
  notePost(Array.from({ length: n }, (_, rank) => rank));
  return call();
});
wrap(RequestSender, 'sendTo', (_, call, [rank]) => {
  notePost([rank]);
  return call();
});
wrap(Worker, 'postMessage', (_, call, [message]) => {
  if (message.method === 'run' && taken.length > 0) notePost(workers.map((_, rank) => rank));
  return call();
});

/** @param ranks the workers that compute it, the one that answers first */
function notePost(ranks) {
  const batch = { posted: now(), nInputs: taken.length, ranks };
  batches.push(batch);
  for (const { job } of taken) Object.assign(recordOf.get(job.inputs) ?? {}, { batch });
  taken = [];
}

const workers = [];
process.on('worker', (worker) => workers.push(worker));

/** What each rank has computed since the last call. */
async function runsOfRanks() {
  return Promise.all(
    workers.map(async (worker) => {
      worker.postMessage({ kind: 'timeline' });
      for (;;) {
        const [message] = await once(worker, 'message');
        if (message.kind === 'timeline') return message.runs;
      }
    }),
  );
}

/** Milliseconds of processor time that this thread has taken; 0 before Node 24, which cannot tell. */
function threadTime() {
  const { user, system } = process.threadCpuUsage?.() ?? { user: 0, system: 0 };
  return (user + system) / 1000;
}

const workerUrl = new URL('./worker.mjs', import.meta.url);
const packing = process.env.GGUF_EMBED_PACKING !== '0';
const embedder = await Embedder.load(model, { backend: 'wasm', threads, precision, packing, profile: true, workerUrl });
const server = await listen(createApp(embedder), { host: '127.0.0.1', port: 0 });

/** Milliseconds of single calls in this process, without HTTP. */
async function embedHere(n) {
  const times = [];
  for (let i = 0; i < n; i++) {
    const start = now();
    await embedder.embed(text);
    times.push(now() - start);
  }
  return times;
}

/** Single calls on the calling thread, each with the milliseconds of its operations. */
async function embedWithoutWorker(n) {
  const options = { backend: 'wasm', threads: 1, worker: false, precision, packing, profile: true };
  const local = await Embedder.load(model, options);
  const calls = [];
  let before = {};
  for (let i = 0; i < n; i++) {
    const begin = now();
    await local.embed(text);
    const end = now();
    const all = Object.fromEntries((await local.profile()).map(({ op, milliseconds }) => [op, milliseconds]));
    const ops = Object.fromEntries(Object.entries(all).map(([op, sum]) => [op, sum - (before[op] ?? 0)]));
    calls.push({ begin, end, barrier: 0, ops });
    before = all;
  }
  await local.dispose();
  return calls;
}

const answers = {
  async begin() {
    await runsOfRanks();
    finished = [];
    batches = [];
    return threadTime();
  },
  async end({ before }) {
    const ranks = await runsOfRanks();
    return { finished, batches, ranks, cpu: threadTime() - before };
  },
  async here({ n }) {
    await embedHere(50);
    await runsOfRanks();
    return { times: await embedHere(n), ranks: await runsOfRanks() };
  },
  async withoutWorker({ n }) {
    return (await embedWithoutWorker(n + 50)).slice(50);
  },
};
process.on('message', async ({ name, ...params }) => process.send(await answers[name](params)));
process.on('disconnect', () => process.exit());
process.send({ port: server.port, description: embedder.info.backendDescription, version: `Node ${process.version}` });
