/**
 * @file SIGTERM, to the server as a process, while connections are in every state in which a connection can be: what was
 * accepted is answered, everything else is closed, and the process ends soon.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { finished, model, start } from '../../cli/run.ts';
import { fixture } from '../http-fixture.ts';
import { type Connection, open, openTls } from '../raw-connection.ts';

/** Most milliseconds from the signal, or from the last answer, to the end of the process; half of it is for slow machines. */
const BOUND = 2000;

const tlsFlags = ['key', 'cert'].flatMap((name) => [`--ssl-${name}-file`, fileURLToPath(fixture(`tls/${name}.pem`))]);

const children: ChildProcessWithoutNullStreams[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A server as a process, and how its end is waited for. */
interface Running {
  readonly port: number;
  /** Sends SIGTERM. @returns milliseconds until the process had ended, with code 0 */
  stop(): Promise<number>;
}

async function serve(...flags: string[]): Promise<Running> {
  const child = start(['serve', '-m', model('bert-mean'), '--port', '0', '-t', '1', ...flags]);
  children.push(child);
  let log = '';
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.on('data', (data) => {
      log += data;
      const found = /listening on https?:.*:(\d+)\n/.exec(log);
      if (found) resolve(Number(found[1]));
    });
    child.on('close', () => reject(new Error(log)));
  });
  const end = finished(child);
  return {
    port,
    async stop() {
      const started = performance.now();
      child.kill('SIGTERM');
      const { code } = await Promise.race([
        end,
        new Promise<never>((_, reject) => setTimeout(() => reject(new Error('still running')), 8000)),
      ]);
      expect(code).toBe(0);
      return performance.now() - started;
    },
  };
}

/** Opens a connection that is closed after the test. */
const openers = {
  async tcp(where: number | string) {
    const connection = await open(where);
    sockets.push(connection.socket);
    return connection;
  },
  async tls(where: number | string) {
    const connection = await openTls(where);
    sockets.push(connection.socket);
    return connection;
  },
};

/** The beginning of a TLS handshake: of a ClientHello of 256 bytes, the first few. */
const halfHandshake = Buffer.from([0x16, 0x03, 0x01, 0x01, 0x00, 0x01, 0x00, 0x00, 0xfc, 0x03, 0x03]);

const get = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
const post = (body: string, length = Buffer.byteLength(body)) =>
  `POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What a client does that gets no answer to anything it has not got by then. */
const states: readonly (readonly [string, (client: Connection) => unknown])[] = [
  ['nothing sent', () => {}],
  ['half a request line', ({ socket }) => socket.write('GET /hea')],
  ['half a header', ({ socket }) => socket.write('POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-')],
  ['a header that dribbles', ({ socket }) => dribble(socket, `GET / HTTP/1.1\r\nX: ${'x'.repeat(1000)}`)],
  ['half a body', ({ socket }) => socket.write(post('{"input":', 1000))],
  [
    'no body after 100-continue',
    ({ socket }) => socket.write(post('', 9).replace('\r\n', '\r\nExpect: 100-continue\r\n')),
  ],
  ['a body that dribbles', ({ socket }) => dribble(socket, post('{"input":"aaaaaaaaaaaaaaaaaaaa', 2 ** 20))],
  [
    'chunks that dribble',
    ({ socket }) =>
      dribble(
        socket,
        `POST /tokenize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\na\r\n'.repeat(500)}`,
      ),
  ],
  ['a large body that stops', ({ socket }) => socket.write(post(`{"input":"${'a '.repeat(50_000)}`, 2 ** 24))],
  [
    'idle after an answer',
    async ({ socket, received }) => {
      socket.write(get);
      await expect.poll(received).toContain('{"status":"ok"}');
    },
  ],
  [
    'half a second request',
    async ({ socket, received }) => {
      socket.write(`${get}GET /heal`);
      await expect.poll(received).toContain('{"status":"ok"}');
    },
  ],
  ['its half of the connection closed', ({ socket }) => socket.end()],
];

/** Sends the first part at once and the rest byte by byte. */
function dribble(socket: Socket, text: string): void {
  socket.write(text.slice(0, 100));
  let at = 100;
  const timer = setInterval(() => socket.write(text.slice(at, ++at) || ' '), 20);
  socket.on('close', () => clearInterval(timer));
}

describe.each([
  ['TCP', [] as string[], openers.tcp],
  ['TLS', tlsFlags, openers.tls],
])('SIGTERM over %s', (_, flags, connect) => {
  it.each(states)('%s', async (_, act) => {
    const server = await serve(...flags);
    const client = await connect(server.port);
    await act(client);
    await pause(100);
    expect(await server.stop()).toBeLessThan(BOUND);
    await client.closed;
    expect(client.received()).not.toContain('HTTP/1.1 5');
  });

  it('all of it at once, beside requests that are answered', async () => {
    const server = await serve(...flags);
    for (const [, act] of states) await act(await connect(server.port));
    const working = await connect(server.port);
    const pipelined = await connect(server.port);
    const inputs = JSON.stringify({ input: Array(300).fill('one two three four five six seven '.repeat(10)) });
    working.socket.write(post(inputs));
    pipelined.socket.write(post(inputs) + post('{"input":"a"}') + get);
    await pause(300);
    let answeredAt = 0;
    for (const { socket } of [working, pipelined]) socket.on('data', () => (answeredAt = performance.now()));
    const started = performance.now();
    const lasted = await server.stop();
    await Promise.all([working.closed, pipelined.closed]);
    expect(lasted - Math.max(0, answeredAt - started)).toBeLessThan(BOUND);
    const answers = working.received();
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(1);
    expect(answers).toMatch(/^Connection: close\r$/m);
    expect(JSON.parse(answers.split('\r\n\r\n')[1]).data).toHaveLength(300);
    // Three answers, of which only the last one ends the connection.
    const [first, second, third] = pipelined.received().split(/(?=HTTP\/1\.1 )/);
    expect(JSON.parse(first.split('\r\n\r\n')[1]).data).toHaveLength(300);
    expect(JSON.parse(second.split('\r\n\r\n')[1]).data).toHaveLength(1);
    expect(third).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\{"status":"ok"\}$/s);
    expect(first + second).not.toContain('Connection: close');
  });

  const large = JSON.stringify({ input: Array(300).fill('a'), dimensions: 65536 });

  it('an answer that nobody reads', async () => {
    const server = await serve(...flags);
    const deaf = await connect(server.port);
    deaf.socket.pause();
    deaf.socket.write(post(large));
    await pause(3000);
    const lasted = await server.stop();
    expect(lasted).toBeGreaterThan(400);
    expect(lasted).toBeLessThan(BOUND);
  });

  it('an answer that is read late arrives as a whole', async () => {
    const server = await serve(...flags);
    const { socket, closed, received } = await connect(server.port);
    socket.pause();
    socket.write(post(large));
    await pause(3000);
    const stopped = server.stop();
    await pause(200);
    socket.resume();
    await Promise.all([stopped, closed]);
    expect(JSON.parse(received().split('\r\n\r\n')[1]).data).toHaveLength(300);
  });
});

describe('SIGTERM over TLS before the handshake is complete', () => {
  it.each([
    ['nothing sent', ''],
    ['half a handshake', halfHandshake],
    ['plain HTTP', get],
  ])('%s', async (_, sent) => {
    const server = await serve(...tlsFlags);
    const client = await openers.tcp(server.port);
    client.socket.write(sent);
    await pause(100);
    expect(await server.stop()).toBeLessThan(BOUND);
    await client.closed;
  });
});

it('SIGTERM over a UNIX socket with TLS', async () => {
  const path = `${process.env.TMPDIR ?? '/tmp'}/stop-${process.pid}.sock`;
  const child = start(['serve', '-m', model('bert-mean'), '-t', '1', '--host', path, ...tlsFlags]);
  children.push(child);
  await expect.poll(() => child.stderr.read()?.toString() ?? '', { timeout: 20_000 }).toContain('listening on unix:');
  const silent = await openers.tcp(path);
  const idle = await openers.tls(path);
  const end = finished(child);
  child.kill('SIGTERM');
  await Promise.all([silent.closed, idle.closed]);
  expect((await end).code).toBe(0);
});
