// Starts the balancers of deploy/balancer as they are there, except for their ports.
import { spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../at-exit.mjs';
import { freePort } from '../server/servers.mjs';
import { spawn } from '../spawn.mjs';

/** Name, program, file of deploy/balancer, and the arguments with which it runs and with which it checks a file. */
const kinds = [
  ['haproxy', 'haproxy', 'haproxy.cfg', (file) => ['-db', '-f', file], (file) => ['-c', '-f', file]],
  [
    'nginx',
    'nginx',
    'nginx.conf',
    (file) => ['-c', file, '-e', 'stderr'],
    (file) => ['-t', '-c', file, '-e', 'stderr'],
  ],
  [
    'envoy',
    'envoy',
    'envoy.yaml',
    (file) => ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'error'],
    (file) => ['-c', file, '--mode', 'validate', '--log-level', 'error'],
  ],
].map(([name, program, file, run, check]) => ({ name, program, file, run, check }));

const find = (name) => {
  const kind = kinds.find((kind) => kind.name === name);
  if (kind === undefined) throw new Error(`unknown balancer "${name}": ${kinds.map(({ name }) => name).join(', ')}`);
  return { ...kind, program: (name === 'envoy' && process.env.ENVOY) || kind.program };
};

/** The version of the program; `undefined` if it is not installed. */
export function balancerVersion(name) {
  const { program } = find(name);
  const { error, stdout, stderr } = spawnSync(program, [name === 'envoy' ? '--version' : '-v'], { encoding: 'utf8' });
  return error === undefined ? /\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0] : undefined;
}

/** Starts a balancer in front of three servers on this machine, and waits until it answers. */
export async function startBalancer(name, ports) {
  const { program, file, run, check } = find(name);
  const port = await freePort();
  const folder = temporaryFolder();
  const shipped = await readFile(new URL(`../../deploy/balancer/${file}`, import.meta.url), 'utf8');
  const byDefault = [8080, 8081, 8082, 8083];
  const actual = [port, ...ports];
  // In one go, so that no port is taken for a default one.
  const text = shipped.replaceAll(/(127\.0\.0\.1(?::|, port_value: ))(\d+)/g, (_, before, number) => {
    const i = byDefault.indexOf(Number(number));
    if (i < 0) throw new Error(`${file} has a port that is not a default one: ${number}`);
    return `${before}${actual[i]}`;
  });
  const path = join(folder, file);
  await writeFile(path, name === 'nginx' ? insideNginx(text, folder) : text);
  const checked = spawnSync(program, check(path), { encoding: 'utf8' });
  if (checked.status !== 0) throw new Error(`${program} refuses ${file}: ${checked.stderr}`);
  const child = spawn(program, run(path), { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (data) => (log = (log + data).slice(-4000)));
  const closed = new Promise((resolve) => child.once('close', resolve));
  const stop = async () => {
    child.kill(name === 'nginx' ? 'SIGQUIT' : 'SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await closed;
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`${program} ended with code ${child.exitCode}: ${log}`);
    const isReady = await fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return { port, pid: child.pid, stop };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error(`${program} was not ready after 10 s: ${log}`);
}

/** The file that the block http of a whole configuration includes. */
function insideNginx(text, folder) {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (use) => `${use}_temp_path ${folder}/${use};`,
  );
  return `daemon off;
worker_processes 1;
pid ${folder}/pid;
events { worker_connections 4096; }
http {
access_log off;
${places.join('\n')}
${text}}
`;
}
