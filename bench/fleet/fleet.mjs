// Three servers behind a balancer: started, killed, drained and started again.
import { startOurs } from '../server/servers.mjs';
import { startBalancer } from './balancers.mjs';
import { Client } from './load.mjs';

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Time in which a balancer notices that a server is back, and gives it its full share. */
const SLOW_START = 12_000;
const NOTICED = 2000;

/** Starts three servers of one thread each, and the balancer. */
export async function startFleet({ balancer, model, flags }) {
  const args = [...flags, '--metrics'];
  const start = (port) => startOurs({ node: process.execPath, model, threads: 1, args, port });
  const servers = [];
  for (let i = 0; i < 3; i++) servers.push(await start());
  const ports = servers.map(({ port }) => port);
  const before = await startBalancer(balancer, ports);
  await pause(NOTICED);
  return {
    port: before.port,
    ports,
    /** Process ids of the balancer and of the servers. */
    pids: () => ({ balancer: before.pid, servers: servers.map(({ pid }) => pid) }),
    /** Ends a server by a signal. */
    end: (i, signal) => servers[i].stop(signal),
    /** Starts it again at its port, and waits until it has its full share. */
    async restart(i) {
      servers[i] = await start(ports[i]);
      await pause(SLOW_START);
    },
    async stop() {
      await before.stop();
      await Promise.all(servers.map((server) => server.stop('SIGKILL')));
    },
  };
}

/** Vectors of the texts, from one server. The texts also make each server compile what it runs often. */
export async function expectedVectors(ports, texts) {
  const expected = new Map();
  for (const port of ports) {
    const client = new Client(port);
    for (let round = 0; round < 3; round++) for (const text of texts) expected.set(text, await client.embed(text));
    client.close();
  }
  return expected;
}

/** Keeps the queue of one server full, past the balancer, for some seconds. */
export async function flood({ port, texts, maxQueue, seconds }) {
  // Servers take turns between addresses.
  const client = new Client(port, '127.0.0.2');
  const until = performance.now() + seconds * 1000;
  const one = async (_, i) => {
    for (let n = i; performance.now() < until; n++) {
      await client.embed(texts[n % texts.length]).catch(() => pause(20));
    }
  };
  await Promise.all(Array.from({ length: maxQueue + 4 }, one));
  client.close();
}
