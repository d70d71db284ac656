/**
 * @file `serve --drain-seconds`: after SIGTERM, a balancer learns that the server is about to stop while requests are still answered.
 */
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { listening, model, start } from './run.ts';

const SECONDS = 2;
const children: ReturnType<typeof start>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function serve(...args: string[]) {
  const child = start(['serve', '--port', '0', '-t', '1', '--drain-seconds', String(SECONDS), ...args]);
  children.push(child);
  return listening(child);
}

const embed = (url: string) =>
  fetch(`${url}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ input: 'a', model: 'bert-mean' }) });

describe.each([
  ['one model', ['-m', model('bert-mean')]],
  ['several models', ['-m', model('bert-mean'), '-m', model('bert-cls')]],
])('a server of %s', (_, models) => {
  it('answers requests after SIGTERM, with 503 at /health, and then stops', async () => {
    const { child, end, url, log } = await serve(...models);
    const health = () => fetch(`${url}/health`);
    expect((await health()).status).toBe(200);
    const kept = await embed(url);
    expect(kept.status).toBe(200);
    expect(kept.headers.get('connection')).not.toBe('close');
    const signalled = performance.now();
    child.kill('SIGTERM');
    await expect.poll(async () => (await health()).status, { interval: 20 }).toBe(503);
    expect(await (await health()).json()).toEqual({
      error: { code: 503, message: 'The server is about to stop', type: 'unavailable_error' },
    });
    while (performance.now() - signalled < SECONDS * 1000 - 500) {
      const answer = await embed(url);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('connection')).toBe('close');
      expect((await answer.json()).data[0].embedding).toHaveLength(64);
      expect((await health()).status).toBe(503);
    }
    expect((await end).code).toBe(0);
    const lasted = performance.now() - signalled;
    expect(lasted).toBeGreaterThan(SECONDS * 1000 - 50);
    expect(lasted).toBeLessThan(SECONDS * 1000 + 3000);
    expect(log()).toMatch(/draining: \/health answers 503 for 2 s\n.*stopping: answering accepted requests\n/s);
  });
});

describe('a server that drains', () => {
  const one = ['-m', model('bert-mean')];

  it('keeps idle connections open, and ends each after its next answer', async () => {
    const { child, end, url } = await serve(...one);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', (data) => (received += data));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const get = 'GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n';
    const nAnswers = () => received.match(/HTTP\/1\.1 200 OK/g)?.length;
    socket.write(get);
    await expect.poll(nAnswers).toBe(1);
    child.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${url}/health`)).status, { interval: 20 }).toBe(503);
    expect(socket.readyState).toBe('open');
    socket.write(get);
    await closed;
    expect(nAnswers()).toBe(2);
    expect(received.match(/^connection: close\r$/gim)).toHaveLength(1);
    expect((await end).code).toBe(0);
  });

  it.each<['SIGINT' | 'SIGTERM', number, number]>([
    ['SIGINT', 1, 0],
    ['SIGTERM', 2, 143],
  ])('stops at once on %s, sent %i times', async (name, times, code) => {
    const { child, end, log } = await serve(...one);
    const started = performance.now();
    child.kill(name);
    if (times > 1) {
      await expect.poll(log, { interval: 20 }).toContain('draining');
      child.kill(name);
    }
    expect((await end).code).toBe(code);
    expect(performance.now() - started).toBeLessThan(SECONDS * 1000 - 200);
  });
});
