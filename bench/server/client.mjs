// A small HTTP/1.1 client for load: raw sockets, keep-alive, one request at a time per connection. It costs the machine
// far less than a general client, which matters when server and load share two cores.
import { connect } from 'node:net';
import { quantile } from '../turns.mjs';

/**
 * One client. `post(path, body)` resolves to `{status, body}` (body as Buffer). Opens a new connection after `lifetime`
 * requests or when the server has closed the last one (llama-server does after 100 requests).
 */
function makeClient(port, lifetime) {
  let socket;
  let served = 0;
  let pending;
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
      need = headerLength + Number(/\r\ncontent-length: *(\d+)/i.exec(head)[1]);
    }
    if (received < need) return;
    const body = Buffer.concat(chunks).subarray(headerLength, need);
    const { resolve } = pending;
    pending = undefined;
    served++;
    resolve({ status, body });
  }

  function write(request) {
    chunks = [];
    received = 0;
    need = -1;
    if (!socket || socket.destroyed || socket.readableEnded || served >= lifetime) {
      socket?.destroy();
      served = 0;
      const opened = connect({ port, host: '127.0.0.1', noDelay: true });
      socket = opened;
      opened.on('data', onData);
      opened.on('error', () => opened.destroy());
      opened.on('close', () => {
        if (socket !== opened) return;
        socket = undefined;
        if (!pending) return;
        if (received === 0 && pending.tries++ < 3) write(pending.request);
        else pending.reject(new Error('the server closed the connection in the middle of an answer'));
      });
    }
    socket.write(request);
  }

  return {
    post(path, body) {
      const request = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      return new Promise((resolve, reject) => {
        pending = { resolve, reject, request, tries: 0 };
        write(request);
      });
    },
    close: () => socket?.destroy(),
  };
}

/**
 * Keeps `clients` connections busy for `seconds` (whole requests only) with bodies taken in turn.
 * @returns requests/s, tokens/s (from `usage`), latencies in ms
 */
export async function load({ port, clients, seconds, bodies, path = '/v1/embeddings' }) {
  const connections = Array.from({ length: clients }, (_, i) => makeClient(port, 30 + ((i * 37) % 61)));
  // Connections open one after the other and live for different numbers of requests: a server with a short listen queue
  // drops those that come all at once, and TCP's retries after 1, 3 and 7 s would then be what is measured.
  for (const connection of connections) await connection.post(path, bodies[0]);
  const latencies = [];
  let tokens = 0;
  let next = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < end) {
        const body = bodies[next++ % bodies.length];
        const start = performance.now();
        const answer = await connection.post(path, body);
        latencies.push(performance.now() - start);
        if (answer.status !== 200) throw new Error(`status ${answer.status}: ${answer.body.toString().slice(0, 300)}`);
        const usage =
          /"prompt_tokens":(\d+)/.exec(answer.body.toString('latin1', 0, 200)) ??
          /"prompt_tokens":(\d+)/.exec(answer.body.toString('latin1'));
        tokens += Number(usage[1]);
      }
    }),
  );
  const took = (performance.now() - begin) / 1000;
  for (const connection of connections) connection.close();
  latencies.sort((a, b) => a - b);
  const at = (part) => quantile(latencies, part);
  return { requestsPerSecond: latencies.length / took, tokensPerSecond: tokens / took, p50: at(0.5), p99: at(0.99) };
}
