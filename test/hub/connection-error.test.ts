/** @file Which failures of connections are worth a retry, by the errors of Node and Deno. */
import { expect, it } from 'vitest';
import { connectionError } from '../../src/hub/connection-error.ts';

const url = new URL('https://example.org/model.gguf');
const caused = (code: string) => new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
const named = (name: string) => Object.assign(new Error('Requires net access to "example.org:443"'), { name });

it.each([
  ['a cut connection', caused('ECONNRESET'), true, 'the connection was cut'],
  ['an unknown host', caused('ENOTFOUND'), false, 'there is no such host (is there a network?)'],
  ['a network that Node forbids', caused('ERR_ACCESS_DENIED'), false, 'run it with --allow-net'],
  ['a network that Deno 2 forbids', named('NotCapable'), false, 'Requires net access'],
  ['a network that Deno 1 forbids', named('PermissionDenied'), false, 'Requires net access'],
])('%s', (_name, error, isTransient, reason) => {
  const { message, isTransient: found } = connectionError(error, url);
  expect(found).toBe(isTransient);
  expect(message).toContain(`cannot reach example.org: `);
  expect(message).toContain(reason);
});
