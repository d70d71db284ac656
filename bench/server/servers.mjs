// Starting the servers that are measured, each as its own process on a free port.
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from '../spawn.mjs';
import { load } from './client.mjs';

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Milliseconds in which a server has to be ready. */
const longestStart = 180_000;

/** Milliseconds in which it has to end, once it is told to. */
const longestStop = 10_000;

async function start(command, args, port, env) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output = (output + data).slice(-4000);
    });
  }
  const latest = performance.now() + longestStart;
  while (performance.now() < latest) {
    const end = child.signalCode ?? child.exitCode;
    if (end !== null) throw new Error(`${command} ended with ${end}:\n${output}`);
    const ready = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(5000) })
      .then((r) => r.ok)
      .catch(() => false);
    if (ready) {
      let stopped = false;
      const closed = new Promise((resolve) => child.once('close', resolve));
      /** Waits for what is asked of the server. An error names the server, and if it has died of it, is what it printed last. */
      const answered = async (asked) => {
        try {
          return await asked;
        } catch (error) {
          await Promise.race([closed, sleep(1000)]);
          const end = child.signalCode ?? child.exitCode;
          if (end === null || stopped) throw new Error(`${command}: ${error.message}`, { cause: error });
          throw new Error(`${command} ended with ${end}:\n${output}`, { cause: error });
        }
      };
      return {
        port,
        pid: child.pid,
        answered,
        /** Loads the server as `load` does. */
        load: (how) => answered(load({ port, ...how })),
        stop(signal = 'SIGTERM') {
          stopped = true;
          child.kill(signal);
          // A server that hangs does not end by itself.
          const timer = setTimeout(() => child.kill('SIGKILL'), longestStop);
          return closed.then(() => clearTimeout(timer));
        },
      };
    }
    await sleep(100);
  }
  child.kill('SIGKILL');
  throw new Error(`${command} was not ready after ${longestStart / 1000} seconds:\n${output}`);
}

/** gguf-embed as built in `dist`, on a free port unless one is given. `nodeArgs` are options of Node, `env` further variables. */
export async function startOurs({
  node,
  model,
  threads,
  args = [],
  nodeArgs = [],
  env = {},
  dist = new URL('../../dist/', import.meta.url),
  ...at
}) {
  const port = at.port ?? (await freePort());
  const main = new URL('cli/main.js', dist).pathname;
  const options = ['-m', model, '-t', String(threads), '--port', String(port), ...args];
  return start(node, [...nodeArgs, main, 'serve', ...options], port, env);
}

/** A native llama-server with the best settings found for it: eight slots, batches of 2048 tokens, a thread for each connection. */
export async function startLlama({ binary, model, threads }) {
  const port = await freePort();
  const args = [
    '-m',
    model,
    '--embedding',
    '-t',
    String(threads),
    '-tb',
    String(threads),
    '-np',
    '8',
    '-b',
    '2048',
    '-ub',
    '2048',
    '-c',
    '4096',
  ];
  return start(binary, [...args, '--host', '127.0.0.1', '--port', String(port), '--log-disable'], port);
}
