/**
 * @file Bare connections that remember what came over them.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A connection and what came over it. */
export interface Connection {
  readonly socket: Socket;
  readonly received: () => string;
  readonly closed: Promise<void>;
}

/** Opens a connection to a port of this machine or to a UNIX socket. */
export function open(where: number | string): Promise<Connection> {
  const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where);
  return listenTo(socket, 'connect');
}

/** The same with TLS, whoever the certificate belongs to. */
export function openTls(where: number | string): Promise<Connection> {
  const to = typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where };
  return listenTo(connectTls({ ...to, rejectUnauthorized: false }), 'secureConnect');
}

function listenTo(socket: Socket, opened: 'connect' | 'secureConnect'): Promise<Connection> {
  let received = '';
  socket.on('data', (data) => (received += data));
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on(opened, () => resolve({ socket, received: () => received, closed }));
  });
}
