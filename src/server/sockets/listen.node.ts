/**
 * @file Sockets for the application: listens with Node's HTTP server, and stops without losing accepted requests.
 */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import { isIPv6, type ListenOptions as NetListenOptions, Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import type { App } from '../app.ts';
import { HttpError, layerErrorBody } from '../errors.ts';
import { answerRequestError, isRequestError, refuseTunnel, unsupportedVersion } from './client-error.node.ts';
import { Connections } from './connections.node.ts';
import { createServer } from './node-http.node.ts';
import { NodeRequest } from './node-request.node.ts';
import { TrackedResponse } from './response.node.ts';
import { discardRest, sendAnswer } from './send-answer.node.ts';
import { checkSocketPath, removeStaleSocket } from './socket-file.node.ts';

/** Maximum time for complete headers, and between two pieces of an answer, in seconds. */
const MAX_SILENCE = 60;
/** Maximum delay of a body in seconds, see `Arrivals`. */
const MAX_LATENESS = 30;

/** Where and how to listen. */
export interface ListenOptions {
  /** Address (IPv6 with or without brackets), host name, or path of a UNIX socket with the ending `.sock`. Not empty. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** A file descriptor of a socket that listens already, given to this process at its start. `host` and `port` then have no effect. */
  readonly fd?: number;
  /** Key and certificate in PEM: HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Maximum number of seconds for a request to arrive completely. Default 3600. */
  readonly timeout?: number;
  /** Maximum number of connections; further ones are closed at once. Default: no limit. */
  readonly maxConnections?: number;
  /** Called when the server cannot accept a connection, for example for lack of memory. The server continues. */
  readonly onError?: (error: Error) => void;
}

/** A listening server. */
export interface Listening {
  /** Its URL. */
  readonly url: string;
  /** 0 for a UNIX socket. */
  readonly port: number;
  /** Announces a stop: each answer from now on has `Connection: close`, so that clients connect elsewhere. */
  drain(): void;
  /** Stops accepting, waits for unfinished answers, closes all connections. */
  close(): Promise<void>;
}

/**
 * Starts listening.
 * @throws Error with the reason if it cannot use the address, or if key and certificate do not match
 */
export async function listen(app: Pick<App, 'handle'>, options: ListenOptions): Promise<Listening> {
  const { port, tls, timeout = 3600 } = options;
  const host = options.host.replace(/^\[(.*)\]$/, '$1');
  // Node would listen on all interfaces.
  if (host === '' && options.fd === undefined) throw new Error('the address to listen on is empty');
  const silence = Math.min(timeout, MAX_SILENCE) * 1000;
  const limits: ServerOptions<typeof IncomingMessage, typeof TrackedResponse> = {
    ServerResponse: TrackedResponse,
    // No route needs a `Host` header, and health probes with HTTP/1.0 send none.
    requireHostHeader: false,
    headersTimeout: silence,
    requestTimeout: timeout * 1000,
    connectionsCheckingInterval: 1000,
  };
  // A client that has sent its request may close its half of the connection, and wait for the answer.
  const halfOpen = { allowHalfOpen: true };
  // On demand: loading it takes longer than all other modules of the server.
  const { createServer: createTlsServer } = tls ? process.getBuiltinModule('node:https') : {};
  const server =
    createTlsServer?.({ ...limits, ...tls, ...halfOpen, handshakeTimeout: silence }) ?? createServer(limits);
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;
  const connections = new Connections(server, tls !== undefined, silence, Math.min(timeout, MAX_LATENESS) * 1000);
  const answer = async (incoming: IncomingMessage, outgoing: TrackedResponse) => {
    discardRest(incoming, outgoing);
    try {
      await sendAnswer(await app.handle(new NodeRequest(incoming, outgoing)), incoming, outgoing);
    } catch (error) {
      options.onError?.(error as Error);
      outgoing.destroy();
    }
  };
  const onRequest = (incoming: IncomingMessage, outgoing: TrackedResponse) => {
    if (!connections.begin(incoming, outgoing)) return;
    if (incoming.httpVersionMajor !== 1) return refuseVersion(incoming, outgoing);
    void answer(incoming, outgoing);
  };
  server.on('request', onRequest);
  // As in llama-server, an unknown `Expect` is ignored.
  server.on('checkExpectation', onRequest);
  // Of one connection, Node may report several errors.
  const failed = new WeakSet<Duplex>();
  const refuse = (socket: Duplex, error: Error | undefined, answer: () => void) => {
    if (!(socket instanceof Socket)) return socket.destroy(error);
    if (failed.has(socket)) return;
    failed.add(socket);
    connections.afterAnswers(socket, (isBetweenAnswers) => {
      if (isBetweenAnswers && socket.writable) answer();
      else socket.destroy(error);
    });
  };
  server.on('clientError', (error, socket) => {
    if (isRequestError(error)) refuse(socket, error, () => answerRequestError(error, socket));
    else socket.destroy(error);
  });
  server.on('connect', (_, socket) => {
    // Node has removed its own listener.
    socket.on('error', () => {});
    refuse(socket, undefined, () => refuseTunnel(socket));
  });
  Object.assign(server, { httpAllowHalfOpen: true });

  const { fd } = options;
  const isSocket = fd === undefined && isSocketPath(host);
  const place = fd === undefined ? listenPlace(host, port) : { fd };
  try {
    if (isSocket) checkSocketPath(host);
    await bind(server, place).catch(async (error: NodeJS.ErrnoException) => {
      if (fd !== undefined)
        throw new Error(`file descriptor ${fd} is not a listening socket: ${error.message}`, { cause: error });
      if (!isSocket || error.code !== 'EADDRINUSE') throw explain(error, host, port);
      await removeStaleSocket(host);
      await bind(server, place).catch((again: NodeJS.ErrnoException) => {
        throw explain(again, host, port);
      });
    });
  } catch (error) {
    connections.abandon();
    throw error;
  }
  server.on('error', (error) => options.onError?.(error));
  const address = server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : 0;
  const bound = fd !== undefined && typeof address === 'object' && address !== null ? address.address : host;
  const name = isIPv6(bound) ? `[${bound}]` : bound;
  const file = isSocket ? `unix:${host}` : fd !== undefined && boundPort === 0 ? `unix:fd${fd}` : undefined;
  return {
    url: file ?? `${tls ? 'https' : 'http'}://${name}:${boundPort}`,
    port: boundPort,
    drain: () => connections.drain(),
    close: () => connections.stop(),
  };
}

/** Resolves when the server listens; rejects with Node's error. */
function bind(server: Server, place: NetListenOptions & { readonly fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const listening = () => {
      server.off('error', reject);
      resolve();
    };
    server.once('error', reject);
    server.listen(place, listening);
  });
}

function listenPlace(host: string, port: number): NetListenOptions {
  return isSocketPath(host) ? { path: host } : { host, port };
}

function isSocketPath(host: string): boolean {
  return host.endsWith('.sock');
}

/** Answers a request line with another HTTP version as llama-server does, and closes the connection. */
function refuseVersion({ httpVersion }: IncomingMessage, outgoing: ServerResponse): void {
  const error = new HttpError('invalid_request_error', unsupportedVersion(httpVersion));
  const body = layerErrorBody(error);
  outgoing.writeHead(error.status, {
    Server: 'llama.cpp',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  outgoing.end(body);
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const isSocket = isSocketPath(host);
  const where = isSocket ? `the socket file ${host}` : `${host}:${port}`;
  // A socket in a folder that does not exist is reported as one without permission.
  const hasFolder = !isSocket || process.getBuiltinModule('node:fs').existsSync(dirname(host));
  const noFolder = `the folder of ${where} does not exist`;
  const notAlone = `unknown host name: ${host}; give the address alone, and the port with --port`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: isSocket
      ? `${where} is in use: choose another path with --host`
      : `${where} is in use: choose another port with --port, or stop what listens there`,
    EACCES: hasFolder ? `no permission to listen on ${where}` : noFolder,
    ENOENT: noFolder,
    EADDRNOTAVAIL: `${host} is not an address of this machine`,
    ENOTFOUND: `unknown host name: ${host}`,
    ...(/\/\/|:\d+$/.test(host) && { ENOTFOUND: notAlone, EAI_AGAIN: notAlone }),
    ...(/^fe80:[^%]*$/i.test(host) && { EINVAL: `${host} needs the name of its interface: ${host}%eth0` }),
  };
  return new Error(reasons[error.code ?? ''] ?? `cannot listen on ${where}: ${error.message}`, { cause: error });
}
