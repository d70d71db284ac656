/**
 * @file Answers bytes that are not an HTTP request. Node's own answers have only a status.
 */
import type { Duplex } from 'node:stream';
import { layerErrorBody } from '../errors.ts';
import { maxHeaderSize, STATUS_CODES } from './node-http.node.ts';

/** Statuses other than 400, by Node's error code. */
const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/** Messages for errors that Node describes by what its parser does. */
const messages: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'the request did not arrive in time',
  HPE_HEADER_OVERFLOW: `the request line and the headers are larger than ${maxHeaderSize} bytes`,
  HPE_INVALID_EOF_STATE: 'the connection ended before the request was complete',
  HPE_PAUSED_H2_UPGRADE: unsupportedVersion('2.0'),
};

/** What to say about another HTTP version. */
export function unsupportedVersion(version: string): string {
  return `HTTP/${version} is not supported: use HTTP/1.1 or HTTP/1.0`;
}

/** Whether Node reports bytes that are not a request, and not a failed connection. */
export function isRequestError({ code = '' }: NodeJS.ErrnoException): boolean {
  return code in statuses || code.startsWith('HPE_');
}

/** Answers a request error with the reason and closes the connection. */
export function answerRequestError({ code = '', message }: NodeJS.ErrnoException, socket: Duplex): void {
  const reason = message.replace(/^Parse Error:? */, '');
  refuseConnection(socket, statuses[code] ?? 400, messages[code] ?? `expected an HTTP request: ${reason}`);
}

/** Answers CONNECT, which asks a proxy for a connection to another host, and closes the connection. */
export function refuseTunnel(socket: Duplex): void {
  refuseConnection(socket, 400, 'this server is no proxy: remove it from the settings for a proxy of your HTTP client');
}

function refuseConnection(socket: Duplex, status: number, message: string): void {
  const body = layerErrorBody({ status, type: 'invalid_request_error', message });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Server: llama.cpp',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  );
}
