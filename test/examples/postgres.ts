/**
 * @file A PostgreSQL server in a folder, on a free port of this machine. As root, which PostgreSQL refuses, it runs as `nobody`.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';

const NOBODY = 65_534;

/** The folder of PostgreSQL's programs as Debian installs them; `undefined` if there is none. */
export function postgresPrograms(): string | undefined {
  const versions = '/usr/lib/postgresql';
  if (!existsSync(versions)) return undefined;
  return readdirSync(versions)
    .map((version) => join(versions, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
}

/**
 * Makes a database in a new folder and starts its server.
 * @param programs from `postgresPrograms`
 * @param folder that does not exist yet, below folders that everybody may enter
 */
export async function startPostgres(programs: string, folder: string) {
  const who = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  mkdirSync(folder, { mode: 0o700 });
  if ('uid' in who) chownSync(folder, NOBODY, NOBODY);
  const initdb = ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(programs, 'initdb'), initdb, { ...who, cwd: '/', stdio: 'pipe' });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let server = await start();

  async function start(): Promise<ChildProcess> {
    const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-p', String(port)];
    const child = spawn(join(programs, 'postgres'), ['-D', folder, ...settings], { ...who, cwd: '/' });
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (data) => {
        log += data;
        if (log.includes('ready to accept connections')) resolve();
      });
      child.once('exit', () => reject(new Error(`PostgreSQL does not start: ${log}`)));
    });
    return child;
  }
  /** Ends the server at once, as a crash does: without a word to its clients. */
  async function crash() {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGQUIT');
    await ended;
  }
  return {
    url,
    crash,
    async start() {
      server = await start();
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
