/**
 * @file UNIX sockets: what a server does when a file is there already.
 */
import { spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Embedder } from '../../../src/engine/index.ts';
import { createApp } from '../../../src/server/index.ts';
import { type Listening, listen } from '../../../src/server/sockets/listen.node.ts';
import { fixture } from '../http-fixture.ts';
import { open } from '../raw-connection.ts';

let embedder: Embedder;
const folder = mkdtempSync(join(tmpdir(), 'socket-'));
const servers: Listening[] = [];
beforeAll(async () => {
  embedder = await Embedder.load(fixture('models/bert-mean.gguf'), { backend: 'reference', worker: false });
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
afterAll(async () => {
  await embedder?.dispose();
  rmSync(folder, { recursive: true });
});

async function start(path: string): Promise<Listening> {
  const server = await listen(createApp(embedder), { host: path, port: 0 });
  servers.push(server);
  return server;
}

async function health(path: string): Promise<string> {
  const { socket, received } = await open(path);
  socket.write('GET /health HTTP/1.0\r\n\r\n');
  await expect.poll(received).toContain('ok');
  socket.destroy();
  return received();
}

/** Leaves the file of a socket whose process was killed. */
async function leaveStale(path: string): Promise<void> {
  const code = 'require("net").createServer().listen(process.argv[1], () => console.log("listening"))';
  const child = spawn(process.execPath, ['-e', code, path]);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
  expect(lstatSync(path).isSocket()).toBe(true);
}

describe('the file of a UNIX socket', () => {
  it('that a killed server has left is taken over, again and again', async () => {
    const path = join(folder, 'stale.sock');
    await leaveStale(path);
    for (let i = 0; i < 3; i++) {
      const server = await start(path);
      expect(server.url).toBe(`unix:${path}`);
      expect(await health(path)).toContain('200 OK');
      await servers.pop()!.close();
      expect(existsSync(path)).toBe(false);
      await leaveStale(path);
    }
  });

  it('at which somebody listens is left alone, and so is he', async () => {
    const path = join(folder, 'busy.sock');
    await start(path);
    await expect(start(path)).rejects.toThrow(`another process listens on the socket file ${path}`);
    await expect(start(path)).rejects.not.toThrow(/port/);
    expect(await health(path)).toContain('200 OK');
  });

  it('at which somebody listens who never answers is left alone', async () => {
    const path = join(folder, 'deaf.sock');
    const deaf = createServer(() => {});
    await new Promise<void>((resolve) => deaf.listen(path, resolve));
    await expect(start(path)).rejects.toThrow('another process listens');
    expect(lstatSync(path).isSocket()).toBe(true);
    await new Promise((resolve) => deaf.close(resolve));
  });

  it('two that start at a time: one listens, the other is refused', async () => {
    const path = join(folder, 'race.sock');
    for (const prepare of [() => {}, leaveStale]) {
      await prepare(path);
      const results = await Promise.allSettled([start(path), start(path)]);
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await health(path)).toContain('200 OK');
      await servers.pop()!.close();
    }
  });

  it.each<[string, (path: string) => void]>([
    ['a file', (path) => writeFileSync(path, 'precious')],
    ['an empty file', (path) => writeFileSync(path, '')],
    ['a folder', (path) => mkdirSync(path)],
    ['a link to a file', (path) => symlinkSync(join(folder, 'target'), path)],
  ])('that is %s is never removed', async (name, make) => {
    writeFileSync(join(folder, 'target'), 'precious');
    const path = join(folder, `${name.replaceAll(' ', '-')}.sock`);
    make(path);
    const before = lstatSync(path);
    await expect(start(path)).rejects.toThrow(`${path} exists and is not a socket file`);
    expect(lstatSync(path).ino).toBe(before.ino);
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('precious');
  });

  it('in a missing folder', async () => {
    await expect(start(join(folder, 'no', 'x.sock'))).rejects.toThrow(/the folder of the socket file|permission/);
  });

  it('whose path is too long is not cut', async () => {
    const path = join(folder, `${'x'.repeat(200)}.sock`);
    await expect(start(path)).rejects.toThrow('is too long:');
    expect(readdirSync(folder).filter((name) => name.startsWith('xxx'))).toEqual([]);
  });
});
