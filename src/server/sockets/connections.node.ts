/**
 * @file Which connections are open and which requests each of them has to answer, so that a stop ends every connection that
 * owes nothing. Node's own `close` waits for connections that have not sent a whole header, and no longer ends them.
 */
import type { IncomingMessage, Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { Arrivals } from './arrivals.node.ts';
import type { TrackedResponse } from './response.node.ts';

/** Milliseconds for reading what has arrived when the server is told to stop. */
const GRACE = 100;
/** Most milliseconds that a client may take for the next piece of its answer while the server stops. */
const STOP_SILENCE = 500;
/** Most bytes in all answers that clients have not read; beyond, those are cut off that have not read for the longest time. */
const MAX_UNREAD = 512 * 2 ** 20;
/** Milliseconds between two looks at what was read. */
const INTERVAL = 250;

/** A request and its answer. */
interface Exchange {
  readonly outgoing: TrackedResponse;
  /** Whether the answer is to say `Connection: close`. */
  last: boolean;
}

/** The open connections of one server. */
export class Connections {
  readonly #server: Server;
  readonly #timer: NodeJS.Timeout;
  #silence: number;
  readonly #arrivals: Arrivals;
  /** Connections that can carry requests, with those that are not answered yet, in the order of their arrival. */
  readonly #open = new Map<Socket, Exchange[]>();
  /** TCP connections whose TLS handshake is not complete, by their two ends. */
  readonly #handshakes = new Map<string | Socket, Socket>();
  #state: 'open' | 'stopping' | 'sealed' = 'open';

  /**
   * @param isTls whether connections begin with a TLS handshake
   * @param silence most milliseconds that a client may take to read the next piece of its answer
   * @param patience most milliseconds for which a body may be late, see `Arrivals`
   */
  constructor(server: Server, isTls: boolean, silence: number, patience: number) {
    this.#server = server;
    this.#silence = silence;
    this.#arrivals = new Arrivals(patience);
    this.#timer = setInterval(() => this.#lookAtUnread(), INTERVAL).unref();
    if (!isTls) {
      server.on('connection', (socket: Socket) => this.#add(socket));
      return;
    }
    server.on('connection', (socket: Socket) => {
      const key = ends(socket) ?? socket;
      this.#handshakes.set(key, socket);
      socket.once('close', () => {
        if (this.#handshakes.get(key) === socket) this.#handshakes.delete(key);
      });
    });
    server.on('secureConnection', (socket: Socket) => {
      this.#handshakes.delete(ends(socket) ?? socket);
      this.#add(socket);
    });
  }

  /** Notes a request. @returns whether it is to be answered: after a stop only those are that had arrived by then */
  begin(incoming: IncomingMessage, outgoing: TrackedResponse): boolean {
    const exchanges = this.#open.get(incoming.socket);
    const before = exchanges?.at(-1);
    if (exchanges === undefined || this.#state === 'sealed' || (before?.last && before.outgoing.headersSent))
      return false;
    const exchange: Exchange = { outgoing, last: false };
    exchanges.push(exchange);
    this.#arrivals.watch(incoming);
    outgoing.once('close', () => {
      exchanges.splice(exchanges.indexOf(exchange), 1);
      // The next answer of the connection could not leave before.
      const [next] = exchanges;
      if (next?.outgoing.stuckSince !== undefined) next.outgoing.stuckSince = performance.now();
      // An answer whose header had left when the stop came promised to keep the connection.
      if (this.#state !== 'open' && next === undefined) incoming.socket.destroySoon();
    });
    if (this.#state === 'stopping') announceEnd(exchanges);
    return true;
  }

  /** Whether bytes that are sent now could not be taken for a part of an answer under way. */
  isBetweenAnswers(socket: Socket): boolean {
    return this.#open.get(socket)?.every(({ outgoing }) => !outgoing.headersSent) ?? false;
  }

  /**
   * Ends every connection after its last answer, and at once when it waits for none. Requests that have arrived but were not
   * read yet are answered, too, so reading goes on for a moment.
   * @returns when all connections are closed
   */
  async stop(): Promise<void> {
    this.#state = 'stopping';
    this.#silence = STOP_SILENCE;
    this.#arrivals.hurry();
    const now = performance.now();
    for (const exchanges of this.#open.values()) {
      announceEnd(exchanges);
      for (const { outgoing } of exchanges) if (outgoing.stuckSince !== undefined) outgoing.stuckSince = now;
    }
    await new Promise((resolve) => setTimeout(resolve, GRACE));
    this.#state = 'sealed';
    const closed = new Promise<unknown>((resolve) => {
      // That of HTTP would also end connections whose answer is complete but has not left yet. Bun has only that one.
      if (this.#server instanceof NetServer) Reflect.apply(NetServer.prototype.close, this.#server, [resolve]);
      else (this.#server as Server).close(resolve);
    });
    for (const socket of this.#handshakes.values()) if (ends(socket) !== undefined) socket.destroy();
    for (const [socket, exchanges] of this.#open) if (exchanges.length === 0) socket.destroy();
    this.#endUnmatched();
    await closed;
    // Its timer for headers has nothing to watch any more.
    this.#server.close(() => {});
    this.abandon();
  }

  /** Stops looking at connections, when there are none any more. */
  abandon(): void {
    this.#arrivals.close();
    clearInterval(this.#timer);
  }

  #add(socket: Socket): void {
    if (this.#state === 'sealed') {
      socket.destroy();
      return;
    }
    this.#open.set(socket, []);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#endUnmatched();
    });
  }

  /** Ends connections of which it is not known whether their handshake is complete, once no known one is left. */
  #endUnmatched(): void {
    if (this.#state !== 'sealed' || this.#open.size > 0) return;
    for (const socket of this.#handshakes.values()) socket.destroy();
  }

  /** Closes the connections of clients that do not read their answers, or too slowly. */
  #lookAtUnread(): void {
    const now = performance.now();
    const stuck: TrackedResponse[] = [];
    let waiting = 0;
    for (const [first, ...others] of this.#open.values()) {
      for (const { outgoing } of others) waiting += outgoing.waiting;
      if (first?.outgoing.stuckSince === undefined) continue;
      waiting += first.outgoing.waiting;
      if (now - first.outgoing.stuckSince > this.#silence) first.outgoing.destroy();
      else stuck.push(first.outgoing);
    }
    if (waiting <= MAX_UNREAD) return;
    stuck.sort((a, b) => (b.stuckSince ?? 0) - (a.stuckSince ?? 0));
    while (waiting > MAX_UNREAD && stuck.length > 1) {
      const longest = stuck.pop()!;
      waiting -= longest.waiting;
      longest.destroy();
    }
  }
}

/** Lets the last of the answers of a connection say `Connection: close`, where its header has not been sent. */
function announceEnd(exchanges: readonly Exchange[]): void {
  for (const [i, exchange] of exchanges.entries()) {
    if (exchange.outgoing.headersSent) continue;
    const isLast = i === exchanges.length - 1;
    if (isLast) exchange.outgoing.setHeader('Connection', 'close');
    else if (exchange.last) exchange.outgoing.removeHeader('Connection');
    exchange.last = isLast;
  }
}

/** The two ends of a TCP connection, which a TLS connection over it has in common with it; UNIX sockets have none. */
function ends({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}
