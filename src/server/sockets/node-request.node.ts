/**
 * @file Requests of Node's HTTP server in the form that the server works on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerRequest } from '../http/messages.ts';
import { originForm } from './request-line.ts';

/** A request of Node. */
export class NodeRequest implements ServerRequest {
  readonly method: string;
  readonly target: string;
  readonly client: string | undefined;
  readonly #incoming: IncomingMessage;
  #abort: AbortController | undefined;
  #hasLeft = false;

  /** @param outgoing tells whether the client has got its answer when the connection ends */
  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming;
    this.method = incoming.method ?? 'GET';
    this.target = originForm(incoming.url ?? '');
    this.client = incoming.socket.remoteAddress;
    outgoing.once('close', () => {
      if (outgoing.writableFinished && !incoming.errored) return;
      this.#hasLeft = true;
      this.#abort?.abort(departure());
    });
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#hasLeft && !this.#abort.signal.aborted) this.#abort.abort(departure());
    return this.#abort.signal;
  }

  header(name: string): string | undefined {
    // Node's own table of headers keeps the first of some repeated headers and joins others.
    const { rawHeaders } = this.#incoming;
    let value: string | undefined;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      if (rawHeaders[i].length !== name.length || rawHeaders[i].toLowerCase() !== name) continue;
      value = value === undefined ? rawHeaders[i + 1] : `${value}, ${rawHeaders[i + 1]}`;
    }
    return value;
  }

  read(onChunk: (chunk: Uint8Array) => void | Promise<void>): Promise<void> {
    const incoming = this.#incoming;
    return new Promise((resolve, reject) => {
      const stop = () => {
        incoming.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      };
      const onEnd = () => {
        stop();
        resolve();
      };
      const onError = (error: unknown) => {
        stop();
        // Who reads the rest after the answer has begun already must not be stopped.
        if (incoming.listenerCount('data') === 0) incoming.pause();
        reject(error);
      };
      const onClose = () => onError(departure());
      const onData = (chunk: Uint8Array) => {
        try {
          const busy = onChunk(chunk);
          if (!(busy instanceof Promise)) return;
          incoming.pause();
          busy.then(() => incoming.resume(), onError);
        } catch (error) {
          onError(error);
        }
      };
      if (incoming.destroyed) return onClose();
      incoming.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    });
  }
}

function departure(): Error {
  return new Error('the client has closed the connection');
}
