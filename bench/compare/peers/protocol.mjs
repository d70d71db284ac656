// JSON lines between the comparison and its peers: each side is a process of its own, so that each can run under its
// own Node, and none sees the other's heap, threads or flags. A request is {id, call, ...arguments}.

import { createInterface } from 'node:readline';
import { explained } from '../../options.mjs';
import { spawn } from '../../spawn.mjs';

/** Answers requests on stdin with `handlers`; ends with stdin. */
export function serve(handlers) {
  const lines = createInterface({ input: process.stdin });
  let queue = Promise.resolve();
  lines.on('line', (line) => {
    queue = queue.then(async () => {
      const { id, call, ...args } = JSON.parse(line);
      let answer;
      try {
        answer = { id, result: (await handlers[call](args)) ?? null };
      } catch (error) {
        answer = { id, error: explained(error) };
      }
      process.stdout.write(`\n@${JSON.stringify(answer)}\n`);
    });
  });
  lines.on('close', () => void queue.then(() => process.exit(0)));
}

/** Milliseconds in which a peer has to answer, the longest text of the largest model included, and in which it has to end. */
const longestAnswer = 3_600_000;
const longestStop = 10_000;

/** Starts a peer and returns `call(name, args)` and `stop()`. Lines that are no answers (a library's own output) are dropped. */
export function startPeer(node, script, { nodeArgs = [], env = {}, patience = longestAnswer } = {}) {
  const child = spawn(node, [...nodeArgs, script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const waiting = new Map();
  let errors = '';
  let end;
  let nextId = 0;
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-4000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('@')) return;
    const { id, result, error } = JSON.parse(line.slice(1));
    const { resolve, reject, timer } = waiting.get(id);
    clearTimeout(timer);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(result);
  });
  // That it is gone is said by 'close'.
  child.stdin.on('error', () => {});
  const closed = new Promise((resolve) => {
    child.on('close', (code, signal) => {
      end ??= new Error(`${script} ended with ${signal ?? `code ${code}`}:\n${errors}`);
      for (const { reject, timer } of waiting.values()) {
        clearTimeout(timer);
        reject(end);
      }
      waiting.clear();
      resolve();
    });
  });
  return {
    pid: child.pid,
    call(call, args = {}) {
      const id = nextId++;
      return new Promise((resolve, reject) => {
        if (end !== undefined) {
          reject(end);
          return;
        }
        const timer = setTimeout(() => {
          end ??= new Error(
            `${script} has not answered "${call}" for ${patience / 1000} seconds: is it stopped?\n${errors}`,
          );
          child.kill('SIGKILL');
        }, patience);
        waiting.set(id, { resolve, reject, timer });
        child.stdin.write(`${JSON.stringify({ id, call, ...args })}\n`);
      });
    },
    stop() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), longestStop);
      return closed.then(() => clearTimeout(timer));
    },
  };
}
