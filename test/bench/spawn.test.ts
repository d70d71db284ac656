/**
 * @file The programs that a benchmark has started end with it, and its temporary files go.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startPeer } from '../../bench/compare/peers/protocol.mjs';

const { href } = new URL('../../bench/spawn.mjs', import.meta.url);
/** A benchmark that starts a program that does not end by itself, and prints its process id. */
const benchmark = `import { spawn } from ${JSON.stringify(href)};
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
console.log(child.pid);`;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Starts a benchmark with `more` at its end, has `end` end it, and returns its status and the program's id. */
async function ended(more: string, end: (pid: number) => void): Promise<{ status: number | null; program: number }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${benchmark}\n${more}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exit = once(child, 'exit');
  const [printed] = await once(child.stdout!, 'data');
  const program = Number(printed);
  expect(isRunning(program)).toBe(true);
  end(child.pid!);
  return { status: (await exit)[0], program };
}

describe('programs of a benchmark', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('end when it gets %s', async (signal, status) => {
    const result = await ended('', (pid) => process.kill(pid, signal));
    expect(result.status).toBe(status);
    await expect.poll(() => isRunning(result.program)).toBe(false);
  });

  it('end when it fails', async () => {
    const result = await ended('setTimeout(() => { throw new Error("a side has died"); }, 200);', () => {});
    expect(result.status).toBe(1);
    await expect.poll(() => isRunning(result.program)).toBe(false);
  });
});

it('a temporary folder is removed when the benchmark gets a signal', async () => {
  const { href: atExit } = new URL('../../bench/at-exit.mjs', import.meta.url);
  const program = `import { temporaryFolder } from ${JSON.stringify(atExit)};
console.log(temporaryFolder());
setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const folder = String((await once(child.stdout!, 'data'))[0]).trim();
  expect(existsSync(folder)).toBe(true);
  child.kill('SIGINT');
  expect((await once(child, 'exit'))[0]).toBe(130);
  expect(existsSync(folder)).toBe(false);
});

it('a side that is stopped is given up', async () => {
  const script = fileURLToPath(new URL('peer.mjs', import.meta.url));
  const side = startPeer(process.execPath, script, { patience: 3000 });
  expect(await side.call('hello', { name: 'a' })).toBe('hello a');
  process.kill(side.pid!, 'SIGSTOP');
  await expect(side.call('hello')).rejects.toThrow(/peer\.mjs has not answered "hello" for 3 seconds: is it stopped\?/);
  await expect(side.call('hello')).rejects.toThrow('has not answered');
  await side.stop();
  expect(isRunning(side.pid!)).toBe(false);
}, 20_000);
