/**
 * @file Which threads a server computes on: workers that start after the first batch, or the thread that serves. Counts the threads of the
 * process, which Linux alone tells.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Parsed } from '../../src/cli/options/parse-options.ts';
import { suitsServingThread } from '../../src/cli/serve/serving-thread.ts';
import { listening, main, model, run, start } from './run.ts';
import { temporaryFolder } from './temporary.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const temporary = temporaryFolder();

const args = ['serve', '-m', model('bert-mean'), '--port', '0'];

async function embed(url: string): Promise<number[]> {
  const answer = await fetch(`${url}/v1/embeddings`, { method: 'POST', body: JSON.stringify({ input: 'a text' }) });
  expect(answer.status).toBe(200);
  return (await answer.json()).data[0].embedding;
}

/** Threads that a server has gained a while after its first answer, and that answer and the next one. */
async function gained(child: ReturnType<typeof start>) {
  children.push(child);
  const { url } = await listening(child);
  const count = () => readdirSync(`/proc/${child.pid}/task`).length;
  const before = count();
  const first = await embed(url);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const next = await embed(url);
  return { threads: count() - before, first, next };
}

const hasTaskset = process.platform === 'linux' && spawnSync('taskset', ['--version']).status === 0;

describe.skipIf(process.platform !== 'linux')('serve', () => {
  it('starts its workers after the first answer', async () => {
    for (const [more, threads] of [
      [['-t', '3'], 3],
      [['-t', '1', '--worker'], 1],
    ] as const) {
      const { threads: n, first, next } = await gained(start([...args, ...more]));
      expect(n).toBe(threads);
      expect(next).toEqual(first);
    }
  });

  it('has none for one thread, or with --no-worker', async () => {
    for (const more of [['-t', '1'], ['--no-worker']]) {
      const { threads, first, next } = await gained(start([...args, ...more]));
      expect(threads).toBe(0);
      expect(next).toEqual(first);
    }
    const { code, stderr } = await run([...args, '--no-worker', '-t', '2']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('2 threads need workers: leave out --no-worker');
  });

  it.skipIf(!hasTaskset)('has none on one core, unless it is told to', async () => {
    const onOneCore = (...more: string[]) => {
      const env = { PATH: process.env.PATH, GGUF_EMBED_BACKEND: 'wasm' };
      const core = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1];
      return spawn('taskset', ['-c', core, process.execPath, main, ...args, ...more], { env });
    };
    expect((await gained(onOneCore())).threads).toBe(0);
    expect((await gained(onOneCore('--worker'))).threads).toBe(1);
    expect((await gained(onOneCore('-t', '2'))).threads).toBe(2);
  });
});

it('a split model counts with all its parts', () => {
  const { write } = temporary;
  const parsed = { values: { threads: 1 }, given: new Map() } as unknown as Parsed;
  const first = write('model-00001-of-00002.gguf', '');
  const second = write('model-00002-of-00002.gguf', '');
  expect(suitsServingThread(parsed, first)).toBe(true);
  truncateSync(second, 65 * 2 ** 20);
  expect(suitsServingThread(parsed, first)).toBe(false);
});
