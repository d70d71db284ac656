/**
 * @file Socket activation: a parent opens a socket, passes it as file descriptor 3, and closes its own copy, as systemd does.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer, type ListenOptions } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { passedSockets } from '../../src/cli/serve/passed-sockets.ts';
import { main, model } from './run.ts';

const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), 'passed-'));
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Opens a socket, starts the server with it and closes it here. `variables` come before the program, in a shell. */
async function activate(place: ListenOptions, variables = 'LISTEN_PID=$$ LISTEN_FDS=1') {
  const socket = createServer();
  await new Promise<void>((resolve) => socket.listen(place, resolve));
  const address = socket.address() as AddressInfo | string;
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } };
  const script = `${variables} exec "$0" "$@"`;
  const args = ['-c', script, process.execPath, main, 'serve', '-m', model('bert-mean'), '--port', '0'];
  const env = { PATH: process.env.PATH, GGUF_EMBED_BACKEND: 'wasm' };
  const child = spawn('sh', args, { env, stdio: ['ignore', 'ignore', 'pipe', handle.fd] });
  children.push(child);
  // Closing removes the file of a UNIX socket; the child still needs it, under another name.
  if (typeof address === 'string') renameSync(address, `${address}.kept`);
  socket.close();
  let log = '';
  child.stderr?.on('data', (data) => {
    log += data;
  });
  return { child, address, log: () => log };
}

function health(to: { port: number } | { socketPath: string }): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...to, path: '/health', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe.skipIf(process.platform === 'win32')('a server that gets its socket from its parent', () => {
  it('answers a request that was sent before it started, names the address, and ends by SIGTERM', async () => {
    const { child, address, log } = await activate({ host: '127.0.0.1', port: 0 });
    const { port } = address as AddressInfo;
    expect([200, 503]).toContain(await health({ port }));
    await expect.poll(log, { timeout: 15_000 }).toContain(`listening on http://127.0.0.1:${port}\n`);
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }, 30_000);

  it('answers on a UNIX socket', async () => {
    const { address, log } = await activate({ path: join(folder, 'it') });
    expect([200, 503]).toContain(await health({ socketPath: `${address}.kept` }));
    await expect.poll(log, { timeout: 15_000 }).toContain('listening on unix:fd3\n');
  }, 30_000);

  it('listens where it is told when the socket is for another process', async () => {
    const { address, log } = await activate({ host: '127.0.0.1', port: 0 }, 'LISTEN_PID=1 LISTEN_FDS=1');
    await expect.poll(log, { timeout: 15_000 }).toMatch(/listening on http:\S+\n/);
    expect(log()).not.toContain(`:${(address as AddressInfo).port}\n`);
  }, 30_000);

  it('names a descriptor that is no socket', async () => {
    const { log } = await activate({ host: '127.0.0.1', port: 0 }, 'LISTEN_PID=$$ LISTEN_FDS=2');
    await expect.poll(log, { timeout: 15_000 }).toMatch(/error: file descriptor 4 is not a listening socket: /);
  }, 30_000);
});

it('refuses a number of sockets that is none', () => {
  expect(passedSockets({}, 7)).toEqual([]);
  expect(passedSockets({ LISTEN_PID: '7', LISTEN_FDS: '2' }, 7)).toEqual([3, 4]);
  expect(passedSockets({ LISTEN_PID: '8', LISTEN_FDS: '2' }, 7)).toEqual([]);
  for (const LISTEN_FDS of ['', '-1', '1.5', 'two', '1e9']) {
    expect(() => passedSockets({ LISTEN_PID: '7', LISTEN_FDS }, 7)).toThrow(/LISTEN_FDS must be an integer/);
  }
});

it('the units name the socket, and are what systemd reads', () => {
  const unit = (name: string) => fileURLToPath(new URL(`../../deploy/systemd/${name}`, import.meta.url));
  const lines = ['gguf-embed.service', 'gguf-embed.socket'].map((name) => readFileSync(unit(name), 'utf8'));
  expect(lines[0]).toMatch(/^Requires=gguf-embed\.socket$/m);
  try {
    execFileSync('systemd-analyze', ['--version']);
  } catch {
    console.warn('SKIPPED: systemd-analyze verify: it is not installed');
    return;
  }
  execFileSync('systemd-analyze', ['verify', unit('gguf-embed.socket'), unit('gguf-embed.service')]);
});
