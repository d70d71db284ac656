// The compute worker of `npm run bench:request`: notes when it got each batch, when it answered, and where the time between went.
import { parentPort } from 'node:worker_threads';
import { Profile } from '../../build/modules/kernels/wasm/profile.js';
import { Barrier } from '../../build/modules/kernels/wasm/team.js';
import { RequestReceiver } from '../../build/modules/workers/shared-requests.js';
import { now } from './clock.mjs';

let runs = [];
let run;
/** The waits since the last step ended: when they began, and how long they took. */
let waits = [];

const { wait } = Barrier.prototype;
Barrier.prototype.wait = function (n) {
  const from = now();
  Reflect.apply(wait, this, [n]);
  const took = now() - from;
  waits.push({ from, took });
  if (run) run.barrier += took;
};

const { add } = Profile.prototype;
Profile.prototype.add = function (op, milliseconds, macs) {
  const begin = now() - milliseconds;
  const waited = waits.reduce((sum, { from, took }) => sum + (from >= begin ? took : 0), 0);
  waits = [];
  if (run) run.ops[op] = (run.ops[op] ?? 0) + milliseconds - waited;
  Reflect.apply(add, this, [op, milliseconds, macs]);
};

function begin() {
  run = { begin: now(), end: 0, barrier: 0, ops: {} };
  waits = [];
}

function end() {
  if (run === undefined) return;
  run.end = now();
  runs.push(run);
  run = undefined;
}

// A batch that comes through shared memory ends with its answer, or where the rank has none, when it waits for the next one.
const { next } = RequestReceiver.prototype;
RequestReceiver.prototype.next = function () {
  end();
  const received = Reflect.apply(next, this, []);
  if (received === undefined) return undefined;
  begin();
  const ending =
    (method) =>
    (...args) => {
      end();
      return method(...args);
    };
  return { ...received, answer: ending(received.answer), keep: ending(received.keep) };
};

const { on, postMessage } = parentPort;
parentPort.on = (event, listener) =>
  Reflect.apply(on, parentPort, [
    event,
    (message) => {
      if (message.kind === 'timeline') {
        Reflect.apply(postMessage, parentPort, [{ kind: 'timeline', runs }]);
        runs = [];
        return;
      }
      if (message.method === 'run') begin();
      listener(message);
    },
  ]);
parentPort.postMessage = (message, transfer) => {
  if (message.kind === 'result') end();
  Reflect.apply(postMessage, parentPort, [message, transfer]);
};

await import('../../build/modules/engine/team/team-worker.js');
