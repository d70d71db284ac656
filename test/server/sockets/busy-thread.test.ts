/**
 * @file A thread that was busy for longer than a time limit first reads what has arrived meanwhile, and then judges its clients. The
 * clients here are in the same thread: what they send lies in the socket before the thread becomes busy.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { AnswerHeaders } from '../../../src/server/http/answer-headers.ts';
import { type Listening, type ListenOptions, listen } from '../../../src/server/sockets/listen.node.ts';
import { fixture } from '../http-fixture.ts';
import { type Connection, open, openTls } from '../raw-connection.ts';

const servers: Listening[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const ANSWER = 'an answer';

async function start(body: string, options: Partial<ListenOptions> = {}): Promise<Listening> {
  const app = { handle: async () => ({ status: 200, headers: new AnswerHeaders(), body }) };
  const server = await listen(app, { host: '127.0.0.1', port: 0, ...options });
  servers.push(server);
  return server;
}

async function connected(opening: Promise<Connection>): Promise<Connection> {
  const connection = await opening;
  sockets.push(connection.socket);
  return connection;
}

const countOf = ({ received }: Connection) => received().split(ANSWER).length - 1;
const until = async (isTrue: () => boolean, milliseconds = 5000) => {
  for (const begin = performance.now(); !isTrue() && performance.now() - begin < milliseconds; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const block = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
const pem = (name: string) => readFileSync(fixture(`tls/${name}.pem`), 'utf8');

describe.each([
  ['HTTP', {}, open],
  ['HTTPS', { tls: { key: pem('key'), cert: pem('cert') } }, openTls],
] as const)('%s', (_, options, openTo) => {
  it('answers requests on kept connections, which then are closed when nothing more comes', async () => {
    const { port } = await start(ANSWER, options);
    const [before, after] = [await connected(openTo(port)), await connected(openTo(port))];
    for (const { socket } of [before, after]) socket.write(get);
    await until(() => countOf(before) + countOf(after) === 2);
    expect(before.received()).toMatch(/Keep-Alive: timeout=5\r\n/);
    before.socket.write(get);
    block(6500);
    // The client in this thread can send only when the time of the connection is over.
    await new Promise((resolve) => setTimeout(resolve, 50));
    after.socket.write(get);
    await until(() => countOf(before) + countOf(after) === 4);
    expect([countOf(before), countOf(after)]).toEqual([2, 2]);
    const answered = performance.now();
    await Promise.all([before.closed, after.closed]);
    expect(performance.now() - answered).toBeGreaterThan(4500);
    expect(performance.now() - answered).toBeLessThan(30_000);
  });
});

it('answers requests that have arrived when it is told to stop', async () => {
  const { port, close } = await start(ANSWER);
  const connection = await connected(open(port));
  connection.socket.write(get);
  await until(() => countOf(connection) === 1);
  // Timers come next, before anything is read.
  await new Promise((resolve) => setImmediate(resolve));
  connection.socket.write(get);
  const stopped = close();
  block(500);
  await stopped;
  await connection.closed;
  expect(countOf(connection)).toBe(2);
});

it('does not take a client for one that reads nothing', async () => {
  const { port, close } = await start('x'.repeat(50e6));
  const connection = await connected(open(port));
  connection.socket.write(get);
  await until(() => connection.received().length > 1e6);
  const stopped = close();
  // Longer than a client may pause while the server stops.
  block(1200);
  await stopped;
  await connection.closed;
  expect(connection.received().length).toBeGreaterThan(50e6);
});
