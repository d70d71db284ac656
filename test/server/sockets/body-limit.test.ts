/**
 * @file Bodies over the limit: the client gets 413, and its connection ends.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { createApp } from '../../../src/server/index.ts';
import { type Listening, listen } from '../../../src/server/sockets/listen.node.ts';
import { fixture } from '../http-fixture.ts';
import { open, openTls } from '../raw-connection.ts';

const LIMIT = 1000;
const chunk = `800\r\n${' '.repeat(2048)}\r\n`;

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterAll(() => embedder?.dispose());

describe.each(['HTTP', 'HTTPS'])('%s', (scheme) => {
  let server: Listening;
  beforeAll(async () => {
    const pem = (name: string) => readFileSync(fixture(`tls/${name}.pem`), 'utf8');
    const tls = scheme === 'HTTPS' ? { key: pem('key'), cert: pem('cert') } : undefined;
    server = await listen(createApp(embedder, { bodyLimit: LIMIT }), { host: '127.0.0.1', port: 0, tls });
  });
  afterAll(() => server.close());

  const connectTo = scheme === 'HTTPS' ? openTls : open;

  async function post(header: string, sent: string) {
    const connection = await connectTo(server.port);
    connection.socket.on('error', () => {});
    connection.socket.write(`POST /v1/embeddings HTTP/1.1\r\n${header}\r\n\r\n${sent}`);
    return connection;
  }

  /** Expects the whole answer, and that it announces the end. */
  function expectRefusal(received: string) {
    const [head, body] = received.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 413 /);
    expect(head).toMatch(/^Connection: close$/m);
    expect(JSON.parse(body).error.message).toBe(`the body is larger than ${LIMIT} bytes`);
  }

  it.each([
    ['a body in chunks', 'Transfer-Encoding: chunked', `${chunk}0\r\n\r\n`],
    ['a declared body', 'Content-Length: 2048', ' '.repeat(2048)],
  ])('%s that has arrived', async (_, header, sent) => {
    const started = performance.now();
    const { received, closed } = await post(header, sent);
    await closed;
    expectRefusal(received());
    // Kept connections end after five seconds, too.
    expect(performance.now() - started).toBeLessThan(4000);
  });

  it.each([
    ['in chunks', 'Transfer-Encoding: chunked', chunk],
    ['declared', 'Content-Length: 1000000000', ' '.repeat(2048)],
  ])('a body %s whose client only waits', async (_, header, sent) => {
    const { received, closed } = await post(header, sent);
    await closed;
    expectRefusal(received());
  });

  it('a body in chunks whose client sends on', async () => {
    const { socket, received, closed } = await post('Transfer-Encoding: chunked', chunk);
    const timer = setInterval(() => socket.write(chunk), 5);
    await closed;
    clearInterval(timer);
    expectRefusal(received());
  });

  it('a packed body is read to its end, so that the connection ends without an error', async () => {
    const packed = gzipSync(randomBytes(4_000_000));
    const { socket, received, closed } = await connectTo(server.port);
    let failure: Error | undefined;
    socket.on('error', (error) => (failure = error));
    socket.write('POST /v1/embeddings HTTP/1.1\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n');
    const started = performance.now();
    for (let at = 0; at < packed.length && !socket.destroyed; at += 65536) {
      const piece = packed.subarray(at, at + 65536);
      socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      socket.write('\r\n');
      await setImmediate();
    }
    socket.write('0\r\n\r\n');
    await closed;
    expect(failure).toBeUndefined();
    expectRefusal(received());
    expect(performance.now() - started).toBeLessThan(4000);
  });
});
