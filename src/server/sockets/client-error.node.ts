/**
 * @file Answers bytes that are not an HTTP request. Node's own answers have only a status.
 */
import type { Duplex } from 'node:stream';
import { layerErrorBody } from '../errors.ts';
import { STATUS_CODES } from './node-http.node.ts';

/** Statuses other than 400, by Node's error code. */
const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
};

/**
 * Answers with the reason and closes the connection.
 * @param mayAnswer false if the client could take the answer for a part of another one
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex, mayAnswer: boolean): void {
  const { code = '' } = error;
  if (!mayAnswer || !socket.writable || !(code in statuses || code.startsWith('HPE_'))) {
    socket.destroy(error);
    return;
  }
  const status = statuses[code] ?? 400;
  const message = status === 408 ? 'the request did not arrive in time' : `expected an HTTP request: ${error.message}`;
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
