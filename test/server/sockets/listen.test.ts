/**
 * @file The sockets: HTTPS, the limit of connections, connections that are kept, bodies in chunks.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { createApp } from '../../../src/server/index.ts';
import { type Listening, type ListenOptions, listen } from '../../../src/server/sockets/listen.node.ts';
import { fixture } from '../http-fixture.ts';

let embedder: Embedder;
const servers: Listening[] = [];
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await embedder?.dispose();
});

async function start(options: Partial<ListenOptions> = {}): Promise<Listening> {
  const server = await listen(createApp(embedder), { host: '127.0.0.1', port: 0, ...options });
  servers.push(server);
  return server;
}

/** A connection, once it is open. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
  });
}

/** What comes back until `end` matches. */
function answerOf(socket: Socket, sent: string, end: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    socket.on('data', (data) => {
      received += data;
      if (end.test(received)) resolve(received);
    });
    socket.on('close', () => reject(new Error(`closed after: ${received}`)));
    socket.write(sent);
  });
}

it('HTTPS', async () => {
  const key = readFileSync(fixture('tls/key.pem'), 'utf8');
  const cert = readFileSync(fixture('tls/cert.pem'), 'utf8');
  const { url } = await start({ tls: { key, cert } });
  expect(url).toMatch(/^https:/);
  const agent = new Agent({ ca: cert });
  const body = await new Promise<string>((resolve, reject) => {
    request(`${url}/tokenize`, { method: 'POST', agent }, (answer) => {
      let text = '';
      answer.on('data', (data) => (text += data)).on('end', () => resolve(text));
    })
      .on('error', reject)
      .end('{"content":"a"}');
  });
  expect(JSON.parse(body).tokens).toEqual(embedder.tokenize('a', { addSpecial: false }));
  agent.destroy();
});

it('closes connections over the limit at once, and serves the others', async () => {
  const { port } = await start({ maxConnections: 2 });
  const kept = [await open(port), await open(port)];
  const over = await open(port);
  await new Promise((resolve) => over.on('close', resolve).on('error', () => {}));
  for (const socket of kept) {
    expect(await answerOf(socket, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n', /ok"\}$/)).toContain('200 OK');
  }
  kept[0].destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await answerOf(await open(port), 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n', /ok"\}$/)).toContain('200 OK');
});

it('reads a body in chunks, and keeps the connection after answers and errors', async () => {
  const { port } = await start();
  const socket = await open(port);
  const post = 'POST /tokenize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  const whole = await answerOf(socket, `${post}8\r\n{"conten\r\n7\r\nt":"a"}\r\n0\r\n\r\n`, /\]\}$/);
  expect(whole).toContain(`{"tokens":${JSON.stringify(embedder.tokenize('a', { addSpecial: false }))}}`);
  socket.removeAllListeners('data');
  expect(await answerOf(socket, `${post}1\r\n{\r\n0\r\n\r\n`, /error"\}\}$/)).toContain('HTTP/1.1 400 Bad Request');
  socket.removeAllListeners('data');
  expect(await answerOf(socket, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n', /ok"\}$/)).toContain('200 OK');
});
