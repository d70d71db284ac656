/**
 * @file What comes over a socket byte for byte: request lines, hosts and header names of all kinds, and bodies that are
 * declared but do not come.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { type AppOptions, createApp } from '../../../src/server/index.ts';
import { type Listening, type ListenOptions, listen } from '../../../src/server/sockets/listen.node.ts';
import { delayed } from '../delayed-engine.ts';
import { fixture } from '../http-fixture.ts';
import { type Connection, open } from '../raw-connection.ts';
import { send } from '../raw-request.ts';

let embedder: Embedder;
const servers: Listening[] = [];
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(() => embedder?.dispose());

async function start(
  options: AppOptions = {},
  limits: Partial<ListenOptions> = {},
  engine = embedder,
): Promise<number> {
  const server = await listen(createApp(engine, options), { host: '127.0.0.1', port: 0, ...limits });
  servers.push(server);
  return server.port;
}

/** The whole answer to a text, over a connection of its own. */
async function answerTo(port: number, text: string | Buffer): Promise<string> {
  const { socket, received, closed } = await open(port);
  socket.write(text);
  const isWhole = () => {
    const [, header, body] = /^(.*?\r\n)\r\n(.*)$/s.exec(received()) ?? [];
    if (header === undefined) return false;
    return text.toString().startsWith('HEAD') || Buffer.byteLength(body) === Number(/length: (\d+)/i.exec(header)?.[1]);
  };
  await expect.poll(isWhole, { timeout: 20_000 }).toBe(true);
  socket.destroy();
  await closed;
  return received();
}

describe('whoever is asked for', () => {
  it.each([
    ['no Host', ''],
    ['an empty one', 'Host:\r\n'],
    ['without its port', 'Host: localhost:\r\n'],
    ['with a port that is none', 'Host: localhost:99999999\r\n'],
    ['two words', 'Host: a b\r\n'],
    ['an IPv6 address', 'Host: [::1]:8080\r\n'],
    ['an IPv6 address with a zone', 'Host: [fe80::1%eth0]:8080\r\n'],
    ['an IPv6 address without brackets', 'Host: fe80::1\r\n'],
    ['UTF-8', 'Host: bücher.example\r\n'],
    ['a path', 'Host: a/b?c#d@e\\f\r\n'],
    ['a name with an underscore and capitals', 'Host: My_Host\r\n'],
    ['two of them', 'Host: a\r\nHost: b\r\n'],
  ])('Host: %s', async (_, host) => {
    const port = await start();
    for (const version of ['1.1', '1.0']) {
      const answer = await answerTo(port, `GET /health HTTP/${version}\r\n${host}\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\{"status":"ok"\}$/s);
      const body = '{"content":"a"}';
      const posted = `POST /tokenize HTTP/${version}\r\n${host}Content-Length: ${body.length}\r\n\r\n${body}`;
      expect(await answerTo(port, posted)).toContain('{"tokens":[');
    }
  });

  it('a large body without Host', async () => {
    const port = await start();
    const body = JSON.stringify({ content: 'a '.repeat(100_000) });
    const answer = await answerTo(port, `POST /tokenize HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    expect(answer).toContain('{"tokens":[');
  });
});

describe('request lines', () => {
  it.each([
    ['/health', 200],
    ['/health?a=b#c', 200],
    ['/health#part', 200],
    ['/health?a=../b\\c', 200],
    ['/he%61lth', 200],
    ['http://example.com/health', 200],
    ['HTTPS://user@[fe80::1%eth0]:1/health', 200],
    ['http://example.com', 404],
    ['/x/../health', 404],
    ['/x/%2e%2E/health', 404],
    ['/./health', 404],
    ['/health/.', 404],
    ['http://example.com/x/../health', 404],
    ['/x\\..\\health', 404],
    ['\\health', 400],
    ['//health', 404],
    ['//example.com/health', 404],
    ['/%zz', 404],
    ['/bücher', 400],
  ])('GET %s: %d', async (target, status) => {
    const answer = await answerTo(await start(), `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (status === 400)
      expect(JSON.parse(answer.split('\r\n\r\n')[1]).error.message).toContain('expected an HTTP request');
    if (status === 404) expect(JSON.parse(answer.split('\r\n\r\n')[1]).error.message).toBe('File Not Found');
  });

  it('a path that leads to a public one needs the key', async () => {
    const port = await start({ apiKeys: ['key'] });
    for (const target of ['/health/../props', '/props/../health', '/x/%2e%2e/health', '\\..\\health']) {
      expect(await answerTo(port, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 (401|400) /);
    }
  });

  it('OPTIONS * is a preflight', async () => {
    expect(await answerTo(await start(), 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  it.each(['2.0', '0.9'])('HTTP/%s is refused with a reason', async (version) => {
    const answer = await answerTo(await start(), `GET /health HTTP/${version}\r\nHost: x\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('Connection: close\r\n');
    expect(JSON.parse(answer.split('\r\n\r\n')[1]).error.message).toContain(`HTTP/${version}`);
  });

  it.each<[string, number, RegExp]>([
    ['\0\0\0', 400, /expected an HTTP request/],
    ['GET / HTTP/1.1\r\nno colon\r\n\r\n', 400, /expected an HTTP request/],
    ['POST /tokenize HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400, /expected an HTTP request/],
    ['POST /tokenize HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz', 400, /expected an HTTP request/],
    [`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, /headers are larger than 16384 bytes/],
    ['GET / HTTP/1.1\r\nX: ', 408, /in time/],
  ])('%j is refused with a reason', async (text, status, reason) => {
    const answer = await answerTo(await start({}, { timeout: 1 }), text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toContain('Connection: close\r\n');
    const { error } = JSON.parse(answer.split('\r\n\r\n')[1]);
    expect(error).toMatchObject({ type: 'invalid_request_error', code: status });
    expect(error.message).toMatch(reason);
  });

  it('an Expect that is unknown is ignored', async () => {
    const answer = await answerTo(await start(), 'GET /health HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});

describe('header names have their usual spelling', () => {
  const usual = /^(?:ETag|WWW-Authenticate|[A-Z][a-z]*(?:-[A-Z][a-z]*)*)$/;
  it.each([
    ['GET /health', '', ''],
    ['HEAD /health', '', ''],
    ['OPTIONS /v1/embeddings', 'Access-Control-Request-Headers: x\r\n', ''],
    ['POST /v1/embeddings', '', '{"input":"a"}'],
    ['POST /v1/embeddings', '', '{'],
    ['GET /nowhere', '', ''],
    ['GET /metrics', '', ''],
    ['GET /props', 'Authorization: wrong\r\n', ''],
  ])('%s %s', async (line, headers, body) => {
    const port = await start({
      apiKeys: line === 'GET /props' ? ['key'] : [],
      metrics: true,
      cors: { origins: 'localhost' },
    });
    const answer = await answerTo(
      port,
      `${line} HTTP/1.1\r\nHost: x\r\nOrigin: http://localhost\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    const names = answer
      .split('\r\n\r\n')[0]
      .split('\r\n')
      .slice(1)
      .map((header) => header.split(':')[0]);
    expect(names).toEqual(expect.arrayContaining(['Server', 'Access-Control-Allow-Origin', 'Content-Type', 'Vary']));
    for (const name of names) expect(name).toMatch(usual);
    if (line.startsWith('OPTIONS')) expect(names).toContain('Access-Control-Allow-Methods');
    expect(new Set(names).size).toBe(names.length);
  });

  it('that of Retry-After, too', async () => {
    const engine = delayed(embedder);
    const port = await start({ maxQueue: 1 }, {}, engine as unknown as Embedder);
    const first = send(port, 'POST', '/v1/embeddings', { body: '{"input":"a"}' });
    await expect.poll(() => engine.nCalls).toBe(1);
    const refused = await answerTo(port, 'POST /v1/embeddings HTTP/1.1\r\nContent-Length: 13\r\n\r\n{"input":"a"}');
    expect(refused).toMatch(/^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n/s);
    engine.release();
    expect((await first).status).toBe(200);
  });
});

/** Connections that declare a body and send its beginning. */
function declare(port: number, n: number, length: number | 'chunked', sent: string): Promise<Connection[]> {
  const header = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  return Promise.all(
    Array.from({ length: n }, async () => {
      const connection = await open(port);
      connection.socket.write(`POST /v1/embeddings HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n${sent}`);
      return connection;
    }),
  );
}

describe('bodies that do not come', () => {
  it.each<[string, number, number | 'chunked', string]>([
    ['those that declare as much as there is', 512, 2 ** 20, '{'],
    ['as many as may be under way', 1100, 1000, '{'],
    ['in chunks', 1100, 'chunked', '1\r\n{\r\n'],
    ['that have not begun', 1100, 2 ** 20, ''],
  ])('%s shut nobody out', async (_, n, length, sent) => {
    const port = await start({ metrics: true });
    const held = await declare(port, n, length, sent);
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const body of ['{"input":"a"}', JSON.stringify({ input: 'a '.repeat(200), pad: ' '.repeat(200_000) })]) {
      expect((await send(port, 'POST', '/v1/embeddings', { body })).status).toBe(200);
    }
    for (const { socket } of held) socket.destroy();
  });

  it('bodies that come too slowly are cut off, whatever came before and however they are declared', async () => {
    const port = await start({ metrics: true });
    const slow = await Promise.all([
      declare(port, 1, 2 ** 20, ' '),
      declare(port, 1, 'chunked', '1\r\n \r\n'),
      declare(port, 1, 20 * 2 ** 20, ' '.repeat(10 * 2 ** 20)),
      declare(port, 1, 2 ** 20, ''),
    ]);
    const timer = setInterval(() => {
      slow[0][0].socket.write(' ');
      slow[1][0].socket.write('1\r\n \r\n');
      slow[2][0].socket.write(' '.repeat(200));
    }, 500);
    const started = performance.now();
    await Promise.all(slow.map(([{ closed }]) => closed));
    clearInterval(timer);
    expect(performance.now() - started).toBeGreaterThan(25_000);
    expect(performance.now() - started).toBeLessThan(50_000);
    expect((await send(port, 'GET', '/metrics')).text).toContain('llamacpp:requests_processing 0');
  });

  it('a slow body that keeps the rate is answered', async () => {
    const port = await start({}, { timeout: 2 });
    const body = JSON.stringify({ input: 'a', pad: ' '.repeat(100_000) });
    const { socket, received } = await open(port);
    socket.on('error', () => {});
    socket.write(`POST /v1/embeddings HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n`);
    for (let at = 0; at < body.length; at += 2500) {
      socket.write(body.slice(at, at + 2500));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await expect.poll(received).toMatch(/^HTTP\/1\.1 200 OK/);
    socket.destroy();
  });

  it('the bytes received count: a body that exceeds the limit gets an error message', async () => {
    const engine = delayed(embedder);
    const port = await start({ maxQueueBytes: 300_000 }, {}, engine as unknown as Embedder);
    const body = JSON.stringify({ input: 'a', pad: ' '.repeat(200_000) });
    const first = send(port, 'POST', '/v1/embeddings', { body });
    await expect.poll(() => engine.nCalls).toBe(1);
    for (const declared of ['Content-Length: 200000', 'Transfer-Encoding: chunked']) {
      const sent = declared.startsWith('T') ? `30000\r\n${' '.repeat(0x30000)}\r\n` : ' '.repeat(200_000);
      const text = `POST /v1/embeddings HTTP/1.1\r\n${declared}\r\n\r\n${sent}`;
      const refused = await answerTo(port, text);
      expect(refused).toMatch(/^HTTP\/1\.1 503 .*unavailable_error/s);
    }
    engine.release();
    expect((await first).status).toBe(200);
    expect((await send(port, 'POST', '/v1/embeddings', { body })).status).toBe(200);
  });
});

describe('answers that are not read', () => {
  const values = 300 * 65536;
  const large = JSON.stringify({ input: Array(300).fill([101]), dimensions: 65536 });
  const request = `POST /v1/embeddings HTTP/1.1\r\nContent-Length: ${large.length}\r\n\r\n${large}`;

  it('a large answer arrives as a whole, and the next one of the connection after it', async () => {
    const { socket, received } = await open(await start());
    socket.write(`${request}GET /health HTTP/1.1\r\n\r\n`);
    await expect.poll(() => received().endsWith('{"status":"ok"}'), { timeout: 30_000 }).toBe(true);
    const [, body] = received().split('\r\n\r\n');
    const { data } = JSON.parse(body.slice(0, body.lastIndexOf('HTTP/1.1')));
    expect(data.length * data[0].embedding.length).toBe(values);
    socket.destroy();
  });

  it('a client that reads a little now and then is cut off, and others are not', async () => {
    const port = await start({}, { timeout: 2 });
    const { socket, received, closed } = await open(port);
    socket.pause();
    socket.write(request);
    const timer = setInterval(() => socket.read(4000), 50);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const body = '{"input":"a"}';
    expect((await send(port, 'POST', '/v1/embeddings', { body })).status).toBe(200);
    clearInterval(timer);
    socket.on('error', () => {});
    socket.resume();
    await closed;
    expect(received()).toContain('200 OK');
    expect(received().endsWith(']}')).toBe(false);
  });
});
