/**
 * @file A real model that computes once the test lets it: shows what the server does while requests wait.
 */
import type { Embedder } from '../../src/engine/index.ts';
import type { Engine } from '../../src/server/index.ts';

/** An engine whose `embed` waits for `release`. */
export interface DelayedEngine extends Engine {
  /** Calls of `embed` so far. */
  readonly nCalls: number;
  /** Options of every call. */
  readonly calls: { client?: string; signal?: AbortSignal }[];
  /** Lets all calls go on, those to come as well. */
  release(): void;
}

/** `embedder`, whose `embed` waits. */
export function delayed(embedder: Embedder): DelayedEngine {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const calls: { client?: string; signal?: AbortSignal }[] = [];
  return {
    info: embedder.info,
    metadata: embedder.metadata,
    tokenizer: embedder.tokenizer,
    nWaiting: 0,
    nWaitingTokens: 0,
    failure: undefined,
    lora: [],
    setLora: () => {},
    tokenize: (input, options) => embedder.tokenize(input, options),
    detokenize: (ids) => embedder.detokenize(ids),
    async embed(input, options) {
      calls.push({ client: options?.client, signal: options?.signal });
      await released;
      options?.signal?.throwIfAborted();
      return embedder.embed(input, options);
    },
    calls,
    get nCalls() {
      return calls.length;
    },
    release,
  };
}
