/**
 * @file Requests through shared memory, with real workers: of the built package, because Node 20 starts no workers from TypeScript.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';

const built = new URL('../../build/modules/workers/index.js', import.meta.url).href;
const { canShareRequests, RequestSender } = (await import(built)) as typeof import('../../src/workers/index.ts');

/**
 * Answers `[n, value, team, nRead]` with `n` times `value` as soon as the whole team has read it; a team of 0 is the worker alone. A message `look` has it look for
 * requests; it answers every other message.
 */
const source = `
const { parentPort, workerData: { memory, rank } } = require('node:worker_threads');
import(${JSON.stringify(built)}).then(({ RequestReceiver }) => {
  const receiver = new RequestReceiver(memory, rank);
  let nSeen = 0;
  let nLooks = 0;
  parentPort.on('message', (message) => {
    if (message !== 'look') return parentPort.postMessage({ message, nSeen, nLooks });
    nLooks++;
    for (;;) {
      const received = receiver.next();
      if (received === undefined) return;
      nSeen++;
      const [n, value, team] = received.request;
      Atomics.add(received.request, 3, 1);
      if (rank > 0 && team > 0) continue;
      while (Atomics.load(received.request, 3) < team);
      if (n < 0) received.keep();
      else if (!received.answer(new Float32Array(n).fill(value))) received.keep();
    }
  });
  parentPort.postMessage('ready');
});
`;

const started: Worker[] = [];
afterEach(() => Promise.all(started.splice(0).map((worker) => worker.terminate())));

async function start(nWorkers = 1) {
  const sender = new RequestSender(nWorkers);
  const workers = await Promise.all(
    Array.from({ length: nWorkers }, async (_, rank) => {
      const worker = new Worker(source, { eval: true, workerData: { memory: sender.memory, rank } });
      started.push(worker);
      await once(worker, 'message');
      return worker;
    }),
  );
  const ask = (n: number, value: number, team = nWorkers) => {
    sender.request(0).set([n, value, team, 0]);
    sender.send(team, (rank) => workers[rank].postMessage('look'));
    return sender.receive(0);
  };
  const askOne = (rank: number, n: number, value: number) => {
    sender.request(rank).set([n, value, 0, 0]);
    sender.sendTo(rank, () => workers[rank].postMessage('look'));
    return sender.receive(rank);
  };
  /** Answered from the event loop of a worker. */
  const report = async (rank = 0): Promise<{ nSeen: number; nLooks: number }> => {
    sender.interrupt(rank);
    workers[rank].postMessage('report');
    const [answer] = await once(workers[rank], 'message');
    return answer;
  };
  return { sender, workers, ask, askOne, report };
}

it('is used in Node', () => expect(canShareRequests()).toBe(true));

describe('requests through shared memory', () => {
  it('are answered in order, without a message after the first', async () => {
    const { ask, report } = await start();
    for (let i = 0; i < 500; i++) expect(await ask(1 + (i % 7), i)).toEqual(new Float32Array(1 + (i % 7)).fill(i));
    const { nSeen, nLooks } = await report();
    expect(nSeen).toBe(500);
    expect(nLooks).toBeLessThan(50);
  });

  it('reach several workers, or the first few', async () => {
    const { ask, report } = await start(3);
    for (let i = 0; i < 60; i++) expect(await ask(2, i, 1 + (i % 3))).toEqual(Float32Array.of(i, i));
    expect((await report(0)).nSeen).toBe(60);
    expect((await report(1)).nSeen).toBe(40);
    expect((await report(2)).nSeen).toBe(20);
  });

  it('go to each worker by itself, and to all between', async () => {
    const { ask, askOne, report } = await start(3);
    for (let i = 0; i < 60; i++) {
      const own = await Promise.all([2, 0, 1].map((rank) => askOne(rank, 1 + rank, 10 * i + rank)));
      expect(own).toEqual([2, 0, 1].map((rank) => new Float32Array(1 + rank).fill(10 * i + rank)));
      // A worker that keeps its answer holds up no other.
      expect(await Promise.all([askOne(1, -1, 0), askOne(2, 1, i)])).toEqual([undefined, Float32Array.of(i)]);
      expect(await ask(2, i)).toEqual(Float32Array.of(i, i));
    }
    expect((await report(0)).nSeen).toBe(120);
    expect((await report(1)).nSeen).toBe(180);
  });

  it('to several workers all end with close', async () => {
    const { sender, workers } = await start(2);
    await Promise.all(workers.map((worker) => worker.terminate()));
    const waiting = [0, 1].map((rank) => {
      sender.sendTo(rank, () => {});
      return expect(sender.receive(rank)).rejects.toThrow('no worker');
    });
    sender.close(new Error('no worker'));
    await Promise.all(waiting);
  });

  it('wake a worker that has gone back to its event loop', async () => {
    const { ask, report } = await start();
    expect(await ask(1, 1)).toEqual(Float32Array.of(1));
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(await ask(1, 2)).toEqual(Float32Array.of(2));
    expect(await report()).toMatchObject({ nSeen: 2, nLooks: 2 });
  });

  it('let messages in between', async () => {
    const { ask, report } = await start();
    for (let i = 0; i < 20; i++) {
      expect(await ask(1, i)).toEqual(Float32Array.of(i));
      const begun = performance.now();
      expect((await report()).nSeen).toBe(i + 1);
      expect(performance.now() - begun).toBeLessThan(90);
    }
  });

  it('have no answer in the memory where the worker keeps it', async () => {
    const { ask } = await start();
    expect(await ask(-1, 0)).toBeUndefined();
    const largest = await ask(2 ** 18, 3);
    expect([largest?.length, largest?.every((value) => value === 3)]).toEqual([2 ** 18, true]);
    expect(await ask(2 ** 18 + 1, 3)).toBeUndefined();
    expect(await ask(1, 4)).toEqual(Float32Array.of(4));
  });

  it('end with the reason of close', async () => {
    const { sender, workers, ask } = await start();
    expect(await ask(1, 1)).toEqual(Float32Array.of(1));
    await workers[0].terminate();
    sender.request(0).set([1, 2, 1, 0]);
    sender.send(1, () => {});
    const waiting = expect(sender.receive(0)).rejects.toThrow('no worker');
    sender.close(new Error('no worker'));
    await waiting;
    await expect(sender.receive(0)).rejects.toThrow('no worker');
  });
});
