/**
 * @file The interface between requests and handlers: what a handler gets and what it returns. Types only.
 */
import type { Fields } from './json/fields.ts';
import type { ModelState } from './state.ts';

/** One request, as every handler sees it. */
export interface RequestContext {
  readonly state: ModelState;
  /** Address of the client, if known. Each client gets an equal share of the computing time. */
  readonly client: string | undefined;
  /** Value of a query parameter. */
  query(name: string): string | undefined;
  /** The part of the path that a route names `:name`. */
  param(name: string): string | undefined;
  /** Sets a header of the answer. */
  header(name: string, value: string): void;
  /** Counts the tokens of computed inputs, one number per input, for the metrics and the log. */
  countTokens(nTokens: readonly number[]): void;
  /** Adds tokens to the log line of the request that were not computed. */
  logTokens(nTokens: number): void;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

/** What computing vectors needs from a request. */
export interface ComputeContext extends Pick<RequestContext, 'state' | 'client' | 'signal' | 'countTokens'> {
  /**
   * Reserves memory for an answer of `nValues` values before computing them.
   * @throws HttpError if the answer is too large or the server too busy
   */
  reserve(nValues: number): void;
  /**
   * Reserves memory for something else.
   * @throws HttpError when the server is too busy
   */
  reserveBytes(nBytes: number): void;
}

/** A request with a body. */
export interface BodyContext extends RequestContext, ComputeContext {
  /** Parses the body. @throws HttpError if it is not valid JSON */
  fields(): Promise<Fields>;
}

/** Paths of the requests with a body. */
export type BodyPath =
  | '/v1/embeddings'
  | '/embeddings'
  | '/embedding'
  | '/rerank'
  | '/reranking'
  | '/v1/rerank'
  | '/v1/reranking'
  | '/v2/rerank'
  | '/embed'
  | '/embed_sparse'
  | '/api/embed'
  | '/tokenize'
  | '/detokenize';

/** A request whose body is too large for the thread that serves HTTP. */
export interface LargeRequest extends ComputeContext, Pick<RequestContext, 'logTokens'> {
  readonly path: BodyPath;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Content type of the body. */
  readonly type: string;
}

/** Handles large requests on another thread. */
export interface LargeRequestHandler {
  /** Resolves to the body of the answer; throws what the handler of the path throws. */
  handle(request: LargeRequest): Promise<Uint8Array<ArrayBuffer>>;
}

/** The body of an answer. */
export type Body = string | Uint8Array<ArrayBuffer>;

/** Makes the body of an answer. An error that it throws becomes the answer. */
export type Handler<Context extends RequestContext = BodyContext> = (context: Context) => Body | Promise<Body>;
