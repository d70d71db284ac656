/**
 * @file Sends bodies in pieces, so that the server can see whether the client reads.
 */
import type { IncomingMessage } from 'node:http';
import { ServerResponse } from './node-http.node.ts';

/** Maximum number of bytes in a piece. */
const PIECE = 2 ** 18;

/** A response that reports the unsent bytes of its body, and since when they wait. */
export class TrackedResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** When it sent the last piece or the answer became complete; `undefined` until then. */
  stuckSince: number | undefined;
  /** Unsent bytes of the body. */
  waiting = 0;

  override end(...[body, ...more]: [body?: unknown, ...more: unknown[]]): this {
    this.stuckSince = performance.now();
    if (typeof body === 'string' && body.length > PIECE) return this.#send(Buffer.from(body), 0);
    if (body instanceof Uint8Array && body.length > PIECE) return this.#send(body, 0);
    return Reflect.apply(super.end, this, [body, ...more]);
  }

  #send(body: Uint8Array, from: number): this {
    const to = from + PIECE;
    this.waiting = body.length - from;
    if (to >= body.length) return super.end(body.subarray(from));
    this.write(body.subarray(from, to), (error) => {
      if (error || this.destroyed) return;
      this.stuckSince = performance.now();
      this.#send(body, to);
    });
    return this;
  }
}
