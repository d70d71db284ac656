/**
 * @file Sockets for the application: listens with Node's HTTP server and stops without losing what was accepted.
 */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { getRequestListener } from '@hono/node-server';
import type { App } from './app.ts';

/** Milliseconds for reading what has arrived when the server is told to stop. */
const GRACE = 100;
/** Most seconds until the headers of a request are complete, or without a byte of its body or of its answer. */
const MAX_SILENCE = 60;

/** Where and how to listen. */
export interface ListenOptions {
  /** Address, name, or path of a UNIX socket that ends in `.sock`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Key and certificate in PEM: HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Most seconds until a request has arrived as a whole. Default 3600. */
  readonly timeout?: number;
  /** Most connections at a time; more are closed at once. Default: any number. */
  readonly maxConnections?: number;
  /** Hears of connections that could not be accepted, for lack of memory say. The server goes on. */
  readonly onError?: (error: Error) => void;
}

/** A listening server. */
export interface Listening {
  /** How to reach it. */
  readonly url: string;
  /** 0 for a UNIX socket. */
  readonly port: number;
  /** Stops accepting, waits for the answers under way, closes all connections. */
  close(): Promise<void>;
}

/**
 * Starts listening.
 * @throws Error in plain words when the address cannot be used, or key and certificate do not fit
 */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const { host, port, tls, timeout = 3600 } = options;
  const silence = Math.min(timeout, MAX_SILENCE) * 1000;
  const limits: ServerOptions = {
    headersTimeout: silence,
    requestTimeout: timeout * 1000,
    connectionsCheckingInterval: 1000,
  };
  // Replaces the global Request and Response by lighter ones, which halves the time that a request costs this thread.
  const answer = getRequestListener((request, { incoming }) =>
    app.fetch(request, { client: incoming.socket.remoteAddress }),
  );
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    endWhenSilent(incoming, silence);
    endWhenNotRead(outgoing, silence);
    return answer(incoming, outgoing);
  };
  const server = tls ? createTlsServer({ ...limits, ...tls }, onRequest) : createServer(limits, onRequest);
  if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections;

  const isSocket = host.endsWith('.sock');
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => reject(explain(error, host, port));
    const listening = () => {
      server.off('error', refuse);
      server.on('error', (error) => options.onError?.(error));
      resolve();
    };
    server.once('error', refuse);
    if (isSocket) server.listen(host, listening);
    else server.listen(port, host, listening);
  });
  const address = server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : 0;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: isSocket ? `unix:${host}` : `${tls ? 'https' : 'http'}://${name}:${boundPort}`,
    port: boundPort,
    close: () => close(server),
  };
}

/** Closes the connection of a client that stops in the middle of a body. */
function endWhenSilent(incoming: IncomingMessage, milliseconds: number): void {
  if (incoming.complete) return;
  incoming.setTimeout(milliseconds, () => incoming.destroy());
  incoming.once('end', () => incoming.setTimeout(0));
}

/** Closes the connection of a client that stops reading its answer. */
function endWhenNotRead(outgoing: ServerResponse, milliseconds: number): void {
  // The answer is complete but not yet sent; until then the client has nothing to do but wait.
  outgoing.once('prefinish', () => outgoing.setTimeout(milliseconds, () => outgoing.destroy()));
  // Before Node sets the timeout of an idle connection; a request that follows at once has none.
  outgoing.prependOnceListener('finish', () => outgoing.setTimeout(0));
}

/**
 * Requests that have arrived but were not read yet count as accepted, so the sockets stay open for a moment. Then
 * connections without a request are closed, the others after their answer.
 */
async function close(server: Server): Promise<void> {
  server.prependListener('request', (_, outgoing: ServerResponse) => outgoing.setHeader('Connection', 'close'));
  await new Promise((resolve) => setTimeout(resolve, GRACE));
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  await closed;
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const where = host.endsWith('.sock') ? host : `${host}:${port}`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is in use: choose another port with --port, or stop what listens there`,
    EACCES: `no permission to listen on ${where}`,
    EADDRNOTAVAIL: `${host} is no address of this machine`,
    ENOTFOUND: `the host name ${host} is not known`,
  };
  return new Error(reasons[error.code ?? ''] ?? `cannot listen on ${where}: ${error.message}`, { cause: error });
}
