/**
 * @file The link between a worker and its owner, with real workers: of the built package, because Node 20 starts no workers
 * from TypeScript.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { WorkerLink } from '../../src/workers/index.ts';

const built = new URL('../../build/modules/workers/index.js', import.meta.url).href;
const { linkToWorker, Transferred } = (await import(built)) as typeof import('../../src/workers/index.ts');

class FullError extends Error {
  override name = 'FullError';
  readonly room: number = 0;
  readonly details: Readonly<Record<string, number>> = {};
}

interface OwnerMethods {
  double(n: number): number;
  refuse(why: string): void;
  note(n: number): void;
}

interface RemoteMethods {
  add(numbers: { a: number; b: number }): number;
  fail(as: 'known' | 'unknown' | 'text'): void;
  sum(values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer>;
  forever(params: undefined): void;
  wasAborted(params: undefined): boolean;
  askOwner(n: number): number;
  askRefusal(why: string): { name: string; message: string };
  notes(count: number): void;
  noted(n: number): void;
  allNoted(params: undefined): number[];
  end(how: 'exit' | 'throw'): void;
}

/** The worker's module: listens `delay` milliseconds after it started. */
const source = (delay: number) => `
import { linkToOwner, Transferred } from ${JSON.stringify(built)};
await new Promise((resolve) => setTimeout(resolve, ${delay}));
let aborted = false;
const heard = [];
class FullError extends Error {
  name = 'FullError';
  room = 7;
  details = { n: 3 };
  handle = () => {};
}
const owner = linkToOwner({
  add: async ({ a, b }) => a + b,
  fail(as) {
    if (as === 'text') throw 'only text';
    throw as === 'known' ? new FullError('no room') : new RangeError('out of range');
  },
  sum(values) {
    const total = new Float32Array([values.reduce((a, b) => a + b, 0)]);
    return new Transferred(total, [total.buffer]);
  },
  forever: (_, signal) => new Promise(() => signal().addEventListener('abort', () => (aborted = true))),
  wasAborted: () => aborted,
  askOwner: async (n) => (await owner.request('double', n)) + 1,
  askRefusal: (why) => owner.request('refuse', why).catch(({ name, message }) => ({ name, message })),
  notes(count) {
    for (let i = 0; i < count; i++) owner.notify('note', i);
  },
  noted: (n) => void heard.push(n),
  allNoted: () => heard,
  end(how) {
    if (how === 'exit') process.exit(3);
    setTimeout(() => { throw new Error('lost its way'); });
    return new Promise(() => {});
  },
}, []);
`;

const started: WorkerLink<RemoteMethods>[] = [];
afterEach(() => Promise.all(started.splice(0).map((link) => link.terminate(new Error('the test is over')))));

function start({ delay = 0, died = () => {} }: { delay?: number; died?: (error: Error) => void } = {}) {
  const notes: number[] = [];
  const url = new URL(`data:text/javascript,${encodeURIComponent(source(delay))}`);
  const link = linkToWorker<OwnerMethods, RemoteMethods>(
    { url: () => url, start: () => new Worker(url, { type: 'module' }) },
    {
      double: (n) => 2 * n,
      refuse: (why) => {
        throw new TypeError(why);
      },
      note: (n) => void notes.push(n),
    },
    { classes: [FullError], died },
  );
  started.push(link);
  return { link, notes };
}

describe('requests', () => {
  it('go both ways, each to its own answer', async () => {
    const { link } = start();
    const sums = Array.from({ length: 20 }, (_, a) => link.request('add', { a, b: 1 }));
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 20 }, (_, a) => a + 1));
    expect(await link.request('askOwner', 20)).toBe(41);
    expect(await link.request('askRefusal', 'not now')).toEqual({ name: 'TypeError', message: 'not now' });
  });

  it('and notices wait, in order, until a slow worker listens', async () => {
    const { link } = start({ delay: 300 });
    link.notify('noted', 1);
    const sum = link.request('add', { a: 1, b: 2 });
    link.notify('noted', 2);
    expect(await sum).toBe(3);
    expect(await link.request('allNoted', undefined)).toEqual([1, 2]);
  });

  it('move buffers instead of copying them, to the worker and back', async () => {
    const { link } = start();
    const values = new Float32Array([1, 2, 3]);
    const answer = link.request('sum', values, { transfer: [values.buffer] });
    expect(Array.from(await answer)).toEqual([6]);
    expect(values.byteLength).toBe(0);
    expect(new Transferred(1, []).value).toBe(1);
  });

  it('are given up at once when their signal is aborted, and the handler is told', async () => {
    const { link } = start();
    const leaving = new AbortController();
    const answer = link.request('forever', undefined, { signal: leaving.signal });
    await link.request('add', { a: 1, b: 1 });
    leaving.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
    expect(await link.request('wasAborted', undefined)).toBe(true);
    await expect(link.request('add', { a: 1, b: 1 }, { signal: leaving.signal })).rejects.toThrow('gone');
  });

  it('that wait for the worker to listen are given up, too', async () => {
    const { link } = start({ delay: 300 });
    const leaving = new AbortController();
    const answer = link.request('forever', undefined, { signal: leaving.signal });
    leaving.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
    expect(await link.request('add', { a: 2, b: 2 })).toBe(4);
  });
});

it('notices of a worker arrive in order, before the answer that follows them', async () => {
  const { link, notes } = start();
  await link.request('notes', 5);
  expect(notes).toEqual([0, 1, 2, 3, 4]);
});

describe('errors', () => {
  it('keep their class and plain fields', async () => {
    const error = await start()
      .link.request('fail', 'known')
      .catch((error) => error);
    expect(error).toBeInstanceOf(FullError);
    expect(error).toMatchObject({ name: 'FullError', message: 'no room', room: 7, details: { n: 3 } });
    expect(error).not.toHaveProperty('handle');
    expect(error.stack).toContain('no room');
  });

  it('of other classes keep their name', async () => {
    const { link } = start();
    const error = await link.request('fail', 'unknown').catch((error) => error);
    expect(error).toMatchObject({ name: 'RangeError', message: 'out of range' });
    await expect(link.request('fail', 'text')).rejects.toThrow('only text');
  });
});

describe('a worker that is gone', () => {
  it('by terminate, rejects what waits and what comes with the reason', async () => {
    const { link } = start({ delay: 100 });
    const answer = link.request('add', { a: 1, b: 1 });
    const ended = link.terminate(new Error('no longer needed'));
    await expect(answer).rejects.toThrow('no longer needed');
    await ended;
    await expect(link.request('add', { a: 1, b: 1 })).rejects.toThrow('no longer needed');
    expect(() => link.notify('noted', 1)).not.toThrow();
  });

  it.each([
    ['exit', 'exit code 3'],
    ['throw', 'lost its way'],
  ] as const)('by itself (%s), is reported once', async (how, message) => {
    const reports: Error[] = [];
    const { link } = start({ died: (error) => reports.push(error) });
    await expect(link.request('end', how)).rejects.toThrow(message);
    await expect(link.request('add', { a: 1, b: 1 })).rejects.toThrow(message);
    expect(reports.map((error) => error.message)).toEqual([expect.stringContaining(message)]);
  });
});
