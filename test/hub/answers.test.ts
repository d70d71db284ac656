/**
 * @file Answers of a hub that are not what they should be, and addresses with a name and a password.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listRepository } from '../../src/hub/listing.ts';
import { request } from '../../src/hub/requests.ts';

let answer: unknown;
let received: IncomingMessage | undefined;
const server = createServer((message, response) => {
  received = message;
  response.end(JSON.stringify(answer));
});
beforeAll(() => new Promise<void>((done) => void server.listen(0, '127.0.0.1', done)));
afterAll(() => void server.close());
const host = () => `127.0.0.1:${(server.address() as AddressInfo).port}`;

const commit = 'a'.repeat(40);
test.each([undefined, null, 5, '', 'x', [commit], { toString: 1 }])('a commit that is %j', async (targetCommit) => {
  answer = { branches: [{ name: 'main', targetCommit }] };
  await expect(listRepository({ endpoint: `http://${host()}/` }, 'u/r', 1)).rejects.toMatchObject({
    name: 'HubError',
    message: 'the hub names no commit of u/r',
  });
});

test.each([
  ['user:pass', 'user:pass'],
  ['%C3%BC%E6%97%A5:a%3Ab', 'ü日:a:b'],
  ['100%:50%zz%ff', '100%:50%zz%ff'],
])('the account %s', async (inUrl, account) => {
  await request({ endpoint: 'https://hub.invalid/' }, new URL(`http://${inUrl}@${host()}/`));
  expect(received!.headers.authorization).toBe(`Basic ${Buffer.from(account).toString('base64')}`);
});
