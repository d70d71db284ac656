/**
 * @file Connections on which something else follows the requests: bytes that are not HTTP, an end of the client's half, another protocol.
 */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { AnswerHeaders } from '../../../src/server/http/answer-headers.ts';
import { createApp } from '../../../src/server/index.ts';
import { type Listening, type ListenOptions, listen } from '../../../src/server/sockets/listen.node.ts';
import { type DelayedEngine, delayed } from '../delayed-engine.ts';
import { fixture } from '../http-fixture.ts';
import { open, openTls } from '../raw-connection.ts';

let embedder: Embedder;
let server: Listening;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterEach(() => server.close());
afterAll(() => embedder?.dispose());

async function start(limits: Partial<ListenOptions> = {}): Promise<DelayedEngine> {
  const engine = delayed(embedder);
  server = await listen(createApp(engine), { host: '127.0.0.1', port: 0, ...limits });
  return engine;
}

function post(text: string, header = ''): string {
  const body = JSON.stringify({ input: text });
  return `POST /v1/embeddings HTTP/1.1\r\nHost: x\r\n${header}Content-Length: ${body.length}\r\n\r\n${body}`;
}

const statuses = (received: string) => Array.from(received.matchAll(/HTTP\/1\.1 (\d+)/g), ([, status]) => status);

describe('what follows complete requests', () => {
  it.each<[string, string, string[], string]>([
    ['bytes that are not HTTP', 'garbage\r\n\r\n', ['200', '200', '400'], 'expected an HTTP request'],
    ['more of the body than declared', '}', ['200', '200', '400'], 'expected an HTTP request'],
    [
      'a header without a colon',
      'GET / HTTP/1.1\r\nno colon\r\n\r\n',
      ['200', '200', '400'],
      'expected an HTTP request',
    ],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\n\r\n', ['200', '200', '400'], 'this server is no proxy'],
    [
      'a chunk without a size',
      'POST /tokenize HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
      ['200', '200', '400'],
      'expected an HTTP request',
    ],
  ])('%s is refused after their answers', async (_, rest, expected, message) => {
    const engine = await start();
    const { socket, received, closed } = await open(server.port);
    socket.write(`${post('a')}${post('b')}${rest}`);
    await expect.poll(() => engine.nCalls).toBe(2);
    socket.write('more\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    engine.release();
    await closed;
    expect(statuses(received())).toEqual(expected);
    expect(received()).toContain(message);
  });

  it('a request after one with Connection: close is not answered, but that one is', async () => {
    const engine = await start();
    const { socket, received, closed } = await open(server.port);
    socket.write(`${post('a', 'Connection: close\r\n')}${post('b')}`);
    await expect.poll(() => engine.nCalls).toBe(1);
    engine.release();
    await closed;
    expect(statuses(received())).toEqual(['200']);
  });
});

const pem = (name: string) => readFileSync(fixture(`tls/${name}.pem`), 'utf8');

describe.each([
  ['HTTP', {}, open],
  ['HTTPS', { tls: { key: pem('key'), cert: pem('cert') } }, openTls],
])('%s: a client that closes its half of the connection', (_, limits, connect) => {
  it('gets its answers, however late they are', async () => {
    const engine = await start(limits);
    const { socket, received, closed } = await connect(server.port);
    socket.end(`${post('a')}${post('b')}`);
    await expect.poll(() => engine.nCalls).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    engine.release();
    await closed;
    expect(statuses(received())).toEqual(['100', '100', '100', '100', '200', '200']);
  });

  it('and is gone has its request ended', async () => {
    const engine = await start(limits);
    const { socket } = await connect(server.port);
    socket.write(post('a'));
    await expect.poll(() => engine.nCalls).toBe(1);
    socket.destroy();
    await expect.poll(() => engine.calls[0].signal?.aborted).toBe(true);
    engine.release();
  });

  it('with HTTP/1.0 counts as gone after half a second', async () => {
    const engine = await start(limits);
    const { socket, received, closed } = await connect(server.port);
    socket.end(post('a').replace('HTTP/1.1', 'HTTP/1.0'));
    await closed;
    expect(engine.calls[0].signal?.aborted).toBe(true);
    engine.release();
    expect(received()).toBe('');
  });

  it('counts as gone half a second into a stream that goes on', async () => {
    const cancelled = new Promise<void>((cancel) => {
      const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (c) => c.enqueue(new TextEncoder().encode('a')),
        cancel,
      });
      const handle = async () => ({ status: 200, headers: new AnswerHeaders(), body });
      void listen({ handle }, { host: '127.0.0.1', port: 0, ...limits }).then(async (listening) => {
        server = listening;
        const { socket } = await connect(server.port);
        socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      });
    });
    await cancelled;
  });

  it('within a request is told so', async () => {
    await start(limits);
    const { socket, received, closed } = await connect(server.port);
    socket.end(post('a').slice(0, -1));
    await closed;
    expect(statuses(received())).toEqual(['400']);
    expect(received()).toContain('the connection ended before the request was complete');
  });
});

describe('other protocols', () => {
  it.each([
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP/2.0 is not supported: use HTTP/1.1 or HTTP/1.0'],
    ['that of a proxy', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', 'this server is no proxy'],
  ])('%s is refused with a reason', async (_, text, message) => {
    await start();
    const { socket, received, closed } = await open(server.port);
    socket.write(text);
    await closed;
    expect(statuses(received())).toEqual(['400']);
    expect(received()).toContain(message);
  });
});
