/**
 * @file Fetches images from URLs in requests: only from allowed hosts, which must not be in the server's own network.
 */
import { lookup as dnsLookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { HttpError } from '../errors.ts';
import { request } from '../sockets/node-http.node.ts';

/** Most bytes of a fetched image, and the time limit in milliseconds: those of llama-server. */
const MAX_BYTES = 10 * 1024 * 1024;
const TIMEOUT = 10_000;

/** Addresses that are not on the public internet. */
const inside = new BlockList();
for (const network of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]) {
  const [address, bits] = network.split('/');
  inside.addSubnet(address, Number(bits), 'ipv4');
}
for (const network of [
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]) {
  const [address, bits] = network.split('/');
  inside.addSubnet(address, Number(bits), 'ipv6');
}

/** Whether an address is on the public internet. */
export function isPublicAddress(address: string): boolean {
  // BlockList compares an IPv4 address inside IPv6 as IPv4.
  return isIP(address) !== 0 && !inside.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

interface FetchOptions {
  /** Hosts that images may come from, as in the URL; with the port unless it is the default one. */
  readonly hosts: readonly string[];
  readonly signal: AbortSignal;
  /** Whether an address is allowed. Default: public addresses are. */
  readonly mayConnect?: (address: string) => boolean;
  /** Default 10 MiB. */
  readonly maxBytes?: number;
  /** Milliseconds. Default 10 000. */
  readonly timeout?: number;
}

/**
 * The bytes at a URL. Does not follow redirects, and resolves the name once, so that it connects to the address that it has checked.
 * @throws HttpError (400) with the reason
 */
export async function fetchImage(address: string, options: FetchOptions): Promise<Uint8Array> {
  const { hosts, signal, mayConnect = isPublicAddress, maxBytes = MAX_BYTES, timeout = TIMEOUT } = options;
  const fail = (why: string) =>
    new HttpError('invalid_request_error', `The image at ${JSON.stringify(address.slice(0, 200))} ${why}`);
  if (!URL.canParse(address)) throw fail('cannot be fetched: it is not a URL');
  const url = new URL(address);
  if (!hosts.includes(url.host)) throw fail(`is not fetched: images may come from ${hosts.join(', ')}`);
  if (url.username !== '' || url.password !== '') throw fail('is not fetched: its URL has a password');
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
  try {
    const name = url.hostname.replace(/^\[|\]$/g, '');
    const found = await dnsLookup(name, { all: true });
    if (found.length === 0 || !found.every((one) => mayConnect(one.address))) {
      throw fail('is not fetched: its host is not on the public internet');
    }
    const [{ address: target, family }] = found;
    const response = await get(url, target, family, limit);
    if (response.statusCode !== 200) {
      response.destroy();
      const redirect = String(response.statusCode).startsWith('3') ? '; redirects are not followed' : '';
      throw fail(`cannot be fetched: its host answers ${response.statusCode}${redirect}`);
    }
    return await readAll(response, maxBytes, () => fail(`has more than ${maxBytes} bytes`));
  } catch (error) {
    if (error instanceof HttpError) throw error;
    signal.throwIfAborted();
    throw fail(limit.aborted ? `took more than ${timeout} ms` : `cannot be fetched: ${(error as Error).message}`);
  }
}

function get(url: URL, address: string, family: number, signal: AbortSignal): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? tlsRequest : request;
  return new Promise((resolve, reject) => {
    send(url, {
      signal,
      agent: false,
      headers: { accept: 'image/*', 'accept-encoding': 'identity' },
      lookup: (_, { all }, callback) => (all ? callback(null, [{ address, family }]) : callback(null, address, family)),
    })
      .on('response', resolve)
      .on('error', reject)
      .end();
  });
}

async function readAll(response: IncomingMessage, maxBytes: number, tooLarge: () => Error): Promise<Uint8Array> {
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) {
    response.destroy();
    throw tooLarge();
  }
  const chunks: Buffer[] = [];
  let n = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    n += chunk.length;
    if (n > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
