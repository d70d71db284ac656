/**
 * @file Clients that vanish, half bodies, overload, a stop under load: what was accepted is answered exactly once, and
 * nothing is left behind. `SOAK_REQUESTS` asks for a longer soak.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../src/engine/index.ts';
import { type App, type AppOptions, createApp } from '../../src/server/index.ts';
import { type Listening, type ListenOptions, listen } from '../../src/server/sockets/listen.node.ts';
import { type DelayedEngine, delayed } from './delayed-engine.ts';
import { fixture } from './http-fixture.ts';
import { open } from './raw-connection.ts';
import { send } from './raw-request.ts';

const soakRequests = Number(process.env.SOAK_REQUESTS ?? 1000);

let embedder: Embedder;
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'wasm', threads: 1, worker: false });
});
afterAll(() => embedder?.dispose());

async function start(
  options: AppOptions = {},
  limits: Partial<ListenOptions> = {},
): Promise<{ app: App; engine: DelayedEngine; server: Listening }> {
  const engine = delayed(embedder);
  const app = createApp(engine, { metrics: true, ...options });
  return { app, engine, server: await listen(app, { host: '127.0.0.1', port: 0, ...limits }) };
}

const body = (input: unknown) => JSON.stringify({ input });
const request = (text: string, length = Buffer.byteLength(text)) =>
  `POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${text}`;

async function gauge(port: number, name: string): Promise<number> {
  const { text } = await send(port, 'GET', '/metrics');
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

describe('clients', () => {
  it('that vanish leave the queue', async () => {
    const { engine, server } = await start();
    const gone = await Promise.all(Array.from({ length: 5 }, () => open(server.port)));
    for (const { socket } of gone) socket.write(request(body('a')));
    const staying = send(server.port, 'POST', '/v1/embeddings', { body: body('b') });
    await expect.poll(() => engine.nCalls).toBe(6);
    for (const { socket } of gone) socket.destroy();
    await expect.poll(() => engine.calls.filter(({ signal }) => signal?.aborted).length).toBe(5);
    engine.release();
    expect((await staying).status).toBe(200);
    await expect.poll(() => gauge(server.port, 'llamacpp:requests_processing')).toBe(0);
    expect(await gauge(server.port, 'gguf_embed_abandoned_total')).toBe(5);
    await server.close();
  });

  it('that send half a body and hang are cut off, and hold nobody up', async () => {
    const { engine, server } = await start({}, { timeout: 1 });
    engine.release();
    const half = await open(server.port);
    half.socket.write(request('{"input":', 1000));
    const other = await send(server.port, 'POST', '/v1/embeddings', { body: body('a') });
    expect(other.status).toBe(200);
    await half.closed;
    expect(half.received()).not.toContain('200 OK');
    await expect.poll(() => gauge(server.port, 'llamacpp:requests_processing')).toBe(0);
    await server.close();
  });

  it('that do not read their answers are cut off, but not while they wait for them', async () => {
    const { engine, server } = await start({}, { timeout: 1 });
    const deaf = await open(server.port);
    deaf.socket.pause();
    deaf.socket.write(request(JSON.stringify({ input: Array.from({ length: 200 }, () => [101]), dimensions: 65536 })));
    await expect.poll(() => engine.nCalls).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(deaf.socket.destroyed).toBe(false);
    engine.release();
    await new Promise((resolve) => setTimeout(resolve, 5000));
    deaf.socket.resume();
    await deaf.closed;
    expect(deaf.received()).toContain('200 OK');
    expect(deaf.received().endsWith(']}')).toBe(false);
    await server.close();
  });

  it('that send half a header are cut off', async () => {
    const { server } = await start({}, { timeout: 1 });
    const half = await open(server.port);
    half.socket.write('POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-');
    await half.closed;
    await server.close();
  });

  it('that declare too much are refused before they send it', async () => {
    const { engine, server } = await start({ bodyLimit: 1000 });
    const client = await open(server.port);
    client.socket.write(request('', 10 ** 9));
    await expect.poll(client.received).toContain('413 Payload Too Large');
    expect(engine.nCalls).toBe(0);
    client.socket.destroy();
    await server.close();
  });

  it('that speak no HTTP do no harm', async () => {
    const { server } = await start();
    for (const text of ['\0\0\0', 'GET\r\n\r\n', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n']) {
      const client = await open(server.port);
      client.socket.end(text);
      await client.closed;
      expect(client.received()).toMatch(/^HTTP\/1\.1 400/);
    }
    expect((await send(server.port, 'GET', '/health')).status).toBe(200);
    await server.close();
  });
});

it('ten times too many: as many as fit are answered, the others turned away at once', async () => {
  const { engine, server } = await start({ maxQueue: 20 });
  const answers = Array.from({ length: 200 }, (_, i) =>
    send(server.port, 'POST', '/v1/embeddings', { body: body(`text ${i}`) }),
  );
  const turnedAway = () => gauge(server.port, 'gguf_embed_rejected_total');
  await expect.poll(turnedAway, { timeout: 20_000 }).toBe(180);
  engine.release();
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(20);
  expect(statuses.filter((status) => status === 503)).toHaveLength(180);
  expect(engine.nCalls).toBe(20);
  await server.close();
});

it('a stop under load: every request that arrived is answered exactly once', async () => {
  const { engine, server } = await start();
  const clients = await Promise.all(Array.from({ length: 30 }, () => open(server.port)));
  for (const [i, { socket }] of clients.entries()) socket.write(request(body(`text ${i}`)));
  await expect.poll(() => engine.nCalls).toBe(30);
  const closing = server.close();
  engine.release();
  await closing;
  await Promise.all(clients.map(({ closed }) => closed));
  for (const { received } of clients) {
    expect(received().match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(received()).toContain('HTTP/1.1 200 OK');
    expect(JSON.parse(received().split('\r\n\r\n')[1]).data).toHaveLength(1);
  }
  await expect(send(server.port, 'GET', '/health')).rejects.toThrow();
});

it('a stop among silent connections: they are closed at once, and what was accepted is answered', async () => {
  const { engine, server } = await start();
  const working = await open(server.port);
  working.socket.write(request(body('a')));
  const kept = await open(server.port);
  kept.socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
  await expect.poll(kept.received).toContain('ok');
  await expect.poll(() => engine.nCalls).toBe(1);
  const silent = [kept];
  for (const sent of ['', 'GET', 'GET / HTTP/1.1\r\nHost: x\r\nA', request('', 10), request('{"input":', 2 ** 20)]) {
    for (let i = 0; i < 20; i++) {
      const client = await open(server.port);
      client.socket.on('error', () => {});
      client.socket.write(sent);
      silent.push(client);
    }
  }
  const dribble = setInterval(() => {
    for (const { socket } of silent) if (socket.writable) socket.write(' ');
  }, 20);
  const closing = server.close();
  // The one that waits for its answer does not keep the others.
  await Promise.all(silent.map(({ closed }) => closed));
  clearInterval(dribble);
  expect(working.socket.destroyed).toBe(false);
  engine.release();
  const opened = performance.now();
  await closing;
  await working.closed;
  expect(performance.now() - opened).toBeLessThan(1000);
  expect(working.received()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\]\}$/s);
  expect(working.received()).toContain('\r\nConnection: close\r\n');
});

it('answers of one connection come in order, each once', async () => {
  const { engine, server } = await start();
  engine.release();
  const { socket, received } = await open(server.port);
  const models = Array.from({ length: 20 }, (_, i) => `model-${i}`);
  socket.write(models.map((model) => request(JSON.stringify({ input: 'a', model }))).join(''));
  await expect.poll(() => received().match(/"model":"[^"]+"/g)?.length).toBe(20);
  expect(received().match(/model-\d+/g)).toEqual(models);
  socket.destroy();
  await server.close();
});

it(`${soakRequests} requests leave nothing behind`, { timeout: 3_600_000 }, async () => {
  const { engine, server } = await start({ cacheSize: 100 });
  engine.release();
  const held: number[] = [];
  for (let done = 0; done < soakRequests; ) {
    const { socket, received, closed } = await open(server.port);
    const n = Math.min(100, soakRequests - done);
    // Not `expect.poll`: vitest keeps what was polled, and with it every answer, until the test ends.
    const answered = () => received().match(/"object":"list"/g)?.length ?? 0;
    socket.on('data', () => {
      if (answered() === n) socket.destroy();
    });
    socket.write(
      Array.from({ length: n }, (_, i) => request(body(`text ${(((done + i) * 7919) % 1009) % 110}`))).join(''),
    );
    await closed;
    expect(answered()).toBe(n);
    done += n;
    engine.calls.length = 0;
    const { heapUsed, external } = process.memoryUsage();
    held.push(heapUsed + external);
  }
  expect(await gauge(server.port, 'llamacpp:requests_processing')).toBe(0);
  expect(await gauge(server.port, 'gguf_embed_cache_entries')).toBe(100);
  const third = Math.floor(held.length / 3);
  const lowest = (part: number[]) => Math.min(...part) / 2 ** 20;
  expect(lowest(held.slice(-third)) - lowest(held.slice(third, 2 * third))).toBeLessThan(30);
  await server.close();
});
