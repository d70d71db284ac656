/**
 * @file A real model behind a door that the test opens: shows what the server does while requests wait.
 */
import type { Embedder } from '../../src/engine/index.ts';
import type { Engine } from '../../src/server/index.ts';

/** An engine whose `embed` waits for `open`. */
export interface DelayedEngine extends Engine {
  /** Calls of `embed` so far. */
  readonly nCalls: number;
  /** Options of every call. */
  readonly calls: { client?: string; signal?: AbortSignal }[];
  /** Lets all calls go on, those to come as well. */
  open(): void;
}

/** Puts a door before `embedder`. */
export function delayed(embedder: Embedder): DelayedEngine {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const calls: { client?: string; signal?: AbortSignal }[] = [];
  return {
    info: embedder.info,
    metadata: embedder.metadata,
    tokenizer: embedder.tokenizer,
    nWaiting: 0,
    nWaitingTokens: 0,
    failure: undefined,
    tokenize: (input, options) => embedder.tokenize(input, options),
    detokenize: (ids) => embedder.detokenize(ids),
    async embed(input, options) {
      calls.push({ client: options?.client, signal: options?.signal });
      await opened;
      options?.signal?.throwIfAborted();
      return embedder.embed(input, options);
    },
    calls,
    get nCalls() {
      return calls.length;
    },
    open,
  };
}
