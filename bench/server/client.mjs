// A small HTTP/1.1 client for load: raw sockets, keep-alive, one request at a time per connection. It costs the machine
// far less than a general client, which matters when server and load share two cores.
import { once } from 'node:events';
import { connect } from 'node:net';
import { quantile } from '../turns.mjs';

/** Seconds after which a server that has sent nothing counts as hanging. */
const longestSilence = 600;

/** Below this many latencies there is no 99th percentile. */
const fewestForP99 = 100;

/**
 * One client. `post(path, body)` resolves to `{status, body}` (body as Buffer), or to `undefined` if `close` gives it up or came before. Opens a new
 * connection after `lifetime` requests or when the server has closed the last one (llama-server does after 100 requests).
 */
function makeClient(port, lifetime, silence) {
  let socket;
  let served = 0;
  let pending;
  let isClosed = false;
  let chunks = [];
  let received = 0;
  let need = -1;
  let headerLength = 0;
  let status = 0;

  function onData(chunk) {
    chunks.push(chunk);
    received += chunk.length;
    if (need < 0) {
      const all = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      chunks = [all];
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = all.toString('latin1', 0, end);
      status = Number(head.slice(9, 12));
      headerLength = end + 4;
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      if (length === undefined) return fail(`an answer with status ${status} has no Content-Length`);
      need = headerLength + Number(length);
    }
    if (received < need) return;
    const body = Buffer.concat(chunks).subarray(headerLength, need);
    const { resolve } = pending;
    pending = undefined;
    served++;
    resolve({ status, body });
  }

  function fail(message) {
    const failed = pending;
    pending = undefined;
    socket.destroy();
    failed?.reject(new Error(message));
  }

  function open() {
    socket?.destroy();
    served = 0;
    const opened = connect({ port, host: '127.0.0.1', noDelay: true });
    socket = opened;
    opened.on('data', onData);
    opened.on('error', () => opened.destroy());
    opened.setTimeout(silence * 1000, () => fail(`the server has not answered for ${silence} seconds`));
    opened.on('close', () => {
      if (socket !== opened) return;
      socket = undefined;
      if (!pending) return;
      if (received === 0 && pending.tries++ < 3) write(pending.request);
      else pending.reject(new Error('the server closed the connection in the middle of an answer'));
    });
    return opened;
  }

  function write(request) {
    chunks = [];
    received = 0;
    need = -1;
    if (!socket || socket.destroyed || socket.readableEnded || served >= lifetime) open();
    socket.write(request);
  }

  return {
    open: () => once(open(), 'connect'),
    async post(path, body) {
      if (isClosed) return undefined;
      const request = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      return new Promise((resolve, reject) => {
        pending = { resolve, reject, request, tries: 0 };
        write(request);
      });
    },
    close() {
      isClosed = true;
      const givenUp = pending;
      pending = undefined;
      socket?.destroy();
      givenUp?.resolve(undefined);
    },
  };
}

/**
 * Keeps `clients` connections busy, each with one request at a time from `bodies` in turn, until all have had an answer, for which they
 * have `patience` seconds, and then for `seconds`. What is under way at the end is given up. So the server always has a request of each
 * client.
 * @returns requests/s and tokens/s (from `usage`) of all answers; quantiles of the latencies in ms, without the first request of each client,
 * because those that come first wait for few others: `undefined` without latencies, p99 below a hundred
 * @throws Error for another answer, and for a server that sends nothing for `silence` seconds
 */
export async function load(how) {
  const { port, clients, seconds, patience = 20, silence = longestSilence, bodies, path = '/v1/embeddings' } = how;
  const connections = Array.from({ length: clients }, (_, i) => makeClient(port, 30 + ((i * 37) % 61), silence));
  // Connections open one after the other and live for different numbers of requests: a server with a short listen queue
  // drops those that come all at once, and TCP's retries after 1, 3 and 7 s would then be what is measured.
  for (const connection of connections) await connection.open();
  const latencies = [];
  let nAnswers = 0;
  let tokens = 0;
  let nWithoutAnswer = clients;
  let isLate = false;
  const close = () => {
    for (const connection of connections) connection.close();
  };
  let timer = setTimeout(() => {
    isLate = true;
    if (nAnswers > 0) close();
  }, patience * 1000);
  const begin = performance.now();
  let last = begin;
  let next = 0;
  const keepBusy = async (connection) => {
    for (let isFirst = true; ; isFirst = false) {
      const start = performance.now();
      const answer = await connection.post(path, bodies[next++ % bodies.length]);
      if (answer === undefined) return;
      last = performance.now();
      if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.toString().slice(0, 300)}`);
      const usage =
        /"prompt_tokens":(\d+)/.exec(answer.body.toString('latin1', 0, 200)) ??
        /"prompt_tokens":(\d+)/.exec(answer.body.toString('latin1'));
      tokens += Number(usage[1]);
      nAnswers++;
      if (isLate) close();
      if (!isFirst) latencies.push(last - start);
      else if (--nWithoutAnswer === 0) {
        clearTimeout(timer);
        timer = setTimeout(close, seconds * 1000);
      }
    }
  };
  try {
    await Promise.all(connections.map(keepBusy));
  } finally {
    clearTimeout(timer);
    close();
  }
  // What was given up may be computed all the same: the turn of the next server begins when this one answers again.
  const after = makeClient(port, 1, silence);
  await after.post(path, bodies[0]);
  after.close();
  const took = (last - begin) / 1000;
  latencies.sort((a, b) => a - b);
  const p99 = latencies.length < fewestForP99 ? undefined : quantile(latencies, 0.99);
  return { requestsPerSecond: nAnswers / took, tokensPerSecond: tokens / took, p50: quantile(latencies, 0.5), p99 };
}
