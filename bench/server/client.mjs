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
 * Keeps `clients` connections busy, each with one request at a time from `bodies` in turn. A round lasts until every client has had its first
 * answer, then for `seconds`, and then until every client has had its second one; the first and the last of these take `patience` seconds at
 * most. What is under way at the end is given up. So the server always has a request of each client.
 * @returns requests/s and tokens/s (from `usage`); quantiles of the latencies in ms, without the first request of each client, because those
 * that come first wait for few others: `undefined` without latencies, p99 below a hundred
 * @throws Error for another answer, and for a server that sends nothing for `silence` seconds
 */
export async function load(how) {
  const { port, clients, seconds, patience = 20, silence = longestSilence, bodies, path = '/v1/embeddings' } = how;
  const connections = Array.from({ length: clients }, (_, i) => makeClient(port, 30 + ((i * 37) % 61), silence));
  // Connections open one after the other and live for different numbers of requests: a server with a short listen queue
  // drops those that come all at once, and TCP's retries after 1, 3 and 7 s would then be what is measured.
  for (const connection of connections) await connection.open();
  const close = () => {
    for (const connection of connections) connection.close();
  };
  const latencies = [];
  /** When the answers of each client came, and their tokens. */
  const answers = connections.map(() => []);
  const haveAll = (n) => answers.every(({ length }) => length >= n);
  const begin = performance.now();
  let phase = 'first answers';
  let timer = setTimeout(() => enter('late'), patience * 1000);
  function enter(next) {
    clearTimeout(timer);
    phase = next;
    if (phase === 'seconds') timer = setTimeout(() => enter('second answers'), seconds * 1000);
    else if (phase === 'second answers') timer = setTimeout(close, patience * 1000);
    goOn();
  }
  /** Ends a phase that has what it waits for. */
  function goOn() {
    if (phase === 'first answers' && haveAll(1)) enter('seconds');
    else if (phase === 'late' && answers.some(({ length }) => length > 0)) close();
    else if (phase === 'second answers' && haveAll(2)) close();
  }
  let next = 0;
  const keepBusy = async (connection, i) => {
    for (;;) {
      const start = performance.now();
      const answer = await connection.post(path, bodies[next++ % bodies.length]);
      if (answer === undefined) return;
      const at = performance.now();
      if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.toString().slice(0, 300)}`);
      const usage =
        /"prompt_tokens":(\d+)/.exec(answer.body.toString('latin1', 0, 200)) ??
        /"prompt_tokens":(\d+)/.exec(answer.body.toString('latin1'));
      if (answers[i].length > 0) latencies.push(at - start);
      answers[i].push({ at, tokens: Number(usage[1]) });
      goOn();
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
  latencies.sort((a, b) => a - b);
  const p99 = latencies.length < fewestForP99 ? undefined : quantile(latencies, 0.99);
  return { ...ratesOf(answers, begin), p50: quantile(latencies, 0.5), p99 };
}

/**
 * The sum of what each client gets in a second, from its first answer to its last. A server that divides its work among the clients answers
 * all of them at about the same time. Answers in a given time would then depend on whether it ends before or after that. If a client has had
 * one answer or none, all answers since `begin` count.
 */
function ratesOf(answers, begin) {
  const all = answers.flat();
  if (answers.some(({ length }) => length < 2)) {
    const took = (Math.max(...all.map(({ at }) => at)) - begin) / 1000;
    const tokens = all.reduce((sum, answer) => sum + answer.tokens, 0);
    return { requestsPerSecond: all.length / took, tokensPerSecond: tokens / took };
  }
  let requestsPerSecond = 0;
  let tokensPerSecond = 0;
  for (const [first, ...later] of answers) {
    const took = (later.at(-1).at - first.at) / 1000;
    requestsPerSecond += later.length / took;
    tokensPerSecond += later.reduce((sum, answer) => sum + answer.tokens, 0) / took;
  }
  return { requestsPerSecond, tokensPerSecond };
}
