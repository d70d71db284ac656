/**
 * @file The load of the benchmarks of servers, on servers that answer as a test wants.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { load } from '../../bench/server/client.mjs';
import { startLlama } from '../../bench/server/servers.mjs';

const bodies = ['{}'];
const answer = '{"usage":{"prompt_tokens":17}}';

/** A server that computes one request after the other, `ms` each, and not those whose client has gone. */
async function serve(ms: number, status = 200) {
  let last = Promise.resolve();
  const seen = { now: 0, most: 0, givenUp: 0 };
  const server: Server = createServer((request, response) => {
    request.resume();
    seen.most = Math.max(seen.most, ++seen.now);
    response.once('close', () => seen.now--);
    last = last.then(async () => {
      if (response.destroyed) {
        seen.givenUp++;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, ms));
      response.writeHead(status, { 'content-length': answer.length }).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

/** A server that answers all that wait, after a second and then every `ms`. */
async function serveTogether(ms: number) {
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    waiting.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let timer = setTimeout(function answerAll() {
    for (const one of waiting.splice(0)) one.writeHead(200, { 'content-length': answer.length }).end(answer);
    timer = setTimeout(answerAll, ms);
  }, 1000);
  onTestFinished(() => {
    clearTimeout(timer);
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}

it('keeps every client busy, and measures requests that wait for those of all others', async () => {
  const { port, seen } = await serve(20);
  const { requestsPerSecond, tokensPerSecond, p50, p99 } = await load({ port, clients: 8, seconds: 0.5, bodies });
  expect(seen.most).toBe(8);
  expect(requestsPerSecond).toBeGreaterThan(5);
  expect(requestsPerSecond).toBeLessThan(51);
  expect(tokensPerSecond).toBeCloseTo(17 * requestsPerSecond, 6);
  // Those before it take 7 × 20 ms.
  expect(p50).toBeGreaterThan(150);
  expect(p99, 'of so few').toBeUndefined();
});

it('measures a server that answers all clients at the same time, whenever a round ends', async () => {
  for (const seconds of [0.05, 0.15, 0.25]) {
    const { port } = await serveTogether(200);
    const { requestsPerSecond, tokensPerSecond } = await load({ port, clients: 8, seconds, bodies });
    expect(requestsPerSecond).toBeLessThan(8 / 0.19);
    expect(requestsPerSecond).toBeGreaterThan(20);
    expect(tokensPerSecond).toBeCloseTo(17 * requestsPerSecond, 6);
  }
});

it('gives up what is under way at the end', async () => {
  const { port, seen } = await serve(100);
  const begin = performance.now();
  const { requestsPerSecond, p50 } = await load({ port, clients: 50, seconds: 3, patience: 0.5, bodies });
  expect(performance.now() - begin).toBeLessThan(2500);
  expect(requestsPerSecond).toBeLessThan(10.1);
  expect(p50).toBeUndefined();
  expect(seen.givenUp).toBeGreaterThan(20);
});

it('waits for one answer, however long it takes', async () => {
  const { port } = await serve(300);
  const { requestsPerSecond } = await load({ port, clients: 4, seconds: 3, patience: 0.05, bodies });
  expect(requestsPerSecond).toBeGreaterThan(1);
  expect(requestsPerSecond).toBeLessThan(3.4);
});

it('has a 99th percentile of a hundred latencies', async () => {
  const { port } = await serve(0);
  const { p50, p99 } = await load({ port, clients: 2, seconds: 1.5, bodies });
  expect(p99).toBeGreaterThanOrEqual(p50 ?? Number.NaN);
});

it('fails with the status and the text of an answer that is not 200', async () => {
  const { port } = await serve(0, 503);
  await expect(load({ port, clients: 3, seconds: 1, bodies })).rejects.toThrow('status 503: {"usage"');
});

it('fails with the silence of a server that hangs, and with an answer of unknown length', async () => {
  const { port } = await serve(60_000);
  const hangs = load({ port, clients: 2, seconds: 1, silence: 0.3, bodies });
  await expect(hangs).rejects.toThrow('has not answered for 0.3 seconds');
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(500).write('in chunks');
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const chunked = load({ port: (server.address() as AddressInfo).port, clients: 1, seconds: 1, bodies });
  await expect(chunked).rejects.toThrow('an answer with status 500 has no Content-Length');
});

it('says what a server printed that ends before it is ready', async () => {
  const binary = process.execPath;
  const started = startLlama({ binary, model: 'a model', threads: 1 });
  await expect(started).rejects.toThrow(/ended with 9:.*bad option/s);
});
