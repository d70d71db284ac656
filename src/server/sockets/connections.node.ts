/**
 * @file Tracks open connections and the answers that each one waits for, so that a stop can end every connection that waits for
 * none. Node's own `close` waits for connections with an incomplete header, and no longer times them out.
 */
import type { IncomingMessage, Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { Arrivals } from './arrivals.node.ts';
import { afterReading, BusyTime } from './busy-time.node.ts';
import type { TrackedResponse } from './response.node.ts';

/** Milliseconds for reading data that has already arrived when a stop begins. */
const GRACE = 100;
/** Maximum time for a client to read the next piece of its answer during a stop, in milliseconds. */
const STOP_SILENCE = 500;
/**
 * Milliseconds before each look for a client that has closed its half of the connection. If it is gone, a write draws a refusal from its system,
 * which the next write finds.
 */
const LOOKS = [0, 10, 90, 400];
/** Maximum number of bytes in all unread answers. Beyond it, the server closes the connections that have read nothing for the longest time. */
const MAX_UNREAD = 512 * 2 ** 20;

/** A request and its answer. */
interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: TrackedResponse;
  /** Whether the answer should have `Connection: close`. */
  last: boolean;
}

/** The open connections of one server. */
export class Connections {
  readonly #server: Server;
  readonly #busy = new BusyTime(() => this.#lookAtUnread());
  /** Busy time at the last look at unread answers. */
  #busyBefore = 0;
  #silence: number;
  readonly #arrivals: Arrivals;
  /** Connections that can carry requests, with their unanswered requests in the order of arrival. */
  readonly #open = new Map<Socket, Exchange[]>();
  /** TCP connections with an incomplete TLS handshake, by their two endpoints. */
  readonly #handshakes = new Map<string | Socket, Socket>();
  #state: 'open' | 'draining' | 'stopping' | 'sealed' = 'open';

  /**
   * @param isTls whether connections begin with a TLS handshake
   * @param silence maximum time for a client to read the next piece of its answer, in milliseconds
   * @param patience maximum delay of a body in milliseconds, see `Arrivals`
   */
  constructor(server: Server, isTls: boolean, silence: number, patience: number) {
    this.#server = server;
    this.#silence = silence;
    this.#arrivals = new Arrivals(patience);
    server.on('timeout', (socket: Socket) => this.#endIdle(socket));
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

  /** Records a request. @returns whether to answer it: during a stop, only requests that arrived before it get an answer */
  begin(incoming: IncomingMessage, outgoing: TrackedResponse): boolean {
    const exchanges = this.#open.get(incoming.socket);
    const before = exchanges?.at(-1);
    if (exchanges === undefined || this.#state === 'sealed' || (before?.last && before.outgoing.headersSent))
      return false;
    const exchange: Exchange = { incoming, outgoing, last: false };
    exchanges.push(exchange);
    this.#arrivals.watch(incoming);
    outgoing.once('close', () => {
      exchanges.splice(exchanges.indexOf(exchange), 1);
      // The connection's next answer could not start before.
      const [next] = exchanges;
      if (next?.outgoing.stuckSince !== undefined) next.outgoing.stuckSince = performance.now();
      // An answer whose header was sent before the stop promised to keep the connection open.
      const isStopping = this.#state === 'stopping' || this.#state === 'sealed';
      if (isStopping && next === undefined) incoming.socket.destroySoon();
    });
    if (this.#state !== 'open') announceEnd(exchanges);
    return true;
  }

  /**
   * Calls `then` once all requests that have arrived completely on a connection are answered: what comes after them must not be answered
   * in their place.
   * @param then gets whether the client cannot take bytes sent now for a part of an unfinished answer
   */
  afterAnswers(socket: Socket, then: (isBetweenAnswers: boolean) => void): void {
    const last = this.#open.get(socket)?.findLast(({ incoming }) => incoming.complete);
    if (last !== undefined) last.outgoing.once('close', () => this.afterAnswers(socket, then));
    else then(this.#open.get(socket)?.every(({ outgoing }) => !outgoing.headersSent) ?? false);
  }

  /** Ends every connection after its next answers, but accepts new ones. Idle connections stay open. */
  drain(): void {
    this.#state = 'draining';
    for (const exchanges of this.#open.values()) announceEnd(exchanges);
  }

  /**
   * Ends every connection after its last answer, and those that wait for none at once. Requests that have arrived but are unread
   * still get an answer, so reading continues for a moment.
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
    await new Promise<void>((resolve) => setTimeout(() => afterReading(resolve), GRACE));
    this.#state = 'sealed';
    const closed = new Promise<unknown>((resolve) => {
      // HTTP's own `close` would also end connections with a complete answer that is not sent yet. Bun has only that one.
      if (this.#server instanceof NetServer) Reflect.apply(NetServer.prototype.close, this.#server, [resolve]);
      else (this.#server as Server).close(resolve);
    });
    for (const socket of this.#handshakes.values()) if (ends(socket) !== undefined) socket.destroy();
    for (const [socket, exchanges] of this.#open) if (exchanges.length === 0) socket.destroy();
    this.#endUnmatched();
    await closed;
    // Its timer for headers has nothing left to watch.
    this.#server.close(() => {});
    this.abandon();
  }

  /** Stops checking once no connection is left. */
  abandon(): void {
    this.#arrivals.close();
    this.#busy.close();
  }

  #add(socket: Socket): void {
    if (this.#state === 'sealed') {
      socket.destroy();
      return;
    }
    this.#open.set(socket, []);
    socket.once('end', () => this.#lookForClient(socket, LOOKS));
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#endUnmatched();
    });
  }

  /**
   * A client that has closed its half of the connection waits for its answers, or is gone: then a write ends the connection. What may be written
   * before an answer, and is no part of it, is an interim answer. Where there is none, as in HTTP/1.0, the client counts as gone in the end.
   */
  #lookForClient(socket: Socket, [wait, ...later]: readonly number[]): void {
    setTimeout(() => {
      const [first] = this.#open.get(socket) ?? [];
      if (first === undefined) return;
      const { incoming, outgoing } = first;
      const mayAsk = incoming.complete && incoming.httpVersionMinor > 0 && !outgoing.headersSent;
      if (mayAsk) outgoing.writeContinue();
      if (later.length > 0) this.#lookForClient(socket, later);
      else if (!mayAsk) afterReading(() => this.#endUnanswered(socket));
    }, wait).unref();
  }

  /** Ends a connection that waits for an answer, or for the rest of one: a stream may have none, so that no failing write ends it. */
  #endUnanswered(socket: Socket): void {
    const [first] = this.#open.get(socket) ?? [];
    if (first !== undefined && first.outgoing.stuckSince === undefined) socket.destroy();
  }

  /** Once no known connection is left, ends those whose handshake may be incomplete. */
  #endUnmatched(): void {
    if (this.#state !== 'sealed' || this.#open.size > 0) return;
    for (const socket of this.#handshakes.values()) socket.destroy();
  }

  /**
   * Ends a kept connection whose time is over. Node by itself would do so even if the thread was busy and has not read the request that
   * has arrived meanwhile, or if a client in the same thread could not send one.
   */
  #endIdle(socket: Socket): void {
    const { bytesRead } = socket;
    this.#busy.look();
    afterReading(() => {
      if (socket.bytesRead !== bytesRead) return;
      const left = this.#busy.until - performance.now();
      if (left > 0 && (this.#state === 'open' || this.#state === 'draining')) socket.setTimeout(left);
      else socket.destroy();
    });
  }

  /** Closes the connections of clients that read their answers too slowly or not at all. */
  #lookAtUnread(): void {
    const now = performance.now();
    const busy = this.#busy.total - this.#busyBefore;
    this.#busyBefore = this.#busy.total;
    const stuck: TrackedResponse[] = [];
    let waiting = 0;
    for (const [first, ...others] of this.#open.values()) {
      for (const { outgoing } of others) waiting += outgoing.waiting;
      if (first?.outgoing.stuckSince === undefined) continue;
      first.outgoing.stuckSince += busy;
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

/** Sets `Connection: close` on the last answer of a connection, unless its header is already sent. */
function announceEnd(exchanges: readonly Exchange[]): void {
  for (const [i, exchange] of exchanges.entries()) {
    if (exchange.outgoing.headersSent) continue;
    const isLast = i === exchanges.length - 1;
    if (isLast) exchange.outgoing.setHeader('Connection', 'close');
    else if (exchange.last) exchange.outgoing.removeHeader('Connection');
    exchange.last = isLast;
  }
}

/** The two endpoints of a TCP connection, which identify it under TLS, too. UNIX sockets have none. */
function ends({ localAddress, localPort, remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}
