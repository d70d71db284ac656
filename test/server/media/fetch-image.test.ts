import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchImage, isPublicAddress } from '../../../src/server/media/fetch-image.node.ts';

let server: Server;
let host: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/image') response.end(Buffer.from([1, 2, 3]));
    else if (request.url === '/moved') response.writeHead(302, { location: '/image' }).end();
    else if (request.url === '/large') response.writeHead(200, { 'content-length': '1000000' }).end(Buffer.alloc(1e6));
    else if (request.url === '/endless') {
      const timer = setInterval(() => response.write(Buffer.alloc(1000)), 1);
      response.on('close', () => clearInterval(timer));
    } else if (request.url === '/slow') response.write('x');
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const { signal } = new AbortController();
/** As if the loopback were the internet. */
const open = { signal, mayConnect: () => true };

it('fetches from the allowed hosts', async () => {
  const bytes = await fetchImage(`http://${host}/image`, { hosts: [host], ...open });
  expect(Array.from(bytes)).toEqual([1, 2, 3]);
});

it.each([
  ['another host', 'http://example.com/x.png', 'images may come from'],
  ['another port', 'http://127.0.0.1:1/x.png', 'images may come from'],
  ['a password', 'http://a:b@HOST/image', 'has a password'],
  ['a redirect', 'http://HOST/moved', 'answers 302; redirects are not followed'],
  ['what is not there', 'http://HOST/none', 'answers 404'],
  ['a large file', 'http://HOST/large', 'more than 5000 bytes'],
  ['a file without end', 'http://HOST/endless', 'more than 5000 bytes'],
  ['a slow host', 'http://HOST/slow', 'took more than 200 ms'],
  ['no URL', 'http://[', 'it is not a URL'],
])('refuses %s', async (_, url, message) => {
  const options = { hosts: [host], ...open, maxBytes: 5000, timeout: 200 };
  const failing = fetchImage(url.replace('HOST', host), options);
  await expect(failing).rejects.toThrow(message);
  await expect(failing).rejects.toMatchObject({ status: 400 });
});

it('connects to nothing inside of the own network, whatever its name', async () => {
  for (const name of [host, host.replace('127.0.0.1', 'localhost')]) {
    const failing = fetchImage(`http://${name}/image`, { hosts: [name], signal });
    await expect(failing, name).rejects.toThrow('not on the public internet');
  }
});

it('knows which addresses are inside', () => {
  const inside = [
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1::a00:1',
    'fec0::1',
    '2001:0:a00:1::1',
    '192.88.99.1',
    'ff02::1',
    'localhost',
    '',
  ];
  for (const address of inside) expect(isPublicAddress(address), address).toBe(false);
  for (const address of ['8.8.8.8', '172.32.0.1', '1.1.1.1', '2606:4700::1111', '::ffff:8.8.8.8']) {
    expect(isPublicAddress(address), address).toBe(true);
  }
});
