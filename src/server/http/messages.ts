/**
 * @file Requests and answers in the form that the server works on, below the objects of any runtime. Types only.
 *
 * `sockets/node-request.node.ts` makes requests of Node's, `http/fetch.ts` those of the Web's `Request`. In Node, merely naming the globals
 * `Request`, `Response` or `Headers` loads a client of 18 MB.
 */
import type { AnswerHeaders } from './answer-headers.ts';

/** A request. */
export interface ServerRequest {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly target: string;
  /** Address of the client, if known. */
  readonly client: string | undefined;
  /** Aborted when the client disconnects before it has the answer. */
  readonly signal: AbortSignal;
  /**
   * Value of a header; `undefined` if the request has none. The values of a repeated header are joined by commas.
   * @param name in lower case
   */
  header(name: string): string | undefined;
  /**
   * Reads the body, once. The connection stays usable if reading stops early.
   * @param onChunk gets the bytes as they arrive. If it returns a promise, reading waits for it; if it throws, reading stops
   * @throws what `onChunk` throws, and an Error if the client disconnects
   */
  read(onChunk: (chunk: Uint8Array) => void | Promise<void>): Promise<void>;
}

/** The body of an answer; `null`: none. */
export type AnswerBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: AnswerBody;
}

/** Answers requests. */
export type RequestHandler = (request: ServerRequest) => Promise<Answer>;
