/**
 * @file Sockets for the application: listens with Node's HTTP server and stops without losing what was accepted.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { App } from './app.ts';

/** Milliseconds for reading what has arrived when the server is told to stop. */
const GRACE = 100;

/** Where to listen. */
export interface ListenOptions {
  /** Address, name, or path of a UNIX socket that ends in `.sock`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** A listening server. */
export interface Listening {
  /** How to reach it. */
  readonly url: string;
  readonly port: number;
  /** Stops accepting, waits for the answers under way, closes all connections. */
  close(): Promise<void>;
}

/**
 * Starts listening.
 * @throws Error in plain words when the address cannot be used
 */
export async function listen(app: App, { host, port }: ListenOptions): Promise<Listening> {
  const server = createServer(getRequestListener((request) => app.fetch(request), { overrideGlobalObjects: false }));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, host, port)));
    if (host.endsWith('.sock')) server.listen(host, resolve);
    else server.listen(port, host, resolve);
  });
  const address = server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : 0;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: host.endsWith('.sock') ? `unix:${host}` : `http://${name}:${boundPort}`,
    port: boundPort,
    close: () => close(server),
  };
}

/**
 * Requests that have arrived but were not read yet count as accepted, so the sockets stay open for a moment. Then
 * connections without a request are closed, the others after their answer.
 */
async function close(server: Server): Promise<void> {
  server.on('request', (_, outgoing: ServerResponse) => {
    if (!outgoing.headersSent) outgoing.setHeader('Connection', 'close');
  });
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
